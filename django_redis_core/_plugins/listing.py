"""The lines of the plugin listing: what an operator reads to learn which code is in use."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .hookspecs import KINDS
from .sources import Hooked

#: The kind of a plugin that is no part of a cache.
HOOKS = "hooks"

#: How a line says that its plugin is not used, whatever settings say.
IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class PluginInfo:
    """One line of the plugin listing. ``kind`` is empty where it cannot be told without importing
    the plugin; ``error`` is empty for a plugin without problems; ``aliases`` are the caches whose
    settings name it."""

    name: str
    kind: str
    distribution: str
    version: str
    module: str
    file: str = ""
    error: str = ""
    aliases: tuple[str, ...] = ()


def loaded_line(kind: str, plugin: type[Any], distribution: str, version: str) -> PluginInfo:
    """The line of a plugin whose class is there."""
    return PluginInfo(
        name=plugin.name,
        kind=kind,
        distribution=distribution,
        version=version,
        module=plugin.__module__,
        file=_file(plugin.__module__),
    )


def hooks_line(one: Hooked) -> PluginInfo:
    """The line of a plugin of hooks alone."""
    module = getattr(one.plugin, "__name__", "")
    source = one.source
    return PluginInfo(one.name, HOOKS, source.distribution, source.version, module, _file(module))


def with_aliases(
    lines: Sequence[PluginInfo], used: Mapping[tuple[str, str], Iterable[str]]
) -> list[PluginInfo]:
    """``lines`` with the aliases that use them, in the order of kinds, and with a line for what is
    used and has none."""
    complete, told = [], set()
    every = [alias for of_kind in used.values() for alias in of_kind]
    for line in lines:
        aliases: list[str] = list(every) if line.kind == HOOKS else []
        for (kind, name), of_kind in used.items():
            # A plugin whose kind cannot be told may be the one that is meant.
            if name == line.name and line.kind in (kind, "") and not _ignored(line):
                aliases.extend(of_kind)
                told.add((kind, name))
        complete.append(replace(line, aliases=tuple(dict.fromkeys(aliases))))
    for (kind, name), of_kind in used.items():
        if (kind, name) not in told:
            complete.append(replace(_offered_by_nobody(kind, name), aliases=tuple(of_kind)))
    order = {kind: place for place, kind in enumerate(KINDS)}
    return sorted(complete, key=lambda line: (order.get(line.kind, len(KINDS)), line.name))


def _ignored(line: PluginInfo) -> bool:
    return line.error.startswith(IGNORED)


def _offered_by_nobody(kind: str, name: str) -> PluginInfo:
    """The line of a class of the site's own, or of a name that nobody has."""
    module, dot, _ = name.rpartition(".")
    if not dot:
        return PluginInfo(name, kind, "", "", "", error="not installed")
    return PluginInfo(name, kind, "", "", module, _file(module))


def _file(module: str) -> str:
    return getattr(sys.modules.get(module), "__file__", None) or ""
