"""``redis://service/db`` with ``SENTINELS``, as a connection factory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import redis.asyncio.sentinel
from django.core.exceptions import ImproperlyConfigured
from redis.connection import BlockingConnectionPool, Connection, ConnectionPool, SSLConnection
from redis.sentinel import SentinelConnectionPool

from django_redis_core.connections import Node, ServerConfig, Topology, node_for
from django_redis_core.interfaces import (
    ConnectionFactory,
    Option,
    address_remap,
    addresses,
    mapping,
)

from . import location
from .topology import SentinelTopology, Service

if TYPE_CHECKING:
    from django_redis_core.connections import ConnectionOptions

    from .answers import Address

#: Seconds that a sentinel may take to answer, unless SENTINEL_KWARGS says otherwise: little, since
#: three that are silent are waited for one after the other, before the operation itself.
PATIENCE = 0.3

_POOLS = (ConnectionPool, BlockingConnectionPool, SentinelConnectionPool)
_ASYNC_POOLS = (
    redis.asyncio.ConnectionPool,
    redis.asyncio.BlockingConnectionPool,
    redis.asyncio.sentinel.SentinelConnectionPool,
)

# Arguments of redis-py's clients and pools, which its connections do not take.
_NOT_A_CONNECTIONS = ("ssl", "max_connections", "connection_pool", "single_connection_client")


class SentinelFactory(ConnectionFactory):
    """Asks sentinels which server is a service's primary, and which are its replicas.

    LOCATION is ``redis://service/db``, with ``?is_master=1`` (the primary, which is the default)
    or ``?is_master=0`` (the replicas), or a list of both.
    """

    name = "sentinel"
    options: ClassVar[tuple[Option, ...]] = (
        Option("SENTINELS", "sentinels", addresses, doc="A list of the sentinels' (host, port)."),
        Option(
            "SENTINEL_KWARGS",
            "sentinel_kwargs",
            mapping,
            doc="Arguments of redis-py's connections to the sentinels, apart from the servers': "
            "`username`, `password`, `ssl`, `ssl_ca_certs`, `socket_timeout` (seconds) and so on.",
        ),
        Option(
            "ADDRESS_REMAP",
            "address_remap",
            address_remap,
            doc="From the addresses that the sentinels give servers to those that reach them from "
            "here: a dict, or a function of (host, port), or its dotted path.",
        ),
    )

    def __init__(
        self,
        connection: ConnectionOptions,
        *,
        sentinels: Sequence[Address] | None = None,
        sentinel_kwargs: Mapping[str, Any] | None = None,
        address_remap: Callable[[Address], Any] | None = None,
    ) -> None:
        super().__init__(connection)
        if not sentinels:
            raise ImproperlyConfigured(
                f"{connection.where}: the sentinel connection factory needs the addresses of the "
                'sentinels: "SENTINELS": [("sentinel-1", 26379), …] in OPTIONS.'
            )
        self.sentinels = tuple(dict.fromkeys(sentinels))
        self.sentinel_kwargs = dict(sentinel_kwargs or {})
        self.remap = address_remap
        self.pool_class = self._pool_class("CONNECTION_POOL_CLASS", connection.pool_class, _POOLS)
        self.async_pool_class = self._pool_class(
            "ASYNC_CONNECTION_POOL_CLASS", connection.async_pool_class, _ASYNC_POOLS
        )

    def topology(self, locations: Sequence[str]) -> Topology:
        where = self.connection.where
        place = location.read(where, locations)

        def config(address: Address) -> ServerConfig:
            host, port = address
            made = self.connection.server(place.url, host=host, port=port)
            return replace(made, pool_class=None, async_pool_class=None)

        config(("localhost", 6379))  # what is wrong with the settings is said before any I/O
        service = Service(
            where,
            place.service,
            self._sentinel_nodes(),
            config,
            self.pool_class,
            self.async_pool_class,
            self.remap,
        )
        return SentinelTopology(
            service,
            read_from=self._read_from(place),
            writes=place.writes,
            max_lag=self.connection.replica_max_lag,
        )

    def _read_from(self, place: location.Location) -> str:
        read_from = self.connection.read_from
        if not place.writes and read_from == "primary":
            raise ImproperlyConfigured(
                f"{self.connection.where}: READ_FROM is 'primary' and LOCATION says is_master=0, "
                "which is the replicas; leave one of them out."
            )
        if place.said and read_from is None:
            return "replicas" if place.reads_replicas else "primary"
        return read_from or "primary"

    def _sentinel_nodes(self) -> tuple[Node, ...]:
        kwargs = {
            "socket_timeout": PATIENCE,
            "socket_connect_timeout": PATIENCE,
            **self.sentinel_kwargs,
        }
        connection_class = SSLConnection if kwargs.get("ssl") else Connection
        for name in _NOT_A_CONNECTIONS:
            kwargs.pop(name, None)
        if connection_class is Connection:
            # Settings that serve both ways say ssl=False and name the files as well; redis-py's
            # client passes over them then.
            kwargs = {name: of for name, of in kwargs.items() if not name.startswith("ssl_")}
        try:
            connection_class(**kwargs)
        except Exception as error:
            raise ImproperlyConfigured(
                f"{self.connection.where}: SENTINEL_KWARGS cannot be used for a connection to a "
                f"sentinel: {error}"
            ) from None
        return tuple(
            node_for(
                ServerConfig(
                    connection_class=connection_class,
                    kwargs={**kwargs, "host": host, "port": port},
                    timeout=kwargs["socket_timeout"],
                    breaker_failures=max(1, self.connection.breaker_failures),
                    breaker_interval=self.connection.breaker_interval,
                )
            )
            for host, port in self.sentinels
        )

    def _pool_class(self, name: str, own: Any, plain: Sequence[Any]) -> type[Any] | None:
        """The pool class of the raw clients; the cache's own connections are in pools of ours.
        ``plain``: redis-py's, whose place is taken by the last of them."""
        if own is None or own in plain:
            return None
        if isinstance(own, type) and issubclass(own, plain[-1]):
            return own
        raise ImproperlyConfigured(
            f"{self.connection.where}: with sentinels {name} must be a subclass of "
            f"{plain[-1].__module__}.SentinelConnectionPool, or left out."
        )
