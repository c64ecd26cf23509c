"""redis-py's own cluster clients, for ``get_redis_connection``.

They follow slots by themselves. What runs on them is redis-py's business.
"""

from __future__ import annotations

import inspect
import os
import threading
import weakref
from collections.abc import Sequence
from typing import Any

import redis.asyncio.cluster as native
import redis.cluster as blocking
from django.core.exceptions import ImproperlyConfigured
from redis.exceptions import RedisClusterException, RedisError

from django_redis_core.connections import Channels, ServerConfig
from django_redis_core.exceptions import ConnectionInterrupted

from .nodes import Remap

_NOT_FOR_CLUSTERS = ("host", "port", "db")


class ClusterClients:
    """One blocking client a process, one asyncio client a loop."""

    def __init__(self, configs: Sequence[ServerConfig], remap: Remap | None) -> None:
        self._configs = tuple(configs)
        self._remap = remap
        self._lock = threading.Lock()
        _all.add(self)
        self._made: tuple[int, Any] | None = None
        self._of_loops = Channels()

    def client(self) -> Any:
        """Raises ``ConnectionInterrupted`` when no start node answers: redis-py asks them now."""
        made = self._made
        if made is None or made[0] != os.getpid():
            with self._lock:
                made = self._made
                if made is None or made[0] != os.getpid():
                    made = self._made = (os.getpid(), self._blocking())
        return made[1]

    def async_client(self) -> Any:
        return self._of_loops.client(self._native)

    def close_idle(self) -> None:
        """Closes the blocking connections that nobody uses."""
        made = self._made
        if made is not None and made[0] == os.getpid():
            for node in made[1].get_nodes():
                if node.redis_connection is not None:
                    node.redis_connection.connection_pool.disconnect(inuse_connections=False)

    def _refuse_own(self) -> None:
        """redis-py's cluster clients take neither a connection class nor a pool's, and would go
        past those of the site."""
        config = self._configs[0]
        if config.is_own:
            raise ImproperlyConfigured(
                f"{config.where}: redis-py's cluster clients do not take the connection class or "
                "the pool class that CONNECTION_POOL_KWARGS or CONNECTION_POOL_CLASS names: use "
                "the cache's own methods, or client= with a client of yours."
            )
        if config.kwargs["db"]:
            raise ImproperlyConfigured(
                f"{config.where}: redis-py's cluster clients know database 0 only, and LOCATION "
                f"names database {config.kwargs['db']}: use the cache's own methods."
            )

    def _blocking(self) -> Any:
        self._refuse_own()
        start: list[Any] = [
            blocking.ClusterNode(*address)  # type: ignore[no-untyped-call]
            for address in self._addresses()
        ]
        try:
            return blocking.RedisCluster(
                startup_nodes=start,
                require_full_coverage=False,
                address_remap=self._remap,
                **self._arguments(),
            )
        except (RedisClusterException, RedisError, OSError) as error:
            names = ", ".join(config.name for config in self._configs)
            raise ConnectionInterrupted(names, str(error)) from error

    def _native(self) -> Any:
        self._refuse_own()
        self._configs[0].async_connection_class  # noqa: B018  # raises where there is none
        start = [native.ClusterNode(*address) for address in self._addresses()]
        takes = inspect.signature(native.RedisCluster.__init__).parameters
        arguments = {name: value for name, value in self._arguments().items() if name in takes}
        return native.RedisCluster(
            startup_nodes=start,
            require_full_coverage=False,
            address_remap=self._remap,
            **arguments,
        )

    def _addresses(self) -> list[tuple[str, int]]:
        return [(config.kwargs["host"], config.kwargs["port"]) for config in self._configs]

    def _arguments(self) -> dict[str, Any]:
        config = self._configs[0]
        arguments = {
            name: value
            for name, value in config.arguments().items()
            if name not in _NOT_FOR_CLUSTERS
        }
        if config.max_connections is not None:
            arguments["max_connections"] = config.max_connections
        if config.tls:
            arguments["ssl"] = True
        return arguments


#: All that were made, for a child.
_all: weakref.WeakSet[ClusterClients] = weakref.WeakSet()


def _after_fork() -> None:
    """Another thread of the parent may have held a lock, and it does not exist here."""
    for clients in list(_all):
        clients._lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
