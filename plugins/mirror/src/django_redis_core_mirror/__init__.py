"""Moves a running site to another server, topology or format: a client plugin for
django-redis-core."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django_redis_core import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django_redis_core.interfaces import BuiltCache, Client, Finding, ServerColumn, Subcommand


@hookimpl
def register_client() -> type[Client]:
    from .client import MirrorClient

    return MirrorClient


@hookimpl
def redis_cache_subcommands() -> Iterable[Subcommand]:
    from .operating import MirrorSubcommand

    return [MirrorSubcommand()]


@hookimpl
def stats_columns(cache: BuiltCache) -> Iterable[ServerColumn]:
    from .findings import columns

    return columns(cache)


@hookimpl
def examine(cache: BuiltCache) -> Iterable[Finding]:
    from .findings import findings

    return findings(cache)
