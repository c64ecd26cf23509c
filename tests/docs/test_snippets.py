"""Every snippet of the documentation works as it stands there.

Of each Markdown file, the Python blocks run one after the other, in one namespace, with a cache on
a real server. A block with ``CACHES =`` is settings: each of its caches is checked as Django would
have it checked, without I/O. Blocks of TOML must be TOML; consoles are for readers.

A line ``<!-- snippet: compile -->`` before a block: it shows a part of something, and is only
compiled.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import caches
from django.test.utils import override_settings

from django_redis_core._plugins.registry import GROUP, Registry, installed_entry_points
from django_redis_core._settings import BACKEND, parse
from django_redis_core.testing.servers import Server

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "plugin"

DOCUMENTS = sorted(
    [ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("plugins/*/README.md")]
)
each_document = pytest.mark.parametrize(
    "document", DOCUMENTS, ids=[str(path.relative_to(ROOT)) for path in DOCUMENTS]
)

_BLOCK = re.compile(r"(?:^<!-- snippet: (.*?) -->\n+)?^```(\w+)\n(.*?)^```$", re.M | re.S)


@dataclass(frozen=True)
class Block:
    document: Path
    line: int
    language: str
    how: str | None
    text: str

    def compiled(self) -> Any:
        # On the lines where it stands, so that a traceback leads there.
        source = "\n" * (self.line - 1) + self.text
        return compile(source, self.document, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)

    def run(self, namespace: dict[str, Any]) -> None:
        result = eval(self.compiled(), namespace)
        if inspect.iscoroutine(result):
            asyncio.run(result)


def blocks(document: Path) -> Iterator[Block]:
    text = document.read_text(encoding="utf-8")
    for found in _BLOCK.finditer(text):
        line = text.count("\n", 0, found.start(3)) + 1
        yield Block(document, line, found[2], found[1], found[3])


def installed() -> Registry:
    """The plugins of this environment, and the example."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    own = [EntryPoint(*item, GROUP) for item in project["entry-points"][GROUP].items()]
    return Registry(lambda: [*installed_entry_points(), *own])


@each_document
def test_the_snippets_work(
    document: Path, redis_server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)  # a snippet may write a file
    monkeypatch.syspath_prepend(str(EXAMPLE / "src"))
    cache = {"BACKEND": BACKEND, "LOCATION": redis_server.url, "KEY_PREFIX": "snippets"}
    namespace: dict[str, Any] = {"__name__": "snippet"}
    with override_settings(CACHES={"default": cache}):
        for block in blocks(document):
            assert block.how in (None, "compile"), f"{document}:{block.line}: {block.how}"
            if block.language == "toml":
                tomllib.loads(block.text)
            elif block.language != "python":
                continue
            elif block.how == "compile":
                block.compiled()
            elif "CACHES =" in block.text:
                check_settings(block)
            else:
                block.run(namespace)
        caches["default"].clear()


def check_settings(block: Block) -> None:
    settings: dict[str, Any] = {}
    block.run(settings)
    plugins = installed()
    for alias, entry in settings["CACHES"].items():
        params = {name: value for name, value in entry.items() if name != "BACKEND"}
        if entry["BACKEND"] == BACKEND:
            parse(alias, params.pop("LOCATION", ""), params, plugins)


def test_a_snippet_that_is_wrong_is_found(tmp_path: Path) -> None:
    document = tmp_path / "wrong.md"
    document.write_text("text\n\n```python\nfirst = 1\nsecond = frist\n```\n")
    (block,) = blocks(document)
    with pytest.raises(NameError, match="frist") as caught:
        block.run({})
    assert caught.traceback[-1].lineno == 4, "counted from 0"
    document.write_text(f"```python\nCACHES = {{'default': {{'BACKEND': {BACKEND!r}}}}}\n```\n")
    (block,) = blocks(document)
    with pytest.raises(Exception, match="LOCATION must be a URL"):
        check_settings(block)
