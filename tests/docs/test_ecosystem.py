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


def written() -> dict[str, list[str]]:
    """The rows of the table, by package."""
    table = rows(read("docs/ecosystem.md"), "package")
    return {row[0].split("`")[1]: row for row in table if len(row) == 3 + COLUMNS}


def test_every_row_is_of_the_release_that_is_run(suites: Any) -> None:
    table = written()
    assert table
    found = {suite.package: suite.version for suite in suites if suite.package in table}
    assert {name: row[1] for name, row in table.items()} == found


def test_a_suite_without_a_row_is_named(suites: Any) -> None:
    missing = [f"`{suite.package}`" for suite in suites if suite.package not in written()]
    told = f"Without a result yet: {', '.join(missing)}." in read("docs/ecosystem.md")
    assert told == bool(missing)


def test_no_suite_does_worse_here_than_on_a_control(suites: Any) -> None:
    for suite in suites:
        if (row := written().get(suite.package)) is None:
            continue
        ours, compat, django_redis, locmem = (
            int(cell) if cell.isdigit() else None for cell in row[3:]
        )
        controls = [number for number in (django_redis,) if number is not None]
        if locmem is not None:
            controls.append(locmem - len(suite.of_locmem))
        if ours is not None:
            ours += len(suite.by_name)
        for here in (ours, compat):
            assert here is None or here >= max(controls), row
