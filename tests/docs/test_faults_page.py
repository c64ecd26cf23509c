"""The page of faults: its picture, its rows, and the tests that it names."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from shutil import copy

import pytest

from .conftest import ROOT, read

PAGE = "docs/faults.md"


def rows(heading: str) -> dict[str, str]:
    """Of the table that begins with ``heading``: the bold words of each row, and the row."""
    table = read(PAGE).partition(f"\n{heading}")[2].partition("\n\n")[0]
    found = {}
    for line in table.splitlines()[2:]:
        name = re.match(r"\| \*\*(.+?)\*\*", line)
        assert name, line
        found[name[1]] = line
    assert found
    return found


def drawn(folder: Path, page: str) -> str:
    copy(ROOT / "docs" / "draw_faults.py", folder)
    (folder / "faults.md").write_text(page, encoding="utf-8")
    subprocess.run([sys.executable, folder / "draw_faults.py"], check=True, timeout=120)
    return (folder / "faults.svg").read_text(encoding="utf-8")


def test_the_picture_is_up_to_date(tmp_path: Path) -> None:
    assert drawn(tmp_path, read(PAGE)) == read("docs/faults.svg"), (
        "python docs/draw_faults.py draws it anew"
    )


def test_a_promise_that_is_not_kept_changes_the_picture(tmp_path: Path) -> None:
    changed = read(PAGE).replace("| ✓ **0 bad** ", "| ✗ **1 bad** ")
    assert drawn(tmp_path, changed) != read("docs/faults.svg")


def test_the_page_has_every_fault_that_the_command_makes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    monkeypatch.syspath_prepend(ROOT / "docs")
    import faults

    assert list(rows("| fault | promise |")) == [fault.name for fault in faults.FAULTS]


def test_a_fault_of_the_page_has_tests() -> None:
    tested = rows("| fault | tests |")
    assert set(tested) == set(rows("| fault | promise |"))
    for line in tested.values():
        names = re.findall(r"`([\w/]+\.py)`", line)
        assert names
        for name in names:
            assert (ROOT / name).is_file(), name
