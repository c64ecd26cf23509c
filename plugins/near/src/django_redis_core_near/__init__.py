"""Recently read values in memory: a client plugin for django-redis-core."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django_redis_core import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django_redis_core.interfaces import BuiltCache, Client, ServerColumn, Subcommand

    from .client import NearInfo


@hookimpl
def register_client() -> type[Client]:
    from .client import NearClient

    return NearClient


@hookimpl
def redis_cache_subcommands() -> Iterable[Subcommand]:
    from .operating import NearSubcommand

    return [NearSubcommand()]


@hookimpl
def stats_columns() -> Iterable[ServerColumn]:
    from .operating import LISTENERS

    return [LISTENERS]


@hookimpl
def cache_built(alias: str, cache: BuiltCache) -> None:
    from .process import remember

    remember(alias, cache)


def near_infos() -> dict[str, NearInfo]:
    """``near_info()`` of every cache of this process that is on near, by alias."""
    from .process import infos

    return infos()
