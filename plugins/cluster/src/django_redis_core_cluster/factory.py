"""``CONNECTION_FACTORY: "cluster"``: LOCATION names start nodes, which know all others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from django.core.exceptions import ImproperlyConfigured

from django_redis_core.connections import ServerConfig, Topology, node_for
from django_redis_core.interfaces import ConnectionFactory, Option, address_remap, seconds

from .clients import ClusterClients
from .nodes import Nodes, Remap
from .topology import ClusterTopology

if TYPE_CHECKING:
    from django_redis_core.connections import ConnectionOptions


class ClusterFactory(ConnectionFactory):
    """Finds the nodes of a Redis Cluster, and follows their slots.

    By host and port only: a cluster knows its nodes no other way. Databases other than 0 are there
    since Valkey 9, as many as the server's ``cluster-databases`` says.
    """

    name = "cluster"
    options: ClassVar[tuple[Option, ...]] = (
        Option(
            "ADDRESS_REMAP",
            "address_remap",
            address_remap,
            doc="From the addresses that the nodes give each other to those that reach them from "
            "here: a dict, or a function of (host, port), or its dotted path.",
        ),
        Option(
            "SLOTS_REFRESH_INTERVAL",
            "slots_refresh_interval",
            seconds,
            10,
            doc="Seconds after which the map of slots and nodes is read again, in the background.",
        ),
    )

    def __init__(
        self,
        connection: ConnectionOptions,
        *,
        address_remap: Remap | None = None,
        slots_refresh_interval: float = 10,
    ) -> None:
        super().__init__(connection)
        self.refresh = slots_refresh_interval
        self.remap = address_remap

    def topology(self, locations: Sequence[str]) -> Topology:
        configs = [self._config(url) for url in locations]
        databases = {config.kwargs["db"] for config in configs}
        if len(databases) > 1:
            raise ImproperlyConfigured(
                f"{self.connection.where}: the URLs of LOCATION name the databases "
                f"{' and '.join(map(str, sorted(databases)))}, and a cache has one: name the same "
                "in all."
            )
        # Every node is reached as the first start node is: with its user, its password, its TLS.
        nodes = Nodes(
            configs[0],
            self.remap,
            self.connection.where,
            read_from=self.connection.read_from or "primary",
            max_lag=self.connection.replica_max_lag,
        )
        return ClusterTopology(
            [node_for(config) for config in configs],
            nodes,
            ClusterClients(configs, self.remap),
            timeout=self.connection.socket_timeout,
            interval=self.connection.breaker_interval,
            refresh=self.refresh,
        )

    def _config(self, url: str) -> ServerConfig:
        config = self.connection.server(url)
        where = self.connection.where
        if "path" in config.kwargs:
            raise ImproperlyConfigured(
                f"{where}: a cluster's nodes name each other by host and port, so LOCATION must be "
                "redis://host:port or rediss://host:port of a node, not unix://."
            )
        # The same address written in two ways is one node.
        kwargs = {"host": "localhost", "port": 6379, **config.kwargs}
        kwargs["db"] = kwargs.get("db") or 0
        # Valkey 9.1.2 carries out MSETEX for slots that it does not serve: instead of MOVED comes
        # OK, and what was written is lost.
        return replace(config, kwargs=kwargs, msetex=False)
