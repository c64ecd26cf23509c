"""``CONNECTION_FACTORY: "cluster"``: LOCATION names start nodes, which know all others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from django_redis_core.connections import ServerConfig, Topology, node_for
from django_redis_core.interfaces import ConnectionFactory, Option, addresses, seconds

from .clients import ClusterClients
from .nodes import Address, Nodes, Remap
from .topology import ClusterTopology

if TYPE_CHECKING:
    from django_redis_core.connections import ConnectionOptions


def remap(value: Any) -> Any:
    """The check of ``ADDRESS_REMAP``."""
    words = (
        "a dict of addresses, such as {('10.0.0.1', 6379): ('localhost', 7001)}, or a function "
        "that is given (host, port) and returns the like, or its dotted path"
    )
    if value is None:
        return None
    try:
        if isinstance(value, Mapping):
            return dict(zip(addresses(list(value)), addresses(list(value.values())), strict=True))
        if isinstance(value, str):
            value = import_string(value)
    except (ImportError, ValueError) as error:
        raise ValueError(f"{words} ({error})") from error
    if not callable(value):
        raise ValueError(words)
    return value


class ClusterFactory(ConnectionFactory):
    """Finds the nodes of a Redis Cluster, and follows their slots.

    Database 0 only, and by host and port only: a cluster knows its nodes no other way.
    """

    name = "cluster"
    options: ClassVar[tuple[Option, ...]] = (
        Option(
            "ADDRESS_REMAP",
            "address_remap",
            remap,
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
        address_remap: Mapping[Address, Address] | Callable[[Address], Address] | None = None,
        slots_refresh_interval: float = 10,
    ) -> None:
        super().__init__(connection)
        self.refresh = slots_refresh_interval
        if isinstance(address_remap, Mapping):
            table = address_remap
            self.remap: Remap | None = lambda address: table.get(address, address)
        else:
            self.remap = address_remap

    def topology(self, locations: Sequence[str]) -> Topology:
        configs = [self._config(url) for url in locations]
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
        if config.kwargs.get("db"):
            raise ImproperlyConfigured(
                f"{where}: LOCATION names database {config.kwargs['db']}, and a cluster has "
                "database 0 only: leave it out, and give caches a KEY_PREFIX to keep them apart."
            )
        # The same address written in two ways is one node.
        kwargs = {"host": "localhost", "port": 6379, **config.kwargs, "db": 0}
        # Valkey 9.1.2 carries out MSETEX for slots that it does not serve: instead of MOVED comes
        # OK, and what was written is lost.
        return replace(config, kwargs=kwargs, msetex=False)
