"""The documentation as its tests read it: files, tables, and the plugins that it is about."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from django_redis_core._plugins.catalogue import OURS
from django_redis_core._plugins.registry import registry

ROOT = Path(__file__).parents[2]

#: Every Markdown file that users or contributors read.
DOCUMENTS = sorted(
    [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("plugins/*/README.md"),
        *ROOT.glob("examples/**/README.md"),
        *ROOT.glob("benchmarks/**/*.md"),
        ROOT / "news" / "README.md",
    ]
)

#: The names of our plugins that are in the checkout.
PLUGINS = sorted(path.parent.name for path in ROOT.glob("plugins/*/pyproject.toml"))


def read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def without_code(text: str) -> str:
    """``text`` without its fenced blocks."""
    return re.sub(r"^```.*?^```[^\n]*$", "", text, flags=re.M | re.S)


def rows(text: str, first: str) -> list[list[str]]:
    """The cells of all tables whose first head cell is ``first``."""
    found: list[list[str]] = []
    inside = False
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if not line.startswith("|"):
            inside = False
        elif not inside and cells[0].strip() == first:
            inside = True
        elif inside and not set(line) <= set("|- "):
            found.append(cells)
    return found


def code(cell: str) -> str:
    """The first code span of a cell."""
    found = re.search(r"`([^`]+)`", cell)
    assert found, f"a name in backticks was expected: {cell}"
    return found[1]


def plugin_classes() -> dict[str, Any]:
    """The classes of our plugins, and those of the core that have options."""
    of_ours = {name: registry.plugin(OURS[name], name, "docs") for name in PLUGINS if name in OURS}
    return of_ours | {"pickle": registry.plugin("serializer", "pickle", "docs")}


@pytest.fixture(scope="session")
def plugins() -> dict[str, Any]:
    return plugin_classes()
