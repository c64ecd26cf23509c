"""docs/plugins.md has every plugin that there is here, under its kind."""

from __future__ import annotations

import re
import tomllib

import pytest

from django_redis_core._plugins.catalogue import OURS
from django_redis_core._plugins.hookspecs import KINDS
from django_redis_core._plugins.registry import Registry

from .conftest import ROOT, code, read, rows

#: The tables, by the heading's first word or words: the kind.
SECTIONS = {
    section.partition(":")[0].replace(" ", "_"): section
    for section in re.split(r"^## ", read("docs/plugins.md"), flags=re.M)[1:]
}


def examples(kind: str) -> set[str]:
    """The names of the examples of plugins."""
    return {
        name
        for path in ROOT.glob("examples/*/pyproject.toml")
        for name, module in tomllib.loads(path.read_text())["project"]["entry-points"][
            "django_redis_core"
        ].items()
        if f"def register_{kind}(" in (path.parent / "src" / module / "__init__.py").read_text()
    }


@pytest.mark.parametrize("kind", KINDS)
def test_the_table_of_a_kind_has_its_plugins_and_no_others(kind: str) -> None:
    named = {code(row[0]): row[1] for row in rows(SECTIONS[kind], "name")}
    built_in = {line.name for line in Registry(list).describe() if line.kind == kind}
    ours = {name for name, of in OURS.items() if of == kind}
    assert {name for name, of in named.items() if of == "the core"} == built_in
    assert {name for name, of in named.items() if "this project" in of} == ours
    assert {name for name, of in named.items() if "an example" in of} == examples(kind)
