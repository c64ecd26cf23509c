"""Connection factories of django-redis' interface: a URL → a redis-py client.

They are for subclasses, and for code that makes clients by them. Where settings name one of the
two themselves, the plugins ``single`` and ``sentinel`` do their job.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from threading import RLock
from typing import Any, ClassVar, Protocol, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string
from redis import Redis
from redis.connection import ConnectionPool, DefaultParser, to_bool
from redis.sentinel import Sentinel, SentinelConnectionPool

from django_redis_core.connections.config import frozen

__all__ = [
    "ConnectionFactory",
    "ConnectionFactoryProtocol",
    "ConnectionPoolType",
    "ConnectionPoolType_co",
    "RedisParserType",
    "RedisParserType_co",
    "RedisType",
    "SentinelConnectionFactory",
    "get_connection_factory",
]

ConnectionPoolType = TypeVar("ConnectionPoolType")
ConnectionPoolType_co = TypeVar("ConnectionPoolType_co", covariant=True)
RedisParserType = TypeVar("RedisParserType")
RedisParserType_co = TypeVar("RedisParserType_co", covariant=True)
RedisType = TypeVar("RedisType")

_pools: dict[Any, Any] = {}
#: Reentrant: a subclass' ``get_connection_pool`` may ask for another pool.
_lock = RLock()


def _loaded(written: Any, default: Any) -> Any:
    """A class that settings name by its path or give as it is."""
    if written is None:
        return default
    return import_string(written) if isinstance(written, str) else written


class ConnectionFactoryProtocol(Protocol):
    """A connection factory, for type checkers."""

    def connect(self, url: str) -> Any:
        """A redis-py client."""
        ...

    def disconnect(self, connection: Any) -> None:
        """Closes the connections of its pool."""
        ...

    def make_connection_params(self, url: str | None) -> dict[str, Any]:
        """The arguments of a pool."""
        ...

    def get_connection(self, params: dict[str, Any]) -> Any:
        """A redis-py client on a pool of these arguments."""
        ...

    def get_connection_pool(self, params: dict[str, Any]) -> Any:
        """A new pool."""
        ...

    def get_or_create_connection_pool(self, params: dict[str, Any]) -> Any:
        """The pool of all that make it alike."""
        ...

    def get_parser_cls(self) -> Any:
        """redis-py's parser class."""
        ...


