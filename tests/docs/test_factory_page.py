"""docs/connection-factory.md shows the code of examples/jsonfile, and no other."""

from __future__ import annotations

import re
import textwrap

import pytest

from .conftest import ROOT, read

BLOCKS = re.findall(r"^```python\n(.*?)^```$", read("docs/connection-factory.md"), re.M | re.S)
SOURCES = [
    path.read_text(encoding="utf-8")
    for path in ROOT.glob("examples/jsonfile/**/*.py")
    if path.parent.name in ("django_redis_core_jsonfile", "tests")
]


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.strip().splitlines()[0])
def test_what_it_shows_is_in_the_example(block: str) -> None:
    depths = [textwrap.indent(block, " " * depth) for depth in (0, 4, 8)]
    assert any(code in source for code in depths for source in SOURCES), block


def test_it_shows_what_every_topology_that_changes_has() -> None:
    shown = "".join(BLOCKS)
    for name in ("discover", "ready", "retire", "owner=", "Call("):
        assert name in shown
