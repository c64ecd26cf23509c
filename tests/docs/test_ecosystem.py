"""The table of other packages' suites is what the present entries would write."""

import importlib.util
import sys
from typing import Any

import pytest

from .conftest import ROOT, read, rows

SUITES = ROOT / "tests" / "ecosystem" / "suites.py"
COLUMNS = 4  # backends: ours, compat, django-redis, locmem


@pytest.fixture(scope="module")
def suites() -> Any:
    spec = importlib.util.spec_from_file_location("suites", SUITES)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where its dataclass looks for the names of its annotations
    spec.loader.exec_module(module)
    return module.SUITES


def test_every_suite_has_a_row_of_its_release(suites: Any) -> None:
    table = rows(read("docs/ecosystem.md"), "package")
    written = {row[0].split("`")[1]: row for row in table if len(row) == 3 + COLUMNS}
    assert {name: row[1] for name, row in written.items()} == {
        suite.package: suite.version for suite in suites
    }


def test_no_suite_does_worse_here_than_on_a_control(suites: Any) -> None:
    for suite in suites:
        (row,) = (
            row
            for row in rows(read("docs/ecosystem.md"), "package")
            if row[0].startswith(f"`{suite.package}`") and len(row) == 3 + COLUMNS
        )
        passed = [int(cell) if cell.isdigit() else None for cell in row[3:]]
        ours, compat, django_redis, locmem = passed
        controls = [number for number in (django_redis,) if number is not None]
        if locmem is not None:
            controls.append(locmem - len(suite.of_locmem))
        for here in (ours, compat):
            assert here is None or here >= max(controls), row
