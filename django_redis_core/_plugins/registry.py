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
from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeVar

import pluggy
from django.utils.module_loading import import_string

from .._interrupts import struck
from ..exceptions import PluginConflict, PluginError, PluginLoadError, PluginNotFound
from ..interfaces import Plugin
from . import hookspecs
from .catalogue import OURS, plugin_name
from .checked import checked, words
from .hookspecs import ACTS, KINDS
from .listing import IGNORED, PluginInfo, hooks_line, loaded_line, with_aliases
from .sources import Hooked, Source, imported, not_imported, rivals, source_of
from .static_kind import declared_kinds, source_file

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from .asking import Answer

GROUP = "django_redis_core"
DISTRIBUTION = "django-redis-core"

_BUILT_IN = ("pickle", "identity", "none", "single", "client")

T = TypeVar("T")

EntryPoints: TypeAlias = "Callable[[], Iterable[EntryPoint]]"


def installed_entry_points() -> Iterable[EntryPoint]:
    import importlib.metadata  # slow to import, and not needed for built-in names

    return importlib.metadata.entry_points(group=GROUP)


class _Loaded(NamedTuple):
    plugin: type[Plugin]
    source: Source


class Registry:
    """The plugins of a process. ``registry`` below is the one that caches use; a test makes its
    own."""

    def __init__(self, entry_points: EntryPoints = installed_entry_points) -> None:
        self._scan = entry_points
        self._entry_points: dict[str, list[EntryPoint]] | None = None
        self._lock = threading.RLock()
        self._loaded: dict[tuple[str, str], _Loaded] = {}
        self._failed: dict[str, str] = {}
        self._hooked: list[Hooked] = []
        self._hooks_only: set[int] = set()  # entry points
        #: What DJANGO_REDIS_PLUGINS names now; see ``load``.
        self.listed: frozenset[str] = frozenset()
        #: Called after something was registered in-process.
        self.registered: list[Callable[[], object]] = []
        self.manager = pluggy.PluginManager(hookspecs.PROJECT)
        self.manager.add_hookspecs(hookspecs)
        built_in = Source(DISTRIBUTION, None)
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
            # Two modules have two names; classes and other objects of one name may be two.
            name = plugin.__name__ if isinstance(plugin, ModuleType) else f"{id(plugin):x}"
            self._take(plugin, name, Source(source))
        for tell in self.registered:
            tell()

    def load(self, written: Any, where: str) -> None:
        """Registers a plugin for its hooks: the name of an entry point, or the dotted path of a
        module or object. Raises PluginNotFound, PluginConflict or PluginLoadError."""
        if not isinstance(written, str) or not written:
            raise PluginLoadError(
                f"{where}: {written!r} is no plugin; write the name of an entry point, or the "
                "dotted path of a module with hooks."
            )
        with self._lock:
            if self._is_listed(written):
                return
            if "." not in written:
                self._load_entry_point(written, where, listed=written)
                return
        # Without the lock: it is a module of the site's, which another thread may be importing now,
        # and which may use a cache itself.
        found = imported(written, where)
        with self._lock:
            if self._is_listed(written) or self.manager.is_registered(found):
                return
            try:
                self._take(found, written, Source(written), listed=written)
            except PluginError as error:
                raise type(error)(f"{where}: {error}") from error

    def _is_listed(self, written: str) -> bool:
        return any(one.listed == written for one in self._hooked)

    def ask(
        self,
        hook: str,
        read: Callable[[Any], T],
        uses: Iterable[type[Any]] | None = None,
        **arguments: Any,
    ) -> Iterator[Answer[T]]:
        """What plugins answer to one of ``hookspecs.ACTS``; see ``asking.ask``. ``uses`` are the
        classes of the cache that it is about: who offers others is not asked."""
        from . import asking  # here, as the few who need it are commands and checks

        hooked = [one for one in self.hooked() if one.is_asked(uses)]
        return asking.ask(self.manager, hooked, hook, read, arguments)

    def hooked(self) -> list[Hooked]:
        """All who are registered, without those that settings have listed once and do no more."""
        return [one for one in self._hooked if one.listed is None or one.listed in self.listed]

    def plugin(self, kind: str, written: Any, where: str) -> type[Any]:
        """The class of ``kind`` that settings name.

        ``written`` is a plugin's name, a dotted path, or a class; ``where`` says in errors which
        setting it was. Raises PluginNotFound, PluginConflict or PluginLoadError.
        """
        if isinstance(written, type):
            return checked(kind, written, where, repr(written))
        name = plugin_name(kind, written)
        with self._lock:
            known = self._loaded.get((kind, name))
            if known is not None:
                return known.plugin
            if "." not in name:
                return self._from_entry_point(kind, name, where)
        # Without the lock, as in ``load``.
        return self._from_path(kind, name, where)

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
            lines += [hooks_line(one) for one in self.hooked() if not one.offers]
            for name, candidates in self._installed().items():
                for entry_point in candidates:
                    if not self._is_loaded(entry_point):
                        source = source_of(entry_point)
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
            return f"not usable: {rivals(candidates)} offer the same name"
        return self._failed.get(name, "")

    def _is_loaded(self, entry_point: EntryPoint) -> bool:
        loaded = {id(one.source.entry_point) for one in self._loaded.values()}
        if id(entry_point) in loaded | self._hooks_only:
            return True
        # A Django app may have registered its module itself.
        module = sys.modules.get(entry_point.value)
        return module is not None and self.manager.is_registered(module)

    def _installed(self) -> dict[str, list[EntryPoint]]:
        if self._entry_points is None:
            found: dict[str, list[EntryPoint]] = {}
            for entry_point in self._scan():
                others = found.setdefault(entry_point.name, [])
                # A distribution that is on the path twice (an editable install beside its wheel)
                # offers one plugin, not two.
                source = str(source_of(entry_point))
                if source not in map(str, map(source_of, others)):
                    others.append(entry_point)
            self._entry_points = found
        return self._entry_points

    def _kinds(self, entry_point: EntryPoint) -> list[str]:
        ours = source_of(entry_point).distribution == f"{DISTRIBUTION}-{entry_point.name}"
        if ours and entry_point.name in OURS:
            return [OURS[entry_point.name]]
        return declared_kinds(entry_point)

    def _from_path(self, kind: str, path: str, where: str) -> type[Plugin]:
        try:
            found = import_string(path)
        except (Exception, SystemExit) as error:
            if isinstance(error, Exception) and struck(error):
                raise
            raise PluginLoadError(not_imported(path, where, error)) from error
        return checked(kind, found, where, repr(path))

    def _from_entry_point(self, kind: str, name: str, where: str) -> type[Plugin]:
        if not self._installed().get(name):
            from .refusals import not_found

            others = [of for of, other in self._loaded if other == name]
            raise PluginNotFound(not_found(kind, name, where, self.names(kind), others))
        entry_point = self._load_entry_point(name, where)
        known = self._loaded.get((kind, name))
        if known is None:
            offered = [
                f"the {words(of)} {other!r}"
                for (of, other), loaded in self._loaded.items()
                if loaded.source.entry_point is entry_point
            ]
            raise PluginLoadError(
                f"{where}: {source_of(entry_point)} offers no {words(kind)} named {name!r}, but "
                f"{' and '.join(sorted(offered)) or 'hooks, for DJANGO_REDIS_PLUGINS'}."
            )
        return known.plugin

    def _load_entry_point(self, name: str, where: str, listed: str | None = None) -> EntryPoint:
        candidates = self._installed().get(name, [])
        if not candidates:
            close = get_close_matches(name, self._installed(), 1, 0.5)
            raise PluginNotFound(
                f"{where}: there is no plugin named {name!r}."
                f"{f' Did you mean {close[0]!r}?' if close else ''} Write the name of an installed "
                "plugin's entry point, or the dotted path of a module with hooks."
            )
        if len(candidates) > 1:
            raise PluginConflict(
                f"{where}: the name {name!r} is offered by {rivals(candidates)}; "
                "uninstall all but one of them."
            )
        entry_point = candidates[0]
        source = source_of(entry_point)
        if not self._is_loaded(entry_point):
            try:
                self._take(entry_point.load(), f"{source}:{name}", source, name, listed)
            except (Exception, SystemExit) as error:  # which would end a site without a word
                if isinstance(error, Exception) and struck(error):
                    raise
                ours = isinstance(error, PluginError)
                self._failed[name] = str(error) if ours else f"{type(error).__name__}: {error}"
                if isinstance(error, PluginError):
                    raise type(error)(f"{where}: {error}") from error
                raise PluginLoadError(
                    f"{where}: the plugin {name!r} of {source} failed to load: "
                    f"{type(error).__name__}: {error}"
                ) from error
            self._failed.pop(name, None)
        return entry_point

    def _take(
        self,
        plugin: object,
        pluggy_name: str | None,
        source: Source,
        entry_point_name: str | None = None,
        listed: str | None = None,
    ) -> None:
        """Registers with pluggy and keeps the classes that the plugin's hooks return."""
        manager = self.manager
        called = str(getattr(plugin, "__name__", None) or repr(plugin))
        if manager.is_registered(plugin) or manager.has_plugin(pluggy_name or ""):
            raise PluginConflict(f"{plugin!r} of {source} is registered already.")
        try:
            try:
                manager.register(plugin, pluggy_name)
            except pluggy.PluginValidationError as error:
                from .refusals import unusable_hook

                raise PluginLoadError(unusable_hook(plugin, called, source, error)) from error
            self._refuse_unknown_hook(plugin, called, source)
            others = [other for other in manager.get_plugins() if other is not plugin]
            taken: dict[tuple[str, str], _Loaded] = {}
            for kind in KINDS:
                hook = manager.subset_hook_caller(f"register_{kind}", remove_plugins=others)
                for found in hook():
                    offered = checked(kind, found, source, repr(found))
                    self._refuse_name(kind, offered.name, source, entry_point_name)
                    taken[kind, offered.name] = _Loaded(offered, source)
            callers = manager.get_hookcallers(plugin) or ()
            acts = any(caller.name in ACTS for caller in callers)
            if not taken and not acts:
                raise PluginLoadError(
                    f"{source} offers no plugin: no function of {called} is marked with "
                    "django_redis_core.hookimpl and returns a class, or is another hook."
                )
            self._loaded.update(taken)
            if not taken and source.entry_point is not None:
                self._hooks_only.add(id(source.entry_point))
            if acts:
                offers = tuple(one.plugin for one in taken.values())
                name = entry_point_name or called
                # A part of a cache is asked by that, listed or not.
                listed = None if offers else listed
                self._hooked.append(Hooked(plugin, name, source, offers, listed))
        except BaseException:
            # pluggy keeps a plugin whose hooks it refuses.
            if manager.is_registered(plugin):
                manager.unregister(plugin)
            raise

    def _refuse_unknown_hook(self, plugin: object, called: str, source: Source) -> None:
        try:
            self.manager.check_pending()
        except pluggy.PluginValidationError as error:
            callers = self.manager.get_hookcallers(plugin) or ()
            unknown = [caller.name for caller in callers if not caller.has_spec()]
            from .refusals import unknown_hook

            raise PluginLoadError(unknown_hook(called, source, unknown)) from error

    def _refuse_name(
        self, kind: str, name: str, source: Source, entry_point_name: str | None
    ) -> None:
        rival = self._loaded.get((kind, name))
        if rival is not None:
            raise PluginConflict(
                f"{source} offers a {words(kind)} named {name!r}, which is already the name of "
                f"one of {rival.source}."
            )
        # Else a plugin could take a name that is not looked for in its distribution.
        if entry_point_name is not None and name != entry_point_name:
            raise PluginLoadError(
                f"{source} offers a {words(kind)} named {name!r} under the entry point "
                f"{entry_point_name!r}; both names must be equal."
            )


#: The registry of this process.
registry = Registry()


def _after_fork() -> None:
    # A thread of the parent may have held it, which does not exist here.
    registry._lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
