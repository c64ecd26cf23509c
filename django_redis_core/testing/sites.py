"""For the tests of sites: the caches of ``CACHES`` on a real server of the test run's own, empty
for each test. In a site's ``conftest.py``::

    import pytest

    pytest_plugins = ["django_redis_core.testing.sites"]


    @pytest.fixture(autouse=True)
    def caches_of_the_site(empty_caches):
        \"\"\"Each test finds all caches empty.\"\"\"

It touches no server that settings name.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from typing import Any, Self

import pytest

from .servers import Server

__all__ = ["OwnCaches", "empty_caches", "own_caches", "own_caches_of"]

#: What of OPTIONS is for the servers that settings name.
_OF_SERVERS = frozenset(
    {
        "CONNECTION_FACTORY",
        "CONNECTION_POOL_KWARGS",
        "PASSWORD",
        "READ_FROM",
        "REPLICA_MAX_LAG",
        "SENTINELS",
        "SENTINEL_KWARGS",
        "USERNAME",
    }
)

#: Clients of one server alone, in the place of those that need several kinds.
_ELSEWHERE = {"cluster": "default", "django_redis.client.SentinelClient": "default"}


def own_caches_of(caches: Mapping[str, Mapping[str, Any]], server: Server) -> dict[str, Any]:
    """``CACHES`` with the caches of this package on ``server``, each in a database of its own, and
    all else as it is: prefixes, plugins, timeouts. A cache of several servers is on one; shards are
    several databases."""
    from django.test import override_settings

    from .._settings import our_entries
    from ..connections.urls import locations_of

    with override_settings(CACHES=caches):
        ours = {alias: location for alias, location, _ in our_entries()}
    made: dict[str, Any] = {alias: dict(entry) for alias, entry in caches.items()}
    database = 0
    for alias, location in ours.items():
        entry = made[alias]
        options = {
            name: value
            for name, value in dict(entry.get("OPTIONS") or {}).items()
            if name not in _OF_SERVERS
        }
        for key in ("CLIENT", "CLIENT_CLASS"):
            if isinstance(options.get(key), str):
                options[key] = _ELSEWHERE.get(options[key], options[key])
        shards = len(locations_of(alias, location)) if "shard" in str(options).lower() else 1
        places = range(database, database + shards)
        database += shards
        entry["LOCATION"] = [f"unix://{server.unix_socket}?db={place}" for place in places]
        # By name, since a global setting may name another.
        entry["OPTIONS"] = {**options, "CONNECTION_FACTORY": "single"}
    return made


class OwnCaches:
    """The caches of this package on a server of this process' own, from ``start`` to ``stop``.

    For what is no pytest: a test runner's worker process, a ``TestCase``'s ``setUpClass``.
    """

    def __init__(self, kind: str = "valkey") -> None:
        self.server = Server(kind, config={"databases": "1024"})
        self._settings: Any = None
        self._connection: socket.socket | None = None

    def start(self) -> Self:
        """Starts the server and has ``settings.CACHES`` point to it; some 30 ms."""
        from django.conf import settings
        from django.test import override_settings

        self.server.start()
        self._settings = override_settings(CACHES=own_caches_of(settings.CACHES, self.server))
        self._settings.enable()
        return self

    def empty(self) -> None:
        """Removes all entries of all these caches; some 30 µs where there are few."""
        from django.core.cache import caches

        if self._connection is None:
            self._connection = socket.socket(socket.AF_UNIX)
            self._connection.connect(self.server.unix_socket)
            self._connection.settimeout(30)
        self._connection.sendall(b"FLUSHALL\r\n")
        answer = self._connection.recv(64)
        if answer != b"+OK\r\n":
            raise RuntimeError(f"The server of the tests answered {answer!r} to FLUSHALL.")
        for cache in caches.all(initialized_only=True):
            if getattr(getattr(cache, "_driver", None), "at_once", None):
                cache.clear()  # the copies that this process holds, too

    def stop(self) -> None:
        """Ends the server, and has ``settings.CACHES`` as it was."""
        if self._settings is not None:
            self._settings.disable()
            self._settings = None
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self.server.stop()


@pytest.fixture(scope="session")
def own_caches() -> Iterator[OwnCaches]:
    """The site's caches on a server of this test run's own; with pytest-xdist, of each worker's."""
    caches = OwnCaches().start()
    try:
        yield caches
    finally:
        caches.stop()


@pytest.fixture
def empty_caches(own_caches: OwnCaches) -> OwnCaches:
    """The same, and all of them are empty when the test begins."""
    own_caches.empty()
    return own_caches
