"""A private Valkey server: a connection factory plugin for django-redis-core."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django_redis_core import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django_redis_core.interfaces import BuiltCache, ConnectionFactory, Finding


@hookimpl
def register_connection_factory() -> type[ConnectionFactory]:
    from .factory import EmbeddedFactory

    return EmbeddedFactory


@hookimpl
def examine(cache: BuiltCache) -> Iterable[Finding]:
    from .factory import findings

    return findings(cache)
