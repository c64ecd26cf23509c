"""From a site's connection factory of django-redis' interface to a plugin."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from redis.asyncio import ConnectionPool

from django_redis_core.connections import Node, SingleServer, Topology, node_for
from django_redis_core.connections.counterparts import is_own_pool
from django_redis_core.interfaces import ConnectionFactory as CoreFactory

from . import pool
from ._options import given, options_for, path_of


def makes_pools(cls: Any) -> bool:
    """Whether a subclass makes clients or pools in a way of its own."""
    names = ("connect", "get_connection", "get_or_create_connection_pool", "get_connection_pool")
    return any(getattr(cls, name) is not getattr(pool.ConnectionFactory, name) for name in names)


@cache
def factory_plugin(cls: Any) -> type[CoreFactory]:
    """The plugin for a class, the same one each time."""

    class Adapted(CoreFactory):
        name = path_of(cls)
        options = options_for(cls.option_names)

        def __init__(self, connection: Any, **options: Any) -> None:
            super().__init__(connection)
            self._own = cls(given(options)[0])

        def topology(self, locations: Sequence[str]) -> Topology:
            primary, *replicas = (self.node(url) for url in locations)
            read_only = self.connection.replica_read_only
            return SingleServer(primary, replicas, replica_read_only=read_only)

        def node(self, url: str, *, owner: Hashable = None) -> Node:
            own = self._own
            params = own.make_connection_params(url)
            del params["url"]
            # In django-redis the URL beats these, which come from a subclass or from OPTIONS.
            url_beats = self.connection.server(url).kwargs
            more = {name: value for name, value in params.items() if name not in url_beats}

            class Pool:
                """Stands for the class of a pool, and gives the pool of the site's own client."""

                def __new__(cls, **kwargs: Any) -> Any:
                    return own.connect(url).connection_pool

            config = self.connection.server(url, **more)
            asynchronous = config.async_pool_class
            if asynchronous is None and not is_own_pool(config) and not makes_pools(cls):
                asynchronous = ConnectionPool  # what the subclass decides are arguments alone
            return node_for(
                replace(config, pool_class=Pool, async_pool_class=asynchronous, owner=owner)
            )

    return Adapted
