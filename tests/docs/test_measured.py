"""The picture of the comparison shows the figures of docs/measured.md."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from shutil import copy

from .conftest import ROOT, read


def drawn(folder: Path, measured: str) -> str:
    for name in ("draw_measured.py", "draw_diagrams.py"):
        copy(ROOT / "docs" / name, folder)
    (folder / "measured.md").write_text(measured, encoding="utf-8")
    subprocess.run([sys.executable, folder / "draw_measured.py"], check=True, timeout=30)
    return (folder / "measured.svg").read_text(encoding="utf-8")


def test_the_picture_is_up_to_date(tmp_path: Path) -> None:
    assert drawn(tmp_path, read("docs/measured.md")) == read("docs/measured.svg"), (
        "python docs/draw_measured.py draws it anew"
    )


def test_a_figure_that_changes_changes_the_picture(tmp_path: Path) -> None:
    changed = read("docs/measured.md").replace("| get 100 B | 20 | ", "| get 100 B | 20 | 1")
    assert drawn(tmp_path, changed) != read("docs/measured.svg")


def test_the_readme_has_no_other_figures() -> None:
    section = read("README.md").partition("\n## Measured\n")[2].partition("\n## ")[0]
    table = [line for line in section.splitlines() if line.startswith("|")][2:]
    of_readme = {
        number for line in table for number in re.findall(r"(?<![\w.])\d+(?:[,.]\d+)*", line)
    }
    figures = set(re.findall(r"[\d,.]*\d", read("docs/measured.md")))
    assert len(of_readme) > 10
    assert of_readme <= {*figures, "1"}
