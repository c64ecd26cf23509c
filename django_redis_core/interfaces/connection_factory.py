"""LOCATION and options → servers that commands can be sent to."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..connections.node import Node, node_for
from ..connections.topology import Topology
from .plugin import Plugin

if TYPE_CHECKING:
    from ..connections import ConnectionOptions


class ConnectionFactory(Plugin, ABC):
    """Finds the servers of a cache.

    A complete plugin, in the module that the entry point ``consul = "django_redis_core_consul"``
    names::

        from django_redis_core import hookimpl

        @hookimpl
        def register_connection_factory():
            from .factory import ConsulFactory
            return ConsulFactory

    and in ``factory.py``::

        from django_redis_core.connections import SingleServer
        from django_redis_core.interfaces import ConnectionFactory

        class ConsulFactory(ConnectionFactory):
            name = "consul"

            def topology(self, locations):
                host, port = look_up(locations[0])
                return SingleServer(self.node(f"redis://{host}:{port}/0"))

    ``connection`` holds the cache's connection options (timeouts, password, TLS and so on);
    ``node`` makes a server out of a URL and them. A URL scheme that the core does not know names
    the factory: ``"LOCATION": "consul://cache"`` needs no ``CONNECTION_FACTORY``.
    """

    def __init__(self, connection: ConnectionOptions) -> None:
        self.connection = connection

    def node(self, url: str) -> Node:
        """The process' node for a server, shared by all caches that are configured alike."""
        return node_for(self.connection.server(url))

    @abstractmethod
    def topology(self, locations: Sequence[str]) -> Topology:
        """The servers that LOCATION names. Called when a cache is built: no I/O here."""
