"""Finds, loads, refuses and describes plugins.

A plugin is imported only when settings name it. The core's own come first and cannot be shadowed;
installed distributions are looked through once, and not at all while only built-in names are used,
because that scan costs more than all the rest of start-up.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import sys
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import pluggy
from django.utils.module_loading import import_string

from . import hookspecs, interfaces
from .catalogue import OURS, plugin_name
from .exceptions import PluginConflict, PluginError, PluginLoadError, PluginNotFound
from .hookspecs import KINDS
from .interfaces import API_VERSION, Plugin
from .static_kind import declared_kinds

GROUP = "django_redis_core"

BASES: dict[str, type[Plugin]] = {
    "serializer": interfaces.Serializer,
    "compressor": interfaces.Compressor,
    "sealer": interfaces.Sealer,
    "connection_factory": interfaces.ConnectionFactory,
    "client": interfaces.Client,
}

_BUILT_IN = ("pickle", "identity", "none", "single", "client")

EntryPoints = Callable[[], Iterable[importlib.metadata.EntryPoint]]


def installed_entry_points() -> Iterable[importlib.metadata.EntryPoint]:
    return importlib.metadata.entry_points(group=GROUP)


@dataclass(frozen=True, slots=True)
class PluginInfo:
    """One line of the plugin listing. ``kind`` is empty where it cannot be told without importing
    the plugin; ``error`` is empty for a plugin without problems."""

    name: str
    kind: str
    distribution: str
    version: str
    module: str
    file: str = ""
    error: str = ""
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Loaded:
    plugin: type[Plugin]
    source: str  # what an error names: "distribution version", or "django-redis-core"
    entry_point: importlib.metadata.EntryPoint | None = None


class Registry:
    """The plugins of a process. ``registry`` below is the one that caches use; a test makes its
    own."""

    def __init__(self, entry_points: EntryPoints = installed_entry_points) -> None:
        self._scan = entry_points
        self._entry_points: dict[str, list[importlib.metadata.EntryPoint]] | None = None
        self._lock = threading.RLock()
        self._loaded: dict[tuple[str, str], _Loaded] = {}
        self._failed: dict[str, str] = {}
        self.manager = pluggy.PluginManager(hookspecs.PROJECT)
        self.manager.add_hookspecs(hookspecs)
        for name in _BUILT_IN:
            module = importlib.import_module(f"{__package__}.defaults.{name}")
            self._take(module, f"{__package__}.defaults.{name}", "django-redis-core")
        self._built_in = frozenset(self._loaded)

    def register(self, plugin: object, source: str = "this process") -> None:
        """Registers a module or object with hooks, for a test or a project's own plugin."""
        with self._lock:
            self._take(plugin, getattr(plugin, "__name__", None), source)

    def plugin(self, kind: str, written: Any, where: str) -> type[Any]:
        """The class of ``kind`` that settings name.

        ``written`` is a plugin's name, a dotted path, or a class; ``where`` says in errors which
        setting it was. Raises PluginNotFound, PluginConflict or PluginLoadError.
        """
        if isinstance(written, type):
            return self._checked(kind, written, where, repr(written))
        name = plugin_name(kind, written)
        with self._lock:
            known = self._loaded.get((kind, name))
            if known is not None:
                return known.plugin
            if "." in name:
                return self._from_path(kind, name, where)
            return self._from_entry_point(kind, name, where)

    def names(self, kind: str) -> list[str]:
        """The names that settings may use for ``kind``, as far as can be told without importing."""
        names = {name for (of, name) in self._loaded if of == kind}
        for name, candidates in self._installed().items():
            if name not in names and kind in self._kinds(candidates[0]):
                names.add(name)
        return sorted(names)

    def describe(self, used: dict[tuple[str, str], list[str]] | None = None) -> list[PluginInfo]:
        """What is built in, registered and installed, without importing what is not used.

        ``used`` maps (kind, name) to the aliases whose settings name that plugin.
        """
        used = used or {}
        lines = []
        for (kind, name), loaded in self._loaded.items():
            module = sys.modules.get(loaded.plugin.__module__)
            distribution, _, version = loaded.source.partition(" ")
            lines.append(
                PluginInfo(
                    name=name,
                    kind=kind,
                    distribution=distribution if version else loaded.source,
                    version=version,
                    module=loaded.plugin.__module__,
                    file=getattr(module, "__file__", None) or "",
                    aliases=tuple(used.get((kind, name), ())),
                )
            )
        for candidates in self._installed().values():
            for entry_point in candidates:
                if any(loaded.entry_point == entry_point for loaded in self._loaded.values()):
                    continue
                lines.extend(
                    self._unloaded(entry_point, kind, candidates, used)
                    for kind in self._kinds(entry_point) or [""]
                )
        order = {kind: place for place, kind in enumerate(KINDS)}
        return sorted(lines, key=lambda line: (order.get(line.kind, len(KINDS)), line.name))

    def _unloaded(
        self,
        entry_point: importlib.metadata.EntryPoint,
        kind: str,
        candidates: list[importlib.metadata.EntryPoint],
        used: dict[tuple[str, str], list[str]],
    ) -> PluginInfo:
        distribution = entry_point.dist
        return PluginInfo(
            name=entry_point.name,
            kind=kind,
            distribution=distribution.name if distribution else "?",
            version=distribution.version if distribution else "?",
            module=entry_point.value,
            error=self._problem(kind, entry_point.name, candidates),
            aliases=tuple(used.get((kind, entry_point.name), ())),
        )

    def _problem(
        self, kind: str, name: str, candidates: list[importlib.metadata.EntryPoint]
    ) -> str:
        if (kind, name) in self._built_in:
            return "ignored: the name belongs to a built-in plugin"
        if len(candidates) > 1:
            return "not usable: " + _rivals(candidates) + " offer the same name"
        return self._failed.get(name, "")

    def _installed(self) -> dict[str, list[importlib.metadata.EntryPoint]]:
        if self._entry_points is None:
            found: dict[str, list[importlib.metadata.EntryPoint]] = {}
            for entry_point in self._scan():
                others = found.setdefault(entry_point.name, [])
                # A distribution that is on the path twice (an editable install beside its wheel)
                # offers one plugin, not two.
                if not any(_source(other) == _source(entry_point) for other in others):
                    others.append(entry_point)
            self._entry_points = found
        return self._entry_points

    def _kinds(self, entry_point: importlib.metadata.EntryPoint) -> list[str]:
        ours = entry_point.dist is not None and entry_point.dist.name == (
            f"django-redis-core-{entry_point.name}"
        )
        if ours and entry_point.name in OURS:
            return [OURS[entry_point.name]]
        return declared_kinds(entry_point)

    def _from_path(self, kind: str, path: str, where: str) -> type[Plugin]:
        try:
            found = import_string(path)
        except Exception as error:
            raise PluginLoadError(
                f"{where}: {path!r} could not be imported: {type(error).__name__}: {error}"
            ) from error
        return self._checked(kind, found, where, repr(path))

    def _from_entry_point(self, kind: str, name: str, where: str) -> type[Plugin]:
        candidates = self._installed().get(name, [])
        if not candidates:
            raise PluginNotFound(self._not_found(kind, name, where))
        if len(candidates) > 1:
            raise PluginConflict(
                f"{where}: the name {name!r} is offered by {_rivals(candidates)}; "
                "uninstall all but one of them."
            )
        entry_point = candidates[0]
        source = _source(entry_point)
        try:
            module = entry_point.load()
            self._take(module, f"{source}:{name}", source, entry_point)
        except Exception as error:
            self._failed[name] = f"{type(error).__name__}: {error}"
            if isinstance(error, PluginError):
                raise type(error)(f"{where}: {error}") from error
            raise PluginLoadError(
                f"{where}: the plugin {name!r} of {source} failed to load: "
                f"{type(error).__name__}: {error}"
            ) from error
        known = self._loaded.get((kind, name))
        if known is None:
            offered = sorted(
                f"the {_words(of)} {other!r}"
                for (of, other), loaded in self._loaded.items()
                if loaded.entry_point == entry_point
            )
            raise PluginLoadError(
                f"{where}: {source} offers no {_words(kind)} named {name!r}, but "
                f"{' and '.join(offered) or 'nothing'}."
            )
        return known.plugin

    def _take(
        self,
        plugin: object,
        pluggy_name: str | None,
        source: str,
        entry_point: importlib.metadata.EntryPoint | None = None,
    ) -> None:
        """Registers with pluggy and keeps the classes that the plugin's hooks return."""
        manager = self.manager
        manager.register(plugin, pluggy_name)
        try:
            manager.check_pending()
            others = [other for other in manager.get_plugins() if other is not plugin]
            taken: dict[tuple[str, str], _Loaded] = {}
            for kind in KINDS:
                hook = manager.subset_hook_caller(f"register_{kind}", remove_plugins=others)
                for found in hook():
                    checked = self._checked(kind, found, source, repr(found))
                    rival = self._loaded.get((kind, checked.name))
                    if rival is not None:
                        raise PluginConflict(
                            f"{source} offers a {_words(kind)} named {checked.name!r}, which is "
                            f"already the name of one of {rival.source}."
                        )
                    taken[kind, checked.name] = _Loaded(checked, source, entry_point)
            self._loaded.update(taken)
        except BaseException:
            manager.unregister(plugin)
            raise

    def _checked(self, kind: str, found: Any, where: str, shown: str) -> type[Any]:
        base = BASES[kind]
        if not isinstance(found, type) or not issubclass(found, base):
            raise PluginLoadError(
                f"{where}: {shown} is not a {_words(kind)}; it must be a subclass of "
                f"django_redis_core.interfaces.{base.__name__}."
            )
        missing = sorted(getattr(found, "__abstractmethods__", ()))
        if missing:
            raise PluginLoadError(f"{where}: {shown} lacks {', '.join(missing)}().")
        if found.api_version != API_VERSION:
            raise PluginLoadError(
                f"{where}: {shown} was written for version {found.api_version} of the plugin "
                f"interface, and this django-redis-core speaks version {API_VERSION}."
            )
        if not isinstance(getattr(found, "name", None), str):
            raise PluginLoadError(f'{where}: {shown} has no name; give it `name = "…"`.')
        return found

    def _not_found(self, kind: str, name: str, where: str) -> str:
        available = self.names(kind)
        parts = [f"{where}: there is no {_words(kind)} named {name!r}."]
        if OURS.get(name) == kind:
            parts.append(f"Install it with: pip install 'django-redis-core[{name}]'.")
        elif name in OURS:
            parts.append(f"{name!r} is a {_words(OURS[name])}.")
        else:
            ours = [other for other, of in OURS.items() if of == kind]
            close = get_close_matches(name, [*available, *ours], 1, 0.5)
            if close and close[0] in available:
                parts.append(f"Did you mean {close[0]!r}?")
            elif close:
                parts.append(
                    f"Did you mean {close[0]!r}? "
                    f"Install it with: pip install 'django-redis-core[{close[0]}]'."
                )
        parts.append(f"Installed: {', '.join(available)}.")
        return " ".join(parts)


def _words(kind: str) -> str:
    return kind.replace("_", " ")


def _source(entry_point: importlib.metadata.EntryPoint) -> str:
    distribution = entry_point.dist
    return f"{distribution.name} {distribution.version}" if distribution else entry_point.value


def _rivals(candidates: list[importlib.metadata.EntryPoint]) -> str:
    return " and ".join(sorted(_source(candidate) for candidate in candidates))


#: The registry of this process.
registry = Registry()
