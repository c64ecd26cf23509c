"""Attributes that other backends have and this one has not, and what to write instead."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, Final

_RAW = "cache.raw_client(), a redis-py client; write=False for one of a replica"
_SETTINGS = "django.conf.settings.CACHES"
_KEYED = "cache.raw_client(key=…), a redis-py client of the server where the key lives"
_CODEC = "cache.client.encode() and cache.client.decode()"
_IGNORE = '"IGNORE_EXCEPTIONS" in OPTIONS, read from django.conf.settings.CACHES'
_CLOSE = "nothing: connections are shared by all objects of a cache; close() is for request's ends"

#: Of the backends, django-redis' and Django's.
OF_CACHES: Final[Mapping[str, str]] = {
    "_client": "cache.client",
    "_client_cls": "cache.client",
    "_cache": _RAW,
    "_class": _RAW,
    "_server": _SETTINGS,
    "_servers": _SETTINGS,
    "_params": _SETTINGS,
    "_options": _SETTINGS,
    "_ignore_exceptions": _IGNORE,
    "_log_ignored_exceptions": '"LOG_IGNORED_EXCEPTIONS" in OPTIONS, from settings',
    "_default_scan_itersize": "itersize= of keys(), iter_keys() and delete_pattern()",
    "_get": "cache.get()",
    "_expire_info": "cache.ttl() or cache.pttl()",
    "get_client": _RAW,
    "get_master_client": _RAW,
    "get_slave_client": "cache.raw_client(write=False)",
    "logger": 'logging.getLogger("django_redis_core"), or what "LOGGER" in OPTIONS names',
}

#: Of their clients.
OF_CLIENTS: Final[Mapping[str, str]] = {
    "_backend": "the cache itself, django.core.cache.caches[alias]",
    "_client": "cache.client.get_client()",
    "_clients": "cache.client.get_client()",
    "_server": _SETTINGS,
    "_servers": _SETTINGS,
    "_params": _SETTINGS,
    "_options": _SETTINGS,
    "_replica_read_only": _SETTINGS,
    "_serializer": _CODEC,
    "_compressor": _CODEC,
    "_has_compression_enabled": _SETTINGS,
    "_incr": "cache.client.incr()",
    "_decode_iterable_result": "cache.client.decode() for each",
    "_marker": "cache.client.get()",
    "_pack": "cache.client.set()",
    "_unpack": "cache.client.get()",
    "_ring": _KEYED,
    "_connection_factory": _RAW,
    "connection_factory": _RAW,
    "connect": _RAW,
    "disconnect": _CLOSE,
    "do_close_clients": _CLOSE,
    "get_client_with_index": _RAW,
    "get_master_client": "cache.client.get_client(write=True)",
    "get_next_client_index": "cache.client.get_client(write=…)",
    "get_server": _KEYED,
    "get_server_name": _KEYED,
}


def no_attribute(
    owner: Any, name: str, instead: Mapping[str, str], what: str, names: Any = ()
) -> AttributeError:
    """The error for an attribute that ``owner`` has not, by its name for people, ``what``."""
    text = f"{what} has no attribute {name!r}"
    if name in instead:
        text += f". Write {instead[name]}."
    elif not name.startswith("_") and (near := get_close_matches(name, names, 1, 0.75)):
        text += f". Did you mean {near[0]!r}?"
    return AttributeError(text, name=name, obj=owner)
