"""LOCATION and options → servers that commands can be sent to."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ..connections.node import Node, node_for
from ..connections.topology import Topology
from .plugin import Plugin

if TYPE_CHECKING:
    from ..connections import ConnectionOptions


class ConnectionFactory(Plugin, ABC):
    """Finds the servers of a cache: out of LOCATION and options it makes a ``Topology``.

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

    ``connection`` holds the cache's ``ConnectionOptions`` (timeouts, password, TLS and so on);
    ``node`` makes a server out of a URL and them. A URL scheme that the core does not know names
    the factory: ``"LOCATION": "consul://cache"`` needs no ``CONNECTION_FACTORY``.

    Made once for a process and configuration of a cache. Options of the plugin's own come after
    ``connection``, as keywords.
    """

    def __init__(self, connection: ConnectionOptions) -> None:
        self.connection = connection

    def node(self, url: str, *, owner: Hashable = None) -> Node:
        """The process' node for a server, shared by all caches that are configured alike.

        ``owner``: shared only by those that name an equal one, such as ``("consul", service)``. A
        topology that will ``retire`` the node names one. No I/O. Raises ImproperlyConfigured as
        ``ConnectionOptions.server`` does.
        """
        config = self.connection.server(url)
        return node_for(config if owner is None else replace(config, owner=owner))

    @abstractmethod
    def topology(self, locations: Sequence[str]) -> Topology:
        """The servers that ``locations`` name, which are the URLs of LOCATION, at least one, all of
        one scheme. Called when a cache is built and when settings are checked, so without I/O:
        what is to be found out, ``Topology.discover`` finds out. Raises ImproperlyConfigured, with
        ``connection.where`` and what to write instead. With ``shard`` it is called once for each.
        """
