"""Finds, loads, refuses and describes plugins.

A plugin is imported only when settings name it. The core's own come first and cannot be shadowed;
installed distributions are looked through once, and not at all while only built-in names are used,
because that scan costs more than all the rest of start-up.
"""

from __future__ import annotations

import importlib
import os
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import pluggy
from django.utils.module_loading import import_string

from .. import interfaces
from ..exceptions import PluginConflict, PluginError, PluginLoadError, PluginNotFound
from ..interfaces import API_VERSION, OLDER_API_VERSIONS, Plugin
from . import hookspecs
from .catalogue import OURS, plugin_name
from .hookspecs import KINDS
from .listing import IGNORED, PluginInfo, loaded_line, with_aliases
from .static_kind import declared_kinds, source_file

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "django_redis_core"
DISTRIBUTION = "django-redis-core"

BASES: dict[str, type[Plugin]] = {
    "serializer": interfaces.Serializer,
    "compressor": interfaces.Compressor,
    "sealer": interfaces.Sealer,
    "connection_factory": interfaces.ConnectionFactory,
    "client": interfaces.Client,
}

_BUILT_IN = ("pickle", "identity", "none", "single", "client")

EntryPoints: TypeAlias = "Callable[[], Iterable[EntryPoint]]"


def installed_entry_points() -> Iterable[EntryPoint]:
    import importlib.metadata  # slow to import, and not needed for built-in names

    return importlib.metadata.entry_points(group=GROUP)


class _Source:
    """Where a plugin comes from, as errors name it; ``version`` None: this distribution's."""

    def __init__(
        self, distribution: str, version: str | None = "", entry_point: EntryPoint | None = None
    ) -> None:
        self.distribution = distribution
        self._version = version
        self.entry_point = entry_point

    @property
    def version(self) -> str:
        if self._version is None:  # by way of sys.modules: the package stands above this module
            self._version = str(sys.modules[hookspecs.PROJECT].__version__)
        return self._version

    def __str__(self) -> str:
        return f"{self.distribution} {self.version}".strip()


class _Loaded(NamedTuple):
    plugin: type[Plugin]
    source: _Source


