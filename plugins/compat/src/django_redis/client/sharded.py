"""The shard client: each key lives on one of the servers."""

from __future__ import annotations

from typing import Any, ClassVar

from django_redis_core.commands import SET

from .default import DefaultClient

__all__ = ["ShardClient"]


class ShardClient(DefaultClient):
    """The plugin ``shard``, as blocking methods."""

    plugin: ClassVar[str] = "shard"

    def get_client(self, write: bool = True, tried: Any = None) -> Any:
        """There is no single server: NotImplementedError. See ``get_server``."""
        raise NotImplementedError("A sharded cache has no single server; use get_server(key).")

    def get_server(self, key: Any) -> Any:
        """A redis-py client for the server where ``key``, as stored, lives."""
        return self._link.topology.clients(SET(str(key), b"")).client()
