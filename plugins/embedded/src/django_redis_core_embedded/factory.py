"""``embedded://`` as a connection factory."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qs, quote, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

from django_redis_core.connections import SingleServer, Topology, node_for
from django_redis_core.interfaces import BuiltCache, ConnectionFactory, Finding

from .reaper import LOG
from .server import EmbeddedServerError, open_server, socket_path


class EmbeddedFactory(ConnectionFactory):
    """Starts a Valkey server when it is first needed and ends it with the last process.

    ``embedded://`` is this process' own server, ``embedded:///var/tmp/cache`` is shared by all
    processes that name the directory, and ``?db=1`` chooses a database, as for other servers.
    """

    name = "embedded"

    def topology(self, locations: Sequence[str]) -> Topology:
        if len(locations) > 1:
            raise ImproperlyConfigured(
                f"{self.connection.where}: an embedded LOCATION stands alone; it has no replicas."
            )
        directory, db = self.parse(locations[0])
        try:
            url = f"unix://{quote(socket_path(directory))}?db={db}"
        except EmbeddedServerError as error:
            raise ImproperlyConfigured(f"{self.connection.where}: {error}") from error
        ensure = EnsureRunning(self.connection.where, directory)
        return SingleServer(node_for(self.connection.server(url, before_connect=ensure)))

    def parse(self, location: str) -> tuple[str | None, int]:
        """The directory of a LOCATION, None for this process' own, and its database."""
        parts = urlsplit(location)
        query = parse_qs(parts.query)
        db = query.pop("db", ["0"])[-1]
        # A host would be taken for a directory that each process looks for where it happens to be.
        if parts.scheme != self.name or parts.netloc or query or not db.isdigit():
            raise ImproperlyConfigured(
                f"{self.connection.where}: LOCATION is not understood; an embedded one is "
                "'embedded://', 'embedded:///a/directory' or either with '?db=1'."
            )
        return unquote(parts.path) or None, int(db)


@dataclass(frozen=True)
class EnsureRunning:
    """Called before each new connection. Two of one directory are equal, so caches share it."""

    where: str = field(compare=False)
    directory: str | None

    def __call__(self) -> None:
        try:
            open_server(self.directory)
        except EmbeddedServerError as error:
            raise ImproperlyConfigured(f"{self.where}: {error}") from error


def findings(cache: BuiltCache) -> Iterator[Finding]:
    """What ``doctor`` tells of the servers of a cache."""
    factory = cache.part(EmbeddedFactory)
    for location in cache.options.locations:
        directory, _ = factory.parse(location)
        if directory is None:
            yield Finding(
                "advice",
                "embedded:// is a server of each process' own: what is examined here is this "
                "command's, and no other process sees it. A directory in LOCATION, such as "
                "embedded:///var/tmp/cache, is one for all.",
            )
        else:
            log = os.path.join(os.path.realpath(directory), LOG)
            yield Finding("note", f"The log of the embedded server is {log}.")