class Registry:
    """The plugins of a process. ``registry`` below is the one that caches use; a test makes its
    own."""

    def __init__(self, entry_points: EntryPoints = installed_entry_points) -> None:
        self._scan = entry_points
        self._entry_points: dict[str, list[EntryPoint]] | None = None
        self._lock = threading.RLock()
        self._loaded: dict[tuple[str, str], _Loaded] = {}
        self._failed: dict[str, str] = {}
        self.manager = pluggy.PluginManager(hookspecs.PROJECT)
        self.manager.add_hookspecs(hookspecs)
        built_in = _Source(DISTRIBUTION, None)
        for name in _BUILT_IN:
            module = importlib.import_module(f"{__package__}.defaults.{name}")
            self._take(module, module.__name__, built_in)
        self._built_in = frozenset(self._loaded)

    def register(self, plugin: object, source: str = "this process") -> None:
        """Registers a module or object with hooks, for a test or a project's own plugin.

        Its names come before those of installed distributions, for whoever calls this chose them
        on purpose. Raises PluginConflict or PluginLoadError.
        """
        with self._lock:
            self._take(plugin, getattr(plugin, "__name__", None), _Source(source))

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
        with self._lock:
            names = {name for (of, name) in self._loaded if of == kind}
            for name, candidates in self._installed().items():
                if name not in names and kind in self._kinds(candidates[0]):
                    names.add(name)
        return sorted(names)

    def describe(
        self, used: Mapping[tuple[str, str], Iterable[str]] | None = None
    ) -> list[PluginInfo]:
        """What is built in, registered, installed or used, without importing anything.

        ``used`` maps (kind, name) to the aliases whose settings name that plugin; what settings
        name and nobody offers has a line too.
        """
        with self._lock:
            lines = [
                loaded_line(kind, loaded.plugin, loaded.source.distribution, loaded.source.version)
                for (kind, _), loaded in self._loaded.items()
            ]
            for name, candidates in self._installed().items():
                for entry_point in candidates:
                    if not self._is_loaded(entry_point):
                        source = _source(entry_point)
                        lines += [
                            PluginInfo(
                                name=name,
                                kind=kind,
                                distribution=source.distribution,
                                version=source.version,
                                module=entry_point.value,
                                file=str(source_file(entry_point) or ""),
                                error=self._problem(kind, name, candidates),
                            )
                            for kind in self._kinds(entry_point) or [""]
                        ]
        return with_aliases(lines, used or {})

    def shadowed(self) -> list[PluginInfo]:
        """The lines of installed plugins that have a built-in's name, and so are never used."""
        with self._lock:
            installed = self._installed()
            if not any(name in installed for _, name in self._built_in):
                return []  # without a look into any file of theirs
        return [
            line
            for line in self.describe()
            if (line.kind, line.name) in self._built_in and line.error.startswith(IGNORED)
        ]

    def _problem(self, kind: str, name: str, candidates: list[EntryPoint]) -> str:
        if (kind, name) in self._built_in:
            return f"{IGNORED}: the name belongs to a built-in plugin"
        if (kind, name) in self._loaded:
            return f"{IGNORED}: {self._loaded[kind, name].source} registered the same name"
        if len(candidates) > 1:
            return f"not usable: {_rivals(candidates)} offer the same name"
        return self._failed.get(name, "")

    def _is_loaded(self, entry_point: EntryPoint) -> bool:
        return any(loaded.source.entry_point is entry_point for loaded in self._loaded.values())

    def _installed(self) -> dict[str, list[EntryPoint]]:
        if self._entry_points is None:
            found: dict[str, list[EntryPoint]] = {}
            for entry_point in self._scan():
                others = found.setdefault(entry_point.name, [])
                # A distribution that is on the path twice (an editable install beside its wheel)
                # offers one plugin, not two.
                source = str(_source(entry_point))
                if source not in map(str, map(_source, others)):
                    others.append(entry_point)
            self._entry_points = found
        return self._entry_points

    def _kinds(self, entry_point: EntryPoint) -> list[str]:
        ours = _source(entry_point).distribution == f"{DISTRIBUTION}-{entry_point.name}"
        if ours and entry_point.name in OURS:
            return [OURS[entry_point.name]]
        return declared_kinds(entry_point)

    def _from_path(self, kind: str, path: str, where: str) -> type[Plugin]:
        try:
            found = import_string(path)
        except (Exception, SystemExit) as error:
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
        if not self._is_loaded(entry_point):
            try:
                self._take(entry_point.load(), f"{source}:{name}", source, name)
            except (Exception, SystemExit) as error:  # which would end a site without a word
                ours = isinstance(error, PluginError)
                self._failed[name] = str(error) if ours else f"{type(error).__name__}: {error}"
                if isinstance(error, PluginError):
                    raise type(error)(f"{where}: {error}") from error
                raise PluginLoadError(
                    f"{where}: the plugin {name!r} of {source} failed to load: "
                    f"{type(error).__name__}: {error}"
                ) from error
            self._failed.pop(name, None)
        known = self._loaded.get((kind, name))
        if known is None:
            offered = [
                f"the {_words(of)} {other!r}"
                for (of, other), loaded in self._loaded.items()
                if loaded.source.entry_point is entry_point
            ]
            raise PluginLoadError(
                f"{where}: {source} offers no {_words(kind)} named {name!r}, but "
                f"{' and '.join(sorted(offered))}."
            )
        return known.plugin

    def _take(
        self,
        plugin: object,
        pluggy_name: str | None,
        source: _Source,
        entry_point_name: str | None = None,
    ) -> None:
        """Registers with pluggy and keeps the classes that the plugin's hooks return."""
        manager = self.manager
        if manager.is_registered(plugin) or manager.has_plugin(pluggy_name or ""):
            raise PluginConflict(f"{plugin!r} of {source} is registered already.")
        try:
            try:
                manager.register(plugin, pluggy_name)
            except pluggy.PluginValidationError as error:  # pluggy's words take three lines
                raise PluginLoadError(
                    f"{source}: a hook of {_called(plugin)} has arguments, and hooks take none: "
                    f"{' '.join(str(error).split())}."
                ) from error
            self._refuse_unknown_hook(plugin, source)
            others = [other for other in manager.get_plugins() if other is not plugin]
            taken: dict[tuple[str, str], _Loaded] = {}
            for kind in KINDS:
                hook = manager.subset_hook_caller(f"register_{kind}", remove_plugins=others)
                for found in hook():
                    checked = self._checked(kind, found, source, repr(found))
                    self._refuse_name(kind, checked.name, source, entry_point_name)
                    taken[kind, checked.name] = _Loaded(checked, source)
            if not taken:
                raise PluginLoadError(
                    f"{source} offers no plugin: no function of {_called(plugin)} is marked with "
                    "django_redis_core.hookimpl and returns a class."
                )
            self._loaded.update(taken)
        except BaseException:
            # pluggy keeps a plugin whose hooks it refuses.
            if manager.is_registered(plugin):
                manager.unregister(plugin)
            raise

    def _refuse_unknown_hook(self, plugin: object, source: _Source) -> None:
        try:
            self.manager.check_pending()
        except pluggy.PluginValidationError as error:
            hooks = [f"register_{kind}" for kind in KINDS]
            callers = self.manager.get_hookcallers(plugin) or ()
            unknown = [caller.name for caller in callers if not caller.has_spec()]
            close = [match for name in unknown for match in get_close_matches(name, hooks, 1)]
            raise PluginLoadError(
                f"{source}: {_called(plugin)} marks {' and '.join(sorted(unknown))} with "
                "django_redis_core.hookimpl, and there is no such hook."
                f"{f' Did you mean {close[0]}?' if close else ''} The hooks are "
                f"{', '.join(hooks[:-1])} and {hooks[-1]}."
            ) from error

    def _refuse_name(
        self, kind: str, name: str, source: _Source, entry_point_name: str | None
    ) -> None:
        rival = self._loaded.get((kind, name))
        if rival is not None:
            raise PluginConflict(
                f"{source} offers a {_words(kind)} named {name!r}, which is already the name of "
                f"one of {rival.source}."
            )
        # Else a plugin could take a name that is not looked for in its distribution.
        if entry_point_name is not None and name != entry_point_name:
            raise PluginLoadError(
                f"{source} offers a {_words(kind)} named {name!r} under the entry point "
                f"{entry_point_name!r}; both names must be equal."
            )

    def _checked(self, kind: str, found: Any, where: object, shown: str) -> type[Any]:
        base = BASES[kind]
        # A class of another interface, django-redis' say, that knows how to serve this one.
        adapt = getattr(found, "as_plugin", None)
        if adapt is not None:
            found = adapt(kind)
        if not isinstance(found, type) or not issubclass(found, base):
            raise PluginLoadError(
                f"{where}: {shown} is not a {_words(kind)}; it must be a subclass of "
                f"django_redis_core.interfaces.{base.__name__}.{_hint_for(found)}"
            )
        missing = sorted(getattr(found, "__abstractmethods__", ()))
        if missing:
            raise PluginLoadError(f"{where}: {shown} lacks {', '.join(missing)}().")
        if found.api_version not in (API_VERSION, *OLDER_API_VERSIONS):
            raise PluginLoadError(
                f"{where}: {shown} was written for version {found.api_version!r} of the plugin "
                f"interface, and this django-redis-core speaks version {API_VERSION}."
            )
        if not isinstance(getattr(found, "name", None), str) or not found.name:
            raise PluginLoadError(f'{where}: {shown} has no name; give it `name = "…"`.')
        defect = found.defect()
        if defect:
            raise PluginLoadError(f"{where}: {shown} {defect}.")
        return found

    def _not_found(self, kind: str, name: str, where: str) -> str:
        available = self.names(kind)
        parts = [f"{where}: there is no {_words(kind)} named {name!r}."]
        if OURS.get(name) == kind:
            parts.append(f"Install it with: pip install 'django-redis-core[{name}]'.")
        elif name in OURS or any(name == other for _, other in self._loaded):
            kinds = [of for of, other in self._loaded if other == name] or [OURS[name]]
            parts.append(f"{name!r} is a {' and a '.join(map(_words, kinds))}.")
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


