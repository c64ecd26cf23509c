"""What serves asyncio where a site has connection, pool or client classes of its own.

Such a class connects in its own way (a tunnel, a token, a fake) and says nothing of asyncio, whose
classes are others. So asyncio is served by the class that the site names for it, and refused where
there is none: a plain connection would go past the site's own, to whatever answers at LOCATION.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Protocol

import redis
import redis.asyncio as aioredis
import redis.client
import redis.connection as blocking
from django.core.exceptions import ImproperlyConfigured

from .._options.option import constructor_keywords


class Classes(Protocol):
    """What of a server's configuration counts here."""

    @property
    def where(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def kwargs(self) -> Mapping[str, Any]: ...
    @property
    def connection_class(self) -> Callable[..., Any]: ...
    @property
    def pool_class(self) -> Callable[..., Any] | None: ...
    @property
    def client_class(self) -> Callable[..., Any] | None: ...
    @property
    def async_class(self) -> Callable[..., Any] | None: ...
    @property
    def async_pool_class(self) -> Callable[..., Any] | None: ...
    @property
    def async_client_class(self) -> Callable[..., Any] | None: ...


# Of redis-py itself, under names that a site's patches do not reach.
_CLIENT, _ASYNC_CLIENT = redis.client.Redis, aioredis.client.Redis
_POOLS = (None, blocking.ConnectionPool, blocking.BlockingConnectionPool)
_ASYNC_POOLS = (None, aioredis.ConnectionPool, aioredis.BlockingConnectionPool)

TWINS: dict[Any, type[Any]] = {
    blocking.Connection: aioredis.Connection,
    blocking.SSLConnection: aioredis.SSLConnection,
    blocking.UnixDomainSocketConnection: aioredis.UnixDomainSocketConnection,
}


#: Arguments that asyncio's connections are not given. The parser is chosen by whoever reads, and
#: these read on their own; a ``redis_connect_func`` is refused below.
BLOCKING_ONLY = frozenset({"parser_class", "redis_connect_func", "command_packer"})


def derives(cls: Any, base: Any) -> bool:
    """Whether ``cls`` is a class, and one of ``base``'s."""
    return isinstance(cls, type) and issubclass(cls, base)


def called(thing: Any) -> str:
    """The name of a class or a function that settings give."""
    name = getattr(thing, "__qualname__", None)
    return f"{thing.__module__}.{name}" if name else repr(thing)


def is_own_pool(config: Classes) -> bool:
    """Whether the site has a pool class of its own, which then serves the cache too."""
    return config.pool_class not in _POOLS


def is_own_async_pool(config: Classes) -> bool:
    """The same for asyncio."""
    return config.async_pool_class not in _ASYNC_POOLS


def is_own_client(config: Classes) -> bool:
    """Whether the site's client class is not redis-py's, such as one that fakes a server; it then
    serves the cache too."""
    return config.client_class is not None and not derives(config.client_class, _CLIENT)


def is_own_async_client(config: Classes) -> bool:
    """The same for asyncio."""
    own = config.async_client_class
    return own is not None and not derives(own, _ASYNC_CLIENT)


def missing(config: Classes) -> str | None:
    """Why asyncio's calls of a cache are refused, and what to write; None where they are served."""
    if is_own_client(config) and config.async_client_class is None:
        return _without("REDIS_CLIENT_CLASS", config.client_class, "ASYNC_REDIS_CLIENT_CLASS")
    if is_own_async_client(config):
        return None
    if is_own_pool(config) and config.async_pool_class is None:
        return _without("CONNECTION_POOL_CLASS", config.pool_class, "ASYNC_CONNECTION_POOL_CLASS")
    if config.async_class is not None:
        return None
    if config.connection_class not in TWINS:
        own = config.connection_class
        return _without("connection_class in CONNECTION_POOL_KWARGS", own, "ASYNC_CONNECTION_CLASS")
    if config.kwargs.get("redis_connect_func") is not None:
        own = config.kwargs["redis_connect_func"]
        return _without("redis_connect_func", own, "ASYNC_CONNECTION_CLASS")
    unknown = config.kwargs.keys() - _known_on_asyncio(config.connection_class) - BLOCKING_ONLY
    # One that says "no" is one that nobody asked for.
    asked = sorted(name for name in unknown if config.kwargs[name])
    if asked:
        return (
            f"redis-py's asyncio connections know no {', '.join(asked)}: leave it out, or name a "
            "class that does in ASYNC_CONNECTION_CLASS"
        )
    return None


@cache
def _known_on_asyncio(connection_class: Any) -> frozenset[str]:
    return frozenset(constructor_keywords(TWINS[connection_class]))


def missing_for_clients(config: Classes) -> str | None:
    """The same for ``get_async_redis_connection``, whose client a site's class is too."""
    own = config.client_class
    if own not in (None, _CLIENT) and config.async_client_class is None:
        return _without("REDIS_CLIENT_CLASS", own, "ASYNC_REDIS_CLIENT_CLASS")
    return missing(config)


_PLAIN = {
    "ASYNC_CONNECTION_CLASS": "redis.asyncio.Connection",
    "ASYNC_CONNECTION_POOL_CLASS": "redis.asyncio.ConnectionPool",
    "ASYNC_REDIS_CLIENT_CLASS": "redis.asyncio.Redis",
}


def _without(name: str, own: Any, option: str) -> str:
    return (
        f"{name} is {called(own)}, which serves blocking code only: name what does the same on "
        f'asyncio in {option}, or write "{_PLAIN[option]}" there where that will do'
    )


def refuse(config: Classes, reason: Callable[[Classes], str | None] = missing) -> None:
    """Raises ImproperlyConfigured where asyncio has nothing that may serve it."""
    if (why := reason(config)) is not None:
        raise ImproperlyConfigured(f"{config.where or config.name}: {why}.")


def check(config: Classes) -> None:
    """Raises ImproperlyConfigured for a class that stands where it cannot serve."""
    for name, given, wrong, right in (
        (
            "connection_class in CONNECTION_POOL_KWARGS",
            config.connection_class,
            aioredis.connection.AbstractConnection,
            "ASYNC_CONNECTION_CLASS",
        ),
        ("CONNECTION_POOL_CLASS", config.pool_class, aioredis.ConnectionPool, ""),
        ("REDIS_CLIENT_CLASS", config.client_class, _ASYNC_CLIENT, ""),
        (
            "ASYNC_CONNECTION_CLASS",
            config.async_class,
            blocking.AbstractConnection,
            "connection_class of CONNECTION_POOL_KWARGS",
        ),
        (
            "ASYNC_CONNECTION_POOL_CLASS",
            config.async_pool_class,
            blocking.ConnectionPool,
            "CONNECTION_POOL_CLASS",
        ),
        (
            "ASYNC_REDIS_CLIENT_CLASS",
            config.async_client_class,
            _CLIENT,
            "REDIS_CLIENT_CLASS",
        ),
    ):
        if derives(given, wrong):
            kind = "blocking code" if name.startswith("ASYNC_") else "asyncio"
            raise ImproperlyConfigured(
                f"{config.where}: {name} is {called(given)}, which is for {kind}: write it as "
                f"{right or 'ASYNC_' + name}."
            )
    _refuse_bringing(config)


def _refuse_bringing(config: Classes) -> None:
    """A client class whose own connections nobody would make: the cache makes its connections
    itself, and gives the client a pool of them."""
    for name, client, connection_class, where in (
        (
            # By the name that a test may have replaced with a fake.
            "REDIS_CLIENT_CLASS" if config.client_class else "redis.Redis",
            config.client_class or redis.Redis,
            config.connection_class,
            "connection_class in CONNECTION_POOL_KWARGS",
        ),
        (
            "ASYNC_REDIS_CLIENT_CLASS" if config.async_client_class else "redis.asyncio.Redis",
            config.async_client_class or aioredis.Redis,
            config.async_class or aioredis.Connection,
            "ASYNC_CONNECTION_CLASS",
        ),
    ):
        brought = _brings(client)
        if brought is not None and connection_class in (*TWINS, *TWINS.values()):
            raise ImproperlyConfigured(
                f"{config.where}: {name} is {called(client)}, which brings connections of its "
                f"own, and the cache would not use them: write {called(brought)} as {where}."
            )


def _brings(client_class: Any) -> Any:
    """The connection class that a client class has by default, beside redis-py's own."""
    if client_class in (_CLIENT, _ASYNC_CLIENT):
        return None
    try:
        default = inspect.signature(client_class).parameters["connection_class"].default
    except (KeyError, TypeError, ValueError):
        return None
    return default if callable(default) and default is not inspect.Parameter.empty else None
