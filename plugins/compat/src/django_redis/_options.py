"""Classes of django-redis' interface get the OPTIONS of their cache as a dict, as written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django_redis_core._settings import (
    CACHE_OPTIONS,
    CONNECTION_OPTIONS,
    PLUGIN_KEYS,
    PLUGIN_OPTIONS,
)
from django_redis_core.interfaces import Option

_RAW = "as_written_"

#: Every key that any cache may have in its OPTIONS.
_EVERY = (
    *PLUGIN_KEYS,
    "CLIENT_CLASS",
    *(option.name for option in (*CACHE_OPTIONS, *CONNECTION_OPTIONS, *PLUGIN_OPTIONS)),
)


def options_for(own: Iterable[str] = ()) -> tuple[Option, ...]:
    """Options of a plugin that hand on what is written: the keys that all know, and ``own``."""
    names = dict.fromkeys((*_EVERY, *own))
    return tuple(Option(name, _RAW + name, lambda value: value) for name in names)


def given(arguments: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """A plugin's arguments apart: OPTIONS as written, and the others."""
    written, others = {}, {}
    for name, value in arguments.items():
        if name.startswith(_RAW):
            written[name.removeprefix(_RAW)] = value
        else:
            others[name] = value
    return written, others


def path_of(cls: type[Any]) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"
