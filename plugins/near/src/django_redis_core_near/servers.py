"""Which topologies near can rely upon, and what is said of the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import ImproperlyConfigured
from redis import Redis
from redis.connection import BlockingConnectionPool, ConnectionPool

from django_redis_core.connections import SingleServer

if TYPE_CHECKING:
    from django_redis_core.connections import Node, Topology


def only_primary(alias: str, topology: Topology) -> Node:
    """The server that is to tell of writes where nobody takes its place, or ImproperlyConfigured
    where none can be relied upon to tell of all."""
    if type(topology) is not SingleServer:
        problem = (
            "its connection factory's servers take each other's place, and nobody says which one "
            'is the primary: with "sentinel" let LOCATION say is_master=1 or nothing, to a factory '
            "of your own give Topology.confirm"
        )
    elif not topology.replica_read_only:
        problem = "with REPLICA_READ_ONLY False writes may go to servers that it does not hear"
    else:
        config = topology.primary.config
        own: Any = config.client_class
        if config.pool_class not in (None, ConnectionPool, BlockingConnectionPool):
            problem = "CONNECTION_POOL_CLASS may connect to servers that it does not hear"
        elif own is not None and not (isinstance(own, type) and issubclass(own, Redis)):
            problem = "REDIS_CLIENT_CLASS is not redis-py's, and tells of no writes"
        else:
            return topology.primary
    raise ImproperlyConfigured(
        f'CACHES[{alias!r}]: the client "near" cannot keep values here: {problem}, or leave "near" '
        "out."
    )
