"""The entries of CACHES that are ours: which one a backend is, and which plugins they name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from .._plugins.listing import PluginInfo
from .._plugins.registry import Registry, registry
from ..connections.config import frozen
from ..connections.urls import locations_of
from ..interfaces import Plugin
from .listed import LISTED
from .named import Named, named_plugins
from .tables import CACHE_OPTIONS, CONNECTION_OPTIONS

BACKEND = "django_redis_core.cache.RedisCache"
_DEFINED = "django_redis_core.cache.backend.RedisCache"


def find_alias(location: Any, params: Mapping[str, Any]) -> str:
    """The alias of an entry: Django does not tell a backend which one it is. "?" for a backend
    that was not made from settings."""
    given = frozen({**params, "LOCATION": location})
    found = "?"
    for alias, entry in settings.CACHES.items():
        rest = {name: value for name, value in entry.items() if name != "BACKEND"}
        if frozen({"LOCATION": "", **rest}) == given:
            if entry.get("BACKEND") == BACKEND:
                return str(alias)
            # A subclass of the backend, or another backend that happens to be configured alike.
            found = str(alias) if found == "?" else found
    return found


def our_entries() -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """(alias, LOCATION, the other params) of every cache of this package, as Django hands them to
    a backend. A backend that cannot be imported is Django's to refuse."""
    for alias, entry in settings.CACHES.items():
        if _is_ours(entry.get("BACKEND")):
            params = {name: value for name, value in entry.items() if name != "BACKEND"}
            yield str(alias), params.pop("LOCATION", ""), params


def backend_of(alias: str) -> Any:
    """The class of a cache of this package: the backend, or a subclass of a site's."""
    return import_string(settings.CACHES[alias]["BACKEND"])


def _is_ours(backend: Any) -> bool:
    if backend == BACKEND:
        return True
    if not isinstance(backend, str) or backend.startswith("django.core.cache."):
        return False
    try:
        found = import_string(backend)
    except ImportError:
        return False
    bases = found.__mro__ if isinstance(found, type) else ()
    return any(f"{base.__module__}.{base.__qualname__}" == _DEFINED for base in bases)


def used_plugins() -> dict[tuple[str, str], list[str]]:
    """The plugins that settings name: (kind, name) → aliases. Nothing is imported or built.

    An entry that is not well-formed counts for nothing; the system checks say what is wrong.
    """
    used: dict[tuple[str, str], list[str]] = {}
    for alias, location, params in our_entries():
        for named in _named(alias, location, params):
            aliases = used.setdefault((named.kind, named.name), [])
            if alias not in aliases:
                aliases.append(alias)
    return used


def _named(alias: str, location: Any, params: Mapping[str, Any]) -> list[Named]:
    where = f"CACHES[{alias!r}]"
    options = params.get("OPTIONS") or {}
    if not isinstance(options, Mapping):
        return []
    try:
        by_key = named_plugins(where, options, locations_of(where, location))
    except ImproperlyConfigured:
        return []
    return [named for of_key in by_key.values() for named in of_key]


def unknown_settings(plugins: Iterable[type[Plugin]] = ()) -> list[tuple[str, str]]:
    """Global settings that look like ours and that neither the core nor ``plugins`` read, each
    with the name that was probably meant, or ""."""
    declared = [*CACHE_OPTIONS, *CONNECTION_OPTIONS]
    declared += [option for plugin in plugins for option in plugin.options]
    known = {
        "DJANGO_REDIS_CONNECTION_FACTORY",
        LISTED,
        *(option.setting or "" for option in declared),
    }
    return [
        (name, next(iter(get_close_matches(name, known, 1, 0.6)), ""))
        for name in dir(settings)
        if name.startswith("DJANGO_REDIS_") and name not in known
    ]


def describe_installed(plugins: Registry = registry) -> list[PluginInfo]:
    """Every plugin that is built in, registered, installed or named by settings, with the aliases
    that use it. Only what settings already loaded is imported; nothing is built."""
    return plugins.describe(used_plugins())
