"""What can be told of a plugin's module from its source, without importing it."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import TYPE_CHECKING

from .hookspecs import KINDS

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

_HOOK = re.compile(r"^\s*def\s+register_(\w+)\s*\(", re.MULTILINE)


def declared_kinds(entry_point: EntryPoint) -> list[str]:
    """The kinds that the module of ``entry_point`` registers; empty where that cannot be told."""
    source = source_file(entry_point)
    if source is None:
        return []
    try:
        text = source.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    named = set(_HOOK.findall(text))
    return [kind for kind in KINDS if kind in named]


def source_file(entry_point: EntryPoint) -> Path | None:
    """The file of the module of ``entry_point``, or None where it cannot be told."""
    module = entry_point.value.partition(":")[0].strip()
    top, *rest = module.split(".")
    relative = Path(*module.split("."))
    if entry_point.dist is not None:
        path = _module_in(Path(str(entry_point.dist.locate_file(relative))))
        if path is not None:
            return path
    # An editable install: finding the top-level package imports nothing.
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin)
    if rest:
        return _module_in(path.parent.joinpath(*rest))
    return path if path.is_file() else None


def _module_in(path: Path) -> Path | None:
    """The package at ``path``, or the module of that name."""
    for candidate in (path / "__init__.py", path.with_name(f"{path.name}.py")):
        if candidate.is_file():
            return candidate
    return None
