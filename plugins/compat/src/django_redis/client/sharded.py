"""The shard client: each key lives on one of the servers."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from django_redis_core.commands import SET

from ..hash_ring import HashRing
from ..util import CacheKey
from ._absent import Absent
from .default import DEFAULT_TIMEOUT, ConnectionInterrupted, DefaultClient

__all__ = [
    "DEFAULT_TIMEOUT",
    "UNSET",
    "CacheKey",
    "ConnectionInterrupted",
    "HashRing",
    "ShardClient",
    "UnsetType",
]


class UnsetType:
    """Of an argument that was not given."""


UNSET = UnsetType()


class ShardClient(DefaultClient):
    """The plugin ``shard``, as blocking methods."""

    plugin: ClassVar[str] = "shard"

    #: What of a key decides on its server, where it has braces.
    _findhash: ClassVar[re.Pattern[str]] = re.compile(r".*\{(.*)\}.*", re.IGNORECASE)

    _ring = Absent("client.get_server_name(key)")
    _serverdict = Absent("client.connect(), a dict of redis-py clients")

    def get_client(self, write: bool = True, tried: Any = None) -> Any:
        """There is no single server: NotImplementedError. See ``get_server``."""
        raise NotImplementedError("A sharded cache has no single server; use get_server(key).")

    def get_server(self, key: Any) -> Any:
        """A redis-py client for the server where ``key``, as stored, lives."""
        return self._link.topology.clients(SET(str(key), b"")).client()

    def get_server_name(self, _key: Any) -> Any:
        """What LOCATION has for the server where ``_key``, as stored, lives."""
        topology = self._link.topology
        return self._server[list(topology.nodes()).index(topology.route(SET(str(_key), b"")))]

    def connect(self, index: int = 0) -> dict[str, Any]:
        """A redis-py client for each server, by what LOCATION has for it."""
        clients = [node.client() for node in self._link.topology.nodes()]
        return dict(zip(self._server, clients, strict=True))

    def disconnect(self, index: int = 0, client: Any = None) -> None:
        """Closes the connections of such clients, of all or of one."""
        for one in self.connect().values() if client is None else [client]:
            one.connection_pool.disconnect()

    def do_close_clients(self) -> None:
        """``disconnect`` for all servers."""
        self.disconnect()
