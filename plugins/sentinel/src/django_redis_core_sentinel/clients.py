"""redis-py clients that follow the primary, for ``get_redis_connection``.

They are what redis-py's own ``Sentinel.master_for`` gives, but where the primary is they are told
by the cache's topology: so they, too, leave an ousted primary at once, and a connection of theirs
that is idle is looked at before it is used again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import redis
from django.core.exceptions import ImproperlyConfigured
from redis import sentinel as blocking
from redis.asyncio import sentinel as aio
from redis.sentinel import MasterNotFoundError, Sentinel, SentinelConnectionPool

from django_redis_core.connections import Channels, adiscover, discover, follow
from django_redis_core.exceptions import ConnectionInterrupted

if TYPE_CHECKING:
    from django_redis_core.connections import ServerConfig

    from .answers import Address
    from .topology import SentinelTopology, Service


class Known(Sentinel):
    """A ``Sentinel`` that asks the topology, which mostly knows."""

    def __init__(self, topology: SentinelTopology) -> None:
        super().__init__([])  # type: ignore[no-untyped-call]
        self.topology = topology

    def discover_master(self, service_name: str) -> Address:
        return self._addresses()[0]

    def discover_slaves(self, service_name: str) -> list[Address]:
        return list(self._addresses()[1])

    def _addresses(self) -> tuple[Address, tuple[Address, ...]]:
        try:
            if not self.topology.ready:
                discover(self.topology)
            return self.topology.addresses()
        except ConnectionInterrupted as trouble:
            raise MasterNotFoundError(str(trouble)) from trouble


class AsyncKnown(aio.Sentinel):
    """The same for asyncio."""

    def __init__(self, topology: SentinelTopology) -> None:
        super().__init__([])  # type: ignore[no-untyped-call]
        self.topology = topology

    async def discover_master(self, service_name: str) -> Address:
        return (await self._addresses())[0]

    async def discover_slaves(self, service_name: str) -> list[Address]:
        return list((await self._addresses())[1])

    async def _addresses(self) -> tuple[Address, tuple[Address, ...]]:
        try:
            if not self.topology.ready:
                await adiscover(self.topology)
            return self.topology.addresses()
        except ConnectionInterrupted as trouble:
            raise aio.MasterNotFoundError(str(trouble)) from trouble


class Following:
    """Put before a pool class: an idle connection to an ousted primary is closed, not used."""

    def get_connection(self, *args: Any, **options: Any) -> Any:
        if self.is_master:  # type: ignore[attr-defined]
            self.get_master_address()  # type: ignore[attr-defined]
        return super().get_connection(*args, **options)  # type: ignore[misc]


class AsyncFollowing:
    """The same for asyncio."""

    async def get_connection(self, *args: Any, **options: Any) -> Any:
        if self.is_master:  # type: ignore[attr-defined]
            await self.get_master_address()  # type: ignore[attr-defined]
        return await super().get_connection(*args, **options)  # type: ignore[misc]


class Followers:
    """The raw clients of one cache: for its primary, or for its replicas."""

    def __init__(self, topology: SentinelTopology, service: Service, of_primary: bool) -> None:
        self._topology = topology
        self._service = service
        self._of_primary = of_primary
        self._client: Any = None
        self._loops = Channels()

    def client(self) -> Any:
        """The blocking client, of ``REDIS_CLIENT_CLASS``."""
        if self._client is None:
            config = self._config
            pool_class = self._service.pool_class or SentinelConnectionPool
            following: Any = type("FollowingPool", (Following, pool_class), {})
            pool = following(
                self._service.name,
                Known(self._topology),
                connection_class=self._managed(
                    config.connection_class, blocking.SentinelManagedConnection
                ),
                **self._arguments(config.arguments()),
            )
            follow(config.credentials, pool)
            client_class = config.client_class or redis.Redis
            self._client = client_class(connection_pool=pool, **config.client_kwargs)
        return self._client

    def close_idle(self) -> None:
        """Closes the blocking connections that nobody uses."""
        if self._client is not None:
            self._client.connection_pool.disconnect(inuse_connections=False)

    def async_client(self) -> Any:
        """The running loop's asyncio client, closed with the loop."""
        return self._loops.client(self._make_async_client)

    def _make_async_client(self) -> Any:
        config = self._config
        pools = self._service.pool_class, self._service.async_pool_class
        own = replace(config, pool_class=pools[0], async_pool_class=pools[1])
        own.refuse_asyncio()
        pool_class: Any = pools[1] or aio.SentinelConnectionPool
        following: Any = type("AsyncFollowingPool", (AsyncFollowing, pool_class), {})
        pool = following(
            self._service.name,
            AsyncKnown(self._topology),
            connection_class=self._managed(
                config.async_connection_class, aio.SentinelManagedConnection
            ),
            **self._arguments(config.async_kwargs()),
        )
        follow(config.credentials, pool)
        return config.async_client(pool)

    @property
    def _config(self) -> ServerConfig:
        return self._service.config(("", 0))

    def _managed(self, connection_class: Any, managed: type[Any]) -> type[Any]:
        """``connection_class`` with a pool that tells it where to connect to."""
        if not isinstance(connection_class, type):
            raise ImproperlyConfigured(
                f"{self._service.where}: with sentinels redis-py's clients need a connection "
                f"class, and {connection_class!r} is a function: use the cache's own methods, or "
                "name a class."
            )
        return type("Managed", (managed, connection_class), {})

    def _arguments(self, kwargs: Any) -> dict[str, Any]:
        return {
            **{name: value for name, value in kwargs.items() if name not in ("host", "port")},
            "max_connections": self._config.max_connections,
            "is_master": self._of_primary,
        }
