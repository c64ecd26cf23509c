"""Stampede protection: a client plugin for django-redis-core.

``from django_redis_core_herd import cached`` is the decorator; it is loaded when it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django_redis_core import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django_redis_core.interfaces import BuiltCache, Client, EntryColumn

    from .decorators import CachedCoroutine, CachedFunction, cached

__all__ = ["CachedCoroutine", "CachedFunction", "cached"]


@hookimpl
def register_client() -> type[Client]:
    from .client import HerdClient

    return HerdClient


@hookimpl
def stats_columns(cache: BuiltCache) -> Iterable[EntryColumn]:
    from .operating import columns

    return columns(cache)


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import decorators

    return getattr(decorators, name)
