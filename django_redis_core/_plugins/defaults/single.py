"""One server, or a primary with replicas: the default connection factory."""

from __future__ import annotations

from collections.abc import Sequence

from ...connections.topology import SingleServer, Topology
from ...interfaces.connection_factory import ConnectionFactory
from ..hookspecs import hookimpl


class SingleServerFactory(ConnectionFactory):
    """The first LOCATION is the primary, the others are its replicas, which serve the reads."""

    name = "single"

    def topology(self, locations: Sequence[str]) -> Topology:
        primary, *replicas = (self.node(url) for url in locations)
        return SingleServer(
            primary,
            replicas,
            replica_read_only=self.connection.replica_read_only,
            read_from=self.connection.read_from or "replicas",
            max_lag=self.connection.replica_max_lag,
        )


@hookimpl
def register_connection_factory() -> type[ConnectionFactory]:
    return SingleServerFactory
