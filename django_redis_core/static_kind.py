"""Which hooks a plugin's module defines, told from its source without importing it."""

from __future__ import annotations

import importlib.util
import re
from importlib.metadata import EntryPoint
from pathlib import Path

from .hookspecs import KINDS

_HOOK = re.compile(r"^\s*def\s+register_(\w+)\s*\(", re.MULTILINE)


def declared_kinds(entry_point: EntryPoint) -> list[str]:
    """The kinds that the module of ``entry_point`` registers; empty where that cannot be told."""
    source = _source(entry_point)
    if source is None:
        return []
    named = set(_HOOK.findall(source.read_text(encoding="utf-8", errors="replace")))
    return [kind for kind in KINDS if kind in named]


def _source(entry_point: EntryPoint) -> Path | None:
    module = entry_point.value.partition(":")[0].strip()
    relative = Path(*module.split("."))
    if entry_point.dist is not None:
        for candidate in (relative / "__init__.py", relative.with_suffix(".py")):
            path = Path(str(entry_point.dist.locate_file(candidate)))
            if path.is_file():
                return path
    # An editable install: finding the top-level package imports nothing.
    top, *rest = module.split(".")
    spec = importlib.util.find_spec(top)
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin)
    if rest:
        path = path.parent.joinpath(*rest)
        path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return path if path.is_file() else None
