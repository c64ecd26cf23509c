"""Names in an entry that mean nothing where they stand, and where they belong.

Other packages pass over what they do not know, so a site that comes from one may have written names
that never did anything. All of them are told at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from redis.connection import ConnectionPool, SSLConnection, UnixDomainSocketConnection

from .._options.option import constructor_keywords, nearest
from .._options.redaction import shown
from .._plugins.catalogue import OURS
from .tables import (
    CACHE_OPTIONS,
    CONNECTION_OPTIONS,
    ENTRY_OPTIONS,
    PLUGIN_KEYS,
    PLUGIN_OPTIONS,
    WITHOUT_EFFECT,
)

_IN_ENTRY = {option.name for option in ENTRY_OPTIONS}
_IN_OPTIONS = {
    *PLUGIN_KEYS,
    "CLIENT_CLASS",
    *(option.name for option in (*CACHE_OPTIONS, *CONNECTION_OPTIONS, *PLUGIN_OPTIONS)),
}
_OF_DJANGO = frozenset({"OPTIONS", "LOCATION", "BACKEND"})

_DATABASE = "Write the database into LOCATION: redis://localhost:6379/1."
_HOST = "Write host and port into LOCATION: redis://localhost:6379/0."
_TLS = "Write rediss:// in LOCATION."
_SERVICE = "Write the service's name into LOCATION: redis://mymaster/0."

#: Names of other packages, in capitals, that stand for something else here.
_ELSEWHERE = {
    "BACKEND": "It belongs into the entry itself, beside OPTIONS.",
    "COMPRESSOR_CLASS": "Write COMPRESSOR: a plugin's name.",
    "COMPRESSOR_CLASS_KWARGS": "Write COMPRESSOR: {'NAME': …, 'OPTIONS': {…}}.",
    "CONNECTION_CLASS": "Write it as 'connection_class' in CONNECTION_POOL_KWARGS.",
    "CONNECTION_POOL_CLASS_KWARGS": "Write CONNECTION_POOL_KWARGS.",
    "DATABASE": _DATABASE,
    "DB": _DATABASE,
    "CACHE_HERD_TIMEOUT": "It is a setting of its own, beside CACHES.",
    "HOST": _HOST,
    "MASTER_NAME": _SERVICE,
    "SENTINEL_SERVICE": _SERVICE,
    "SENTINEL_SERVICE_NAME": _SERVICE,
    "SERVICE_NAME": _SERVICE,
    "LOCATION": "It belongs into the entry itself, beside OPTIONS.",
    "PICKLE_PROTOCOL": "Write PICKLE_VERSION.",
    "POOL_CLASS": "Write CONNECTION_POOL_CLASS.",
    "POOL_KWARGS": "Write CONNECTION_POOL_KWARGS.",
    "PORT": _HOST,
    "SERIALIZER_CLASS": "Write SERIALIZER: a plugin's name.",
    "SERIALIZER_CLASS_KWARGS": "Write SERIALIZER: {'NAME': …, 'OPTIONS': {…}}.",
    "SSL": _TLS,
    "TLS": _TLS,
    "USE_SSL": _TLS,
    "USE_TLS": _TLS,
    "VALKEY_CLIENT_CLASS": "Write REDIS_CLIENT_CLASS.",
    "VALKEY_CLIENT_KWARGS": "Write REDIS_CLIENT_KWARGS.",
}


def misplaced(
    where: str,
    entry: Mapping[str, Any],
    options: Mapping[Any, Any],
    taken: set[str],
    *,
    complete: bool = True,
) -> Iterator[ImproperlyConfigured]:
    """An error for each name of an entry that is none where it stands. ``taken`` are the options of
    its plugins; not ``complete`` where a plugin is not there, whose options nobody knows then."""
    known = _IN_OPTIONS | taken
    for name in options:
        if name in known or name in WITHOUT_EFFECT:
            continue
        if name in _IN_ENTRY:
            yield ImproperlyConfigured(
                f"{where}: {name} stands in OPTIONS, but belongs into the entry itself, beside "
                "OPTIONS."
            )
            continue
        hint = _place(name) if isinstance(name, str) else ""
        if hint or complete:
            hint = hint or _hint(str(name), known, taken)
            yield ImproperlyConfigured(f"{where}: OPTIONS has an unknown key {shown(name)}.{hint}")
    # Django ignores what it does not know here, so sites may keep notes of their own; but an
    # option one level too high, or mistyped, would be ignored as well.
    for name in entry:
        if name in known:
            yield ImproperlyConfigured(f"{where}: {name} belongs into OPTIONS.")
        elif name not in _IN_ENTRY | _OF_DJANGO | WITHOUT_EFFECT:
            hint = nearest(name, {*_IN_ENTRY, "OPTIONS", "LOCATION"}, 0.8)
            if hint:
                yield ImproperlyConfigured(f"{where} has an unknown key {shown(name)}.{hint}")


def _place(name: str) -> str:
    """Where a well-known name belongs, with a space before it, or nothing."""
    if found := _ELSEWHERE.get(name.upper()):
        return f" {found}"
    if name.upper() in _IN_OPTIONS:
        return f" Did you mean {name.upper()!r}?"
    if name.startswith("DJANGO_REDIS_"):
        return " It is a setting of its own, beside CACHES."
    if name.lower() in _of_redis_py():
        return f" Write it as {name.lower()!r} in CONNECTION_POOL_KWARGS."
    return ""


def _of_redis_py() -> set[str]:
    """The arguments of redis-py's connections and pools."""
    names = {"max_connections"}
    for kind in (SSLConnection, UnixDomainSocketConnection, ConnectionPool):
        names |= constructor_keywords(kind)
    return names


def _hint(name: str, known: Iterable[str], taken: Iterable[str]) -> str:
    hint = _of_another_plugin(name, taken) or nearest(name, known)
    if not hint and name.islower():
        return " Arguments of redis-py's connections go into CONNECTION_POOL_KWARGS."
    return hint


def _of_another_plugin(name: str, taken: Iterable[str]) -> str:
    """That an option begins like those of a plugin of ours which the cache does not use."""
    prefix, underscore, _ = name.partition("_")
    plugin = prefix.lower()
    if not underscore or plugin not in OURS or any(one.startswith(f"{prefix}_") for one in taken):
        return ""
    return f" It looks like an option of the plugin {plugin!r}, which this cache does not use."
