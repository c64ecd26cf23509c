"""Pictures with figures show those of their pages."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from shutil import copy

import pytest

from .conftest import ROOT, read

#: By the picture's name: a cell of its page, by what follows it.
PICTURES = {
    "measured": r"(\| get 100 B \| 20 \| )(?=0\.)",
    "rivals": r"(\| django-vcache \| )(?=\d)",
}


def drawn(folder: Path, name: str, page: str) -> str:
    for script in ("charts.py", "drawings.py", f"draw_{name}.py"):
        copy(ROOT / "docs" / script, folder)
    (folder / f"{name}.md").write_text(page, encoding="utf-8")
    subprocess.run([sys.executable, folder / f"draw_{name}.py"], check=True, timeout=120)
    return (folder / f"{name}.svg").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PICTURES)
def test_the_picture_is_up_to_date(tmp_path: Path, name: str) -> None:
    assert drawn(tmp_path, name, read(f"docs/{name}.md")) == read(f"docs/{name}.svg"), (
        f"python docs/draw_{name}.py draws it anew"
    )


@pytest.mark.parametrize("name", PICTURES)
def test_a_figure_that_changes_changes_the_picture(tmp_path: Path, name: str) -> None:
    changed, count = re.subn(PICTURES[name], r"\g<1>1", read(f"docs/{name}.md"), count=1)
    assert count
    assert drawn(tmp_path, name, changed) != read(f"docs/{name}.svg")


def test_the_readme_has_no_other_figures() -> None:
    section = read("README.md").partition("\n## Measured\n")[2].partition("\n## ")[0]
    table = [line for line in section.splitlines() if line.startswith("|")][2:]
    of_readme = {
        number for line in table for number in re.findall(r"(?<![\w.])\d+(?:[,.]\d+)*", line)
    }
    figures = set(re.findall(r"[\d,.]*\d", read("docs/measured.md")))
    assert len(of_readme) > 10
    assert of_readme <= {*figures, "1"}
