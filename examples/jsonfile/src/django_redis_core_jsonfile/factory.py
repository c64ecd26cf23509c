"""``jsonfile:///path`` as a connection factory."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from urllib.parse import unquote

from django.core.exceptions import ImproperlyConfigured

from django_redis_core.connections import ConnectionOptions, SingleServer, Topology
from django_redis_core.interfaces import ConnectionFactory, Option, seconds

from . import contents
from .topology import FileTopology


class JsonFileFactory(ConnectionFactory):
    """The servers that a file names: ``{"primary": "redis://…", "replicas": ["redis://…"]}``.

    LOCATION is ``jsonfile://`` and the file's absolute path. ``interval``: seconds for which what
    the file said is not looked up again.
    """

    name = "jsonfile"
    options = (
        Option(
            "JSONFILE_INTERVAL",
            "interval",
            seconds,
            1.0,
            doc="Seconds between two looks at the file. Default: 1.",
        ),
    )

    def __init__(self, connection: ConnectionOptions, *, interval: float = 1.0) -> None:
        super().__init__(connection)
        self.interval = interval

    def topology(self, locations: Sequence[str]) -> Topology:
        path = Path(unquote(locations[0].partition("://")[2]))
        if len(locations) > 1 or not path.is_absolute():
            raise ImproperlyConfigured(
                f"{self.connection.where}: LOCATION must be one URL with an absolute path, such as "
                "'jsonfile:///etc/site/cache.json'."
            )
        return FileTopology(path, self.interval, partial(self.servers, path))

    def servers(self, path: Path, text: bytes) -> SingleServer:
        """What ``text`` says. Raises ValueError, or ImproperlyConfigured for a URL."""
        primary, replicas = contents.parse(text)
        # Nodes of this file's own: when it names others, nobody else loses their connections.
        owner = (self.name, str(path))
        return SingleServer(
            self.node(primary, owner=owner),
            [self.node(url, owner=owner) for url in replicas],
            read_from=self.connection.read_from or "replicas",
            max_lag=self.connection.replica_max_lag,
        )