def _hint_for(found: Any) -> str:
    """What to install where ``found`` derives from a class of the real django-redis."""
    bases = getattr(found, "__mro__", ())
    if not any(base.__module__.partition(".")[0] == "django_redis" for base in bases):
        return ""
    return (
        " It derives from a class of django-redis, and works as it is where that package is "
        "uninstalled and 'django-redis-core[compat]' is in its place."
    )


def _words(kind: str) -> str:
    return kind.replace("_", " ")


def _source(entry_point: EntryPoint) -> _Source:
    # What a broken uninstall leaves behind has entry points and no METADATA: no name either.
    metadata: Any = entry_point.dist.metadata if entry_point.dist else None
    if metadata and metadata.get("Name"):
        return _Source(metadata.get("Name"), metadata.get("Version") or "", entry_point)
    return _Source(f"an unknown distribution ({entry_point.value})", "", entry_point)


def _rivals(candidates: list[EntryPoint]) -> str:
    return " and ".join(sorted(str(_source(candidate)) for candidate in candidates))


def _called(plugin: object) -> str:
    return str(getattr(plugin, "__name__", None) or repr(plugin))


#: The registry of this process.
registry = Registry()


def _after_fork() -> None:
    # A thread of the parent may have held it, which does not exist here.
    registry._lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
