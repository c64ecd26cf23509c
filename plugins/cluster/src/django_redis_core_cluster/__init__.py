"""Redis Cluster: a connection factory plugin for django-redis-core."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django_redis_core import hookimpl

if TYPE_CHECKING:
    from django_redis_core.interfaces import ConnectionFactory


@hookimpl
def register_connection_factory() -> type[ConnectionFactory]:
    from .factory import ClusterFactory

    return ClusterFactory
