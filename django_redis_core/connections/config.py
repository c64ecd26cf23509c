"""What it takes to connect to one server, complete and comparable.

Two caches share connections when, and only when, every detail here is equal: also timeouts,
passwords and limits, which a URL alone does not tell.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Generator, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

import redis.asyncio as aioredis
from redis.connection import Connection, SSLConnection, UnixDomainSocketConnection

# socket.getaddrinfo encodes a host's name with this codec, whose module Python imports at the first
# use. That would be within a call: a signal that raises there can leave the import's lock taken (as
# seen on Python 3.11), and every other thread that connects would wait for it for ever.
codecs.lookup("idna")


def frozen(value: Any) -> Hashable:
    """``value`` as something that can be compared and hashed; objects count by identity."""
    if isinstance(value, Mapping):
        return tuple(sorted(((str(name), frozen(item)) for name, item in value.items()), key=str))
    if isinstance(value, list | tuple):
        return tuple(frozen(item) for item in value)
    if isinstance(value, set | frozenset):
        return frozenset(frozen(item) for item in value)
    try:
        hash(value)
    except TypeError:
        return id(value)
    # 1, 1.0 and True are equal and hash alike, but are not one setting.
    return (type(value).__name__, value)


Greeting = Generator[tuple[Any, ...], Any, None]


@dataclass(frozen=True, eq=False)
class ServerConfig:
    """One server's address with all that a connection to it needs.

    ``kwargs`` go to redis-py's connection class; ``timeout`` is the operation's, in seconds;
    ``max_connections`` and ``wait`` (seconds) bound the pool; ``pool_class`` and ``client_class``
    are the site's own redis-py classes. ``before_connect`` is called before each new connection.
    ``greeting`` makes what each new connection says before it serves: a generator that yields
    commands' arguments, is sent the replies, and raises where the server is not the right one.
    ``owner`` is whose the connections are, and equal for those who share them: whoever may call
    ``Node.retire`` has one of its own, so that no other cache of the site loses its connections.
    ``msetex``: several SETs may go there as one MSETEX, where it knows that.
    """

    connection_class: type[Any]
    kwargs: Mapping[str, Any] = field(repr=False)
    timeout: float | None
    max_connections: int | None = None
    wait: float = 1.0
    breaker_failures: int = 3
    breaker_interval: float = 1.0
    async_connections: int = 1
    pool_class: type[Any] | None = None
    pool_kwargs: Mapping[str, Any] = field(default_factory=dict, repr=False)
    client_class: type[Any] | None = None
    client_kwargs: Mapping[str, Any] = field(default_factory=dict, repr=False)
    before_connect: Callable[[], None] | None = None
    greeting: Callable[[], Greeting] | None = None
    owner: Hashable = None
    msetex: bool = True

    @property
    def name(self) -> str:
        """Where the server is, without user and password."""
        kwargs = self.kwargs
        if "path" in kwargs:
            place = f"unix://{kwargs['path']}"
        else:
            scheme = "rediss" if issubclass(self.connection_class, SSLConnection) else "redis"
            place = f"{scheme}://{kwargs.get('host', 'localhost')}:{kwargs.get('port', 6379)}"
        return f"{place}/{kwargs.get('db') or 0}"

    @property
    def identity(self) -> Hashable:
        """What is equal for two configurations whose caches share connections."""
        return (
            self.connection_class,
            frozen(self.kwargs),
            self.timeout,
            self.max_connections,
            self.wait,
            self.breaker_failures,
            self.breaker_interval,
            self.async_connections,
            self.pool_class,
            frozen(self.pool_kwargs),
            self.client_class,
            frozen(self.client_kwargs),
            self.before_connect,
            self.greeting,
            frozen(self.owner),
            self.msetex,
        )

    def connection(self) -> Any:
        """A blocking redis-py connection, not connected yet: for one of a plugin's own, that waits
        for events say. Raises what ``before_connect`` raises."""
        if self.before_connect is not None:
            self.before_connect()
        # RESP2: its replies need no handshake and read the same on every server version.
        try:
            return self.connection_class(**{"protocol": 2, **self.kwargs})
        except UnboundLocalError as error:
            # In older redis-py (7.0 still), an interrupt in the constructor comes out as this.
            raise error.__context__ or error from None

    def connected(self) -> Any:
        """A blocking connection that is ready to serve. Raises redis-py's errors, or OSError."""
        connection = self.connection()
        connection.connect()
        if self.greeting is not None:
            try:
                greeting = self.greeting()
                args = next(greeting, None)
                while args is not None:
                    connection.send_command(*args)
                    args = _next(greeting, connection.read_response())
            except BaseException:
                connection.disconnect()
                raise
        return connection

    async def async_connected(self) -> Any:
        """An asyncio connection that is ready to serve. Raises redis-py's errors, or OSError."""
        if self.before_connect is not None:
            self.before_connect()
        connection = self.async_connection()
        try:
            await connection.connect()
            if self.greeting is not None:
                greeting = self.greeting()
                args = next(greeting, None)
                while args is not None:
                    await connection.send_command(*args)
                    args = _next(greeting, await connection.read_response())
        except BaseException:
            # redis-py closes it for errors of its own, but not for a cancelled task.
            writer, connection._writer = connection._writer, None
            if writer is not None:
                writer.transport.abort()
            raise
        return connection

    def async_connection(self) -> Any:
        """An asyncio redis-py connection, not connected yet."""
        return self.async_connection_class(**{"protocol": 2, **self.async_kwargs()})

    def async_kwargs(self) -> dict[str, Any]:
        """``kwargs`` without what only blocking connections take."""
        return {name: value for name, value in self.kwargs.items() if name not in _BLOCKING_ONLY}

    @property
    def async_connection_class(self) -> type[Any]:
        for blocking, native in _ASYNC_TWINS:
            if issubclass(self.connection_class, blocking):
                return native
        raise TypeError(
            f"The connection class {self.connection_class.__name__} has no asyncio counterpart, "
            "so this cache works only in blocking code."
        )


def _next(greeting: Greeting, reply: Any) -> tuple[Any, ...] | None:
    try:
        return greeting.send(reply)
    except StopIteration:
        return None


# The parser is chosen by whoever reads, and these read on their own.
_BLOCKING_ONLY = frozenset({"parser_class", "redis_connect_func", "command_packer"})

_ASYNC_TWINS: tuple[tuple[type[Any], type[Any]], ...] = (
    (SSLConnection, aioredis.SSLConnection),
    (UnixDomainSocketConnection, aioredis.UnixDomainSocketConnection),
    (Connection, aioredis.Connection),
)
