"""Stampede protection: a client plugin for django-redis-core."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django_redis_core import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django_redis_core.interfaces import BuiltCache, Client, EntryColumn


@hookimpl
def register_client() -> type[Client]:
    from .client import HerdClient

    return HerdClient


@hookimpl
def stats_columns(cache: BuiltCache) -> Iterable[EntryColumn]:
    from .operating import columns

    return columns(cache)
