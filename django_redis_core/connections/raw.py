"""redis-py's own clients, for ``get_redis_connection``.

Their pools are their own: what runs on them is redis-py's business.
"""

from __future__ import annotations

from typing import Any

import redis
import redis.asyncio as aioredis
from redis.connection import BlockingConnectionPool, ConnectionPool

from . import counterparts
from .config import ServerConfig
from .credentials import follow

_BLOCKING_POOL_ONLY = ("timeout", "queue_class")


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
    pool = pool_class(**{**config.arguments(), **pool_kwargs})
    follow(config.credentials, pool)
    client_class = config.client_class or redis.Redis
    return client_class(connection_pool=pool, **config.client_kwargs)


def async_client(config: ServerConfig) -> Any:
    """A client of ``ASYNC_REDIS_CLIENT_CLASS`` over a pool of ``ASYNC_CONNECTION_POOL_CLASS``, for
    the running loop. Raises ImproperlyConfigured where the site has not named what it needs."""
    config.refuse_asyncio()
    if config.before_connect is not None:
        config.before_connect()
    pool_class: Any = config.async_pool_class or aioredis.ConnectionPool
    pool = pool_class(**{**config.async_kwargs(), **async_pool_kwargs(config, pool_class)})
    follow(config.credentials, pool)
    return config.async_client(pool)


def async_pool_kwargs(config: ServerConfig, pool_class: Any) -> dict[str, Any]:
    """What a pool of asyncio's takes beside its connections' arguments."""
    waits = counterparts.derives(pool_class, aioredis.BlockingConnectionPool)
    return {
        **{
            name: value
            for name, value in config.pool_kwargs.items()
            if name not in _BLOCKING_POOL_ONLY or (waits and name == "timeout")
        },
        "connection_class": config.async_connection_class,
    }
