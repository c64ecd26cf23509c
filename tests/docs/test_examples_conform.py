"""The examples of docs/writing-a-plugin.md pass the contracts of their kinds, as it states."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ..kit.test_broken_plugins import python
from ..registry.conftest import Site
from .conftest import read

#: The classes on the page, of which kind, and the kit's arguments.
EXAMPLES: dict[str, tuple[str, str, list[str]]] = {
    "plain": ("PlainSerializer", "serializer", []),
    "deflate": ("DeflateCompressor", "compressor", ["--option", "level=9"]),
    "release": (
        "ReleaseClient",
        "client",
        ["--option", 'RELEASE="2026-12"', "-k", "recoded or sealed or version or in_use"],
    ),
}

HOOK = """

from django_redis_core import hookimpl


@hookimpl
def register_{kind}():
    return {name}
"""


def example(words: str) -> str:
    """The block on the page that has ``words``."""
    blocks = re.findall(r"```python\n(.*?)```", read("docs/writing-a-plugin.md"), re.S)
    (block,) = (block for block in blocks if words in block)
    return str(block)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    site = Site(tmp_path)
    for name, (cls, kind, _) in EXAMPLES.items():
        site.install(name, example(f"class {cls}(") + HOOK.format(kind=kind, name=cls))
    return site


@pytest.mark.parametrize("name", EXAMPLES)
def test_it_conforms(site: Site, name: str) -> None:
    done = python(site, "django_redis_core.testing", name, "-q", *EXAMPLES[name][2])
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr


def test_what_it_keeps_is_as_stated(site: Site) -> None:
    tests = site.folder / "test_plain.py"
    tests.write_text(example("class TestPlain("), encoding="utf-8")
    done = python(site, "pytest", "-q", "-p", "no:asyncio", "-k", "TestPlain", str(tests))
    assert done.returncode == 0, done.stdout[-3000:]
