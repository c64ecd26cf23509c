"""redis-py's own clients, for ``get_redis_connection``.

Their pools are their own: what runs on them is redis-py's business.
"""

from __future__ import annotations

from typing import Any

import redis
import redis.asyncio as aioredis
from redis.connection import BlockingConnectionPool, ConnectionPool

from .config import ServerConfig

_BLOCKING_POOL_ONLY = ("timeout", "queue_class")


def is_own_pool(config: ServerConfig) -> bool:
    """Whether the site has a pool class of its own, which then serves the cache too."""
    return config.pool_class not in (None, ConnectionPool, BlockingConnectionPool)


def is_own_client(config: ServerConfig) -> bool:
    """Whether the site's client class is not redis-py's, such as one that fakes a server; it then
    serves the cache too."""
    own: Any = config.client_class
    return own is not None and not (isinstance(own, type) and issubclass(own, redis.Redis))


def client(config: ServerConfig) -> Any:
    """A client of ``REDIS_CLIENT_CLASS`` over a pool of ``CONNECTION_POOL_CLASS``."""
    if config.before_connect is not None:
        config.before_connect()
    pool_class = config.pool_class or ConnectionPool
    pool_kwargs = {
        name: value
        for name, value in config.pool_kwargs.items()
        if name not in _BLOCKING_POOL_ONLY or issubclass(pool_class, BlockingConnectionPool)
    }
    pool_kwargs.setdefault("connection_class", config.connection_class)
    pool = pool_class(**{**config.kwargs, **pool_kwargs})
    client_class = config.client_class or redis.Redis
    return client_class(connection_pool=pool, **config.client_kwargs)


def async_client(config: ServerConfig) -> Any:
    """A ``redis.asyncio.Redis`` for the running loop."""
    if config.before_connect is not None:
        config.before_connect()
    pool = aioredis.ConnectionPool(
        connection_class=config.async_connection_class,
        max_connections=config.max_connections,
        **config.async_kwargs(),
    )
    return aioredis.Redis.from_pool(pool)
