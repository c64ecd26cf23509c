"""Distributions as pip leaves them on disk, and a registry that finds them."""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from django_redis_core import hookimpl
from django_redis_core._plugins.registry import GROUP, Registry
from django_redis_core.interfaces import Compressor

CORE = Path(__file__).parents[2]


class Site:
    """A folder of installed distributions: packages, and the .dist-info that pip writes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.scans = 0

    def install(
        self,
        name: str,
        source: str,
        *,
        distribution: str | None = None,
        version: str = "1.0",
        module: str | None = None,
        entry_point: str | None = None,
    ) -> None:
        """A distribution that offers the plugin ``name``; its module's text is ``source``."""
        distribution = distribution or f"acme-{name}"
        module = module or distribution.replace("-", "_")
        package = self.folder / module
        package.mkdir(exist_ok=True)
        (package / "__init__.py").write_text(textwrap.dedent(source), encoding="utf-8")
        info = self.folder / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n", encoding="utf-8"
        )
        (info / "entry_points.txt").write_text(
            f"[{GROUP}]\n{name} = {entry_point or module}\n", encoding="utf-8"
        )

    def entry_points(self) -> Iterable[importlib.metadata.EntryPoint]:
        self.scans += 1
        return [
            entry_point
            for distribution in importlib.metadata.distributions(path=[str(self.folder)])
            for entry_point in distribution.entry_points
            if entry_point.group == GROUP
        ]

    def registry(self) -> Registry:
        return Registry(self.entry_points)

    def run(self, script: str, *arguments: str) -> str:
        """What a fresh Python prints that has these distributions installed."""
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(script), *arguments],
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(self.folder), str(CORE)])},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield Site(tmp_path)
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]
    importlib.invalidate_caches()


def compressor(name: str, more: str = "", **attributes: Any) -> str:
    """The text of a module that registers a compressor of that name."""
    lines = "".join(f"\n    {key} = {value!r}" for key, value in attributes.items())
    return f"""\
import bz2
from django_redis_core import hookimpl
from django_redis_core.interfaces import Compressor
{more}

class Bz2Compressor(Compressor):
    name = {name!r}{lines}
    magic = (b"BZh",)

    def __init__(self, *, level=9, **options):
        super().__init__(**options)
        self.level = level

    def compress(self, data):
        return bz2.compress(data, self.level)

    def decompress(self, data):
        return bz2.BZ2Decompressor().decompress(data, self.max_length)


@hookimpl
def register_compressor():
    return Bz2Compressor
"""


class Own(Compressor):
    name = "own"

    def recognises(self, data: bytes) -> bool:
        return False

    def compress(self, data: bytes) -> bytes:
        return data

    def decompress(self, data: bytes) -> bytes:
        return data


def offering(found: Any, kind: str = "compressor") -> Any:
    """An object with one hook, as a test or a project registers it in-process."""

    def hook() -> Any:
        return found

    return type("Offer", (), {f"register_{kind}": staticmethod(hookimpl(hook))})


def no_entry_points() -> Any:
    raise AssertionError("installed distributions were looked through")