class ConnectionFactory:
    """Makes redis-py clients for a cache, each on a pool that all clients alike share.

    A subclass is named by its dotted path in ``CONNECTION_FACTORY``; its pools then serve the
    cache. ``options`` are the OPTIONS of the cache, as written; ``option_names`` are keys of them
    that the subclass reads itself, because unknown ones are refused.

    On asyncio the cache connects by ``make_connection_params`` of the subclass, with connections of
    its own. Where the subclass makes clients or pools in another way, asyncio's calls are refused,
    unless ``ASYNC_CONNECTION_POOL_CLASS`` names their counterpart.
    """

    option_names: ClassVar[tuple[str, ...]] = ()
    #: Of all factories.
    _pools: ClassVar[dict[Any, Any]] = _pools
    default_pool: ClassVar[type[ConnectionPool]] = ConnectionPool

    def __init__(self, options: Mapping[str, Any]) -> None:
        self.options = options
        self.pool_cls: Any = _loaded(options.get("CONNECTION_POOL_CLASS"), self.default_pool)
        self.pool_cls_kwargs = dict(options.get("CONNECTION_POOL_KWARGS") or {})
        self.redis_client_cls: Any = _loaded(options.get("REDIS_CLIENT_CLASS"), Redis)
        self.redis_client_cls_kwargs = dict(options.get("REDIS_CLIENT_KWARGS") or {})

    @classmethod
    def as_plugin(cls, kind: str) -> type[Any]:
        """The connection factory plugin that this class is for django-redis-core."""
        from ._factory_plugin import factory_plugin

        own: Any = cls  # mypy finds no class hashable
        return factory_plugin(own) if kind == "connection_factory" else cls

    def make_connection_params(self, url: str) -> dict[str, Any]:
        """The arguments of a pool's ``from_url`` for a server; times in seconds."""
        params: dict[str, Any] = {"url": url, "parser_class": self.get_parser_cls()}
        for name in ("USERNAME", "PASSWORD", "SOCKET_TIMEOUT", "SOCKET_CONNECT_TIMEOUT"):
            value = self.options.get(name)
            if not value:
                continue
            if name.endswith("TIMEOUT") and not isinstance(value, int | float):
                raise ImproperlyConfigured(f"{name} must be a number of seconds, not {value!r}")
            params[name.lower()] = value
        return params

    def connect(self, url: str) -> Any:
        """A client for the server at ``url``."""
        return self.get_connection(self.make_connection_params(url))

    def disconnect(self, connection: Any) -> None:
        """Closes the connections of a client's pool."""
        connection.connection_pool.disconnect()

    def get_connection(self, params: dict[str, Any]) -> Any:
        """A client on the pool for ``params``."""
        pool = self.get_or_create_connection_pool(params)
        return self.redis_client_cls(connection_pool=pool, **self.redis_client_cls_kwargs)

    def get_parser_cls(self) -> Any:
        """redis-py's parser class."""
        return _loaded(self.options.get("PARSER_CLASS"), DefaultParser)

    def get_or_create_connection_pool(self, params: dict[str, Any]) -> Any:
        """The pool of this process for everything that makes a pool what it is: the class,
        ``params`` and ``CONNECTION_POOL_KWARGS``."""
        identity = (type(self), self.pool_cls, frozen(params), frozen(self.pool_cls_kwargs))
        with _lock:
            if identity not in _pools:
                _pools[identity] = self.get_connection_pool(params)
            return _pools[identity]

    def get_connection_pool(self, params: dict[str, Any]) -> Any:
        """A new pool."""
        return self.pool_cls.from_url(**{**params, **self.pool_cls_kwargs})


class SentinelConnectionFactory(ConnectionFactory):
    """Makes clients for a service that sentinels know: ``redis://service/db?is_master=0|1``."""

    default_pool = SentinelConnectionPool

    def __init__(self, options: Mapping[str, Any]) -> None:
        super().__init__(options)
        sentinels = options.get("SENTINELS")
        if not sentinels:
            raise ImproperlyConfigured("SENTINELS must be a list of (host, port).")
        params = self.make_connection_params("")
        del params["url"]
        self._sentinel = Sentinel(  # type: ignore[no-untyped-call]
            sentinels,
            sentinel_kwargs=options.get("SENTINEL_KWARGS"),
            **{**params, **self.pool_cls_kwargs},
        )

    def get_connection_pool(self, params: dict[str, Any]) -> Any:
        url = urlsplit(params["url"])
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        is_master = query.pop("is_master", None)
        more: dict[str, Any] = {
            "url": urlunsplit(url._replace(query=urlencode(query))),
            "service_name": url.hostname,
            "sentinel_manager": self._sentinel,
        }
        if is_master is not None:
            more["is_master"] = to_bool(is_master)  # type: ignore[no-untyped-call]
        return super().get_connection_pool({**params, **more})


def get_connection_factory(options: Mapping[str, Any]) -> ConnectionFactory:
    """The factory that ``CONNECTION_FACTORY``, or settings for all caches, name."""
    written = options.get("CONNECTION_FACTORY") or getattr(
        settings, "DJANGO_REDIS_CONNECTION_FACTORY", None
    )
    factory: ConnectionFactory = _loaded(written, ConnectionFactory)(options)
    return factory


def _after_fork() -> None:
    """Another thread of the parent may have held the lock, and it does not exist in the child."""
    global _lock
    _lock = RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
