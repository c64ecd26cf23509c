"""What it takes to connect to one server, complete and comparable.

Two caches share connections when, and only when, every detail here is equal: also timeouts,
passwords and limits, which a URL alone does not tell.
"""

from __future__ import annotations

import codecs
import socket
from collections.abc import Callable, Generator, Hashable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import redis.asyncio as aioredis
from redis.connection import SSLConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from .._interrupts import struck
from ..exceptions import ConnectionInterrupted
from . import counterparts
from .credentials import Credentials, credentials_of

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
    are the site's own redis-py classes, ``async_class`` (of connections), ``async_pool_class`` and
    ``async_client_class`` those for asyncio. ``before_connect`` is called before each new
    connection.
    ``greeting`` makes what each new connection says before it serves: a generator that yields
    commands' arguments, is sent the replies and thrown the refusals (redis-py's ``ResponseError``),
    and raises where the server is not the right one.
    ``owner`` is whose the connections are, and equal for those who share them: whoever may call
    ``Node.retire`` has one of its own, so that no other cache of the site loses its connections.
    ``msetex``: several SETs may go there as one MSETEX, where it knows that.
    ``where`` is the entry of settings that errors name: of caches that share a server, the first
    one's.
    """

    connection_class: Callable[..., Any]
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
    async_class: Callable[..., Any] | None = None
    async_pool_class: Callable[..., Any] | None = None
    async_client_class: Callable[..., Any] | None = None
    where: str = ""

    @property
    def tls(self) -> bool:
        """Whether its connections are encrypted. Of a function that makes them, its arguments
        tell."""
        if isinstance(self.connection_class, type):
            return issubclass(self.connection_class, SSLConnection)
        return any(name.startswith("ssl_") for name in self.kwargs)

    @property
    def name(self) -> str:
        """Where the server is, without user and password."""
        kwargs = self.kwargs
        if "path" in kwargs:
            place = f"unix://{kwargs['path']}"
        else:
            scheme = "rediss" if self.tls else "redis"
            host = kwargs.get("host", "localhost")
            if ":" in str(host):  # of IPv6, as it is written in LOCATION
                host = f"[{host}]"
            place = f"{scheme}://{host}:{kwargs.get('port', 6379)}"
        return f"{place}/{kwargs.get('db') or 0}"

    @property
    def check_after(self) -> float:
        """Seconds that a connection may be idle and still be taken for alive; 0: any time."""
        return self.kwargs.get("health_check_interval") or 0

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
            self.async_class,
            self.async_pool_class,
            self.async_client_class,
        )

    def within(self, seconds: float) -> ServerConfig:
        """The same server, with so little time for an operation, and no more for connecting."""
        kwargs = {**self.kwargs, "socket_timeout": seconds}
        connect = kwargs.get("socket_connect_timeout")
        kwargs["socket_connect_timeout"] = seconds if connect is None else min(connect, seconds)
        return replace(self, kwargs=kwargs, timeout=seconds)

    def connection(self) -> Any:
        """A blocking redis-py connection, not connected yet: for one of a plugin's own, that waits
        for events say. Raises what ``before_connect`` raises."""
        if self.before_connect is not None:
            self.before_connect()
        try:
            kwargs = _named(self.connection_class in counterparts.TWINS, self.arguments())
            return self.connection_class(**_unchecked(kwargs))
        except UnboundLocalError as error:
            # In older redis-py (7.0 still), an interrupt in the constructor comes out as this.
            raise error.__context__ or error from None

    def connected(self) -> Any:
        """A blocking connection that is ready to serve. Raises redis-py's errors, or OSError."""
        connection = self.connection()
        self.connect(connection)
        return connection

    def connect(self, connection: Any) -> None:
        """Makes a blocking connection ready to serve: the server's handshake and the greeting."""
        try:
            connection.connect()
        except UnicodeError as error:
            if struck(error):
                raise
            # A name that IDNA refuses is one that no resolver can know.
            raise ConnectionInterrupted(
                self.name, f"its host name cannot be looked up: {error}"
            ) from error
        if self.greeting is not None:
            try:
                greeting = self.greeting()
                args = next(greeting, None)
                while args is not None:
                    connection.send_command(*args)
                    try:
                        reply = connection.read_response()
                    except ResponseError as refusal:
                        reply = refusal
                    args = _next(greeting, reply)
            except BaseException:
                connection.disconnect()
                raise

    async def async_connected(self) -> Any:
        """An asyncio connection that is ready to serve. Raises redis-py's errors, or OSError."""
        connection = self.async_connection()
        if self.before_connect is not None:
            self.before_connect()
        try:
            await connection.connect()
            await self.greet(connection)
        except BaseException:
            # redis-py closes it for errors of its own, but not for a cancelled task.
            abort(connection)
            raise
        return connection

    async def greet(self, connection: Any) -> None:
        """Says on a connected asyncio connection what it says before it serves."""
        if self.greeting is not None:
            greeting = self.greeting()
            args = next(greeting, None)
            while args is not None:
                await connection.send_command(*args)
                try:
                    reply = await connection.read_response()
                except ResponseError as refusal:
                    reply = refusal
                args = _next(greeting, reply)

    def async_connection(self) -> Any:
        """An asyncio redis-py connection, not connected yet."""
        kwargs = _named(self.async_class is None, self.async_kwargs())
        connection = self.async_connection_class(**_unchecked(kwargs))
        if getattr(connection, "redis_connect_func", connection) is None:
            connection.redis_connect_func = _introduced
        return connection

    def async_kwargs(self) -> dict[str, Any]:
        """``kwargs`` without what only blocking connections take."""
        kwargs = self.arguments().items()
        return {name: value for name, value in kwargs if name not in counterparts.BLOCKING_ONLY}

    @property
    def credentials(self) -> Credentials | None:
        """What stands for the site's credential provider, where it has one."""
        provider = self.kwargs.get("credential_provider")
        return None if provider is None else credentials_of(provider)

    def arguments(self) -> dict[str, Any]:
        """``kwargs`` as redis-py is to be given them: of a credential provider, which knows one
        listener only, what all connections of the process share."""
        credentials = self.credentials
        if credentials is None:
            return dict(self.kwargs)
        return {**self.kwargs, "credential_provider": credentials}

    @property
    def is_own(self) -> bool:
        """Whether the site has a connection class or a pool class of its own."""
        own = self.connection_class not in counterparts.TWINS
        return own or counterparts.is_own_pool(self)

    def refuse_asyncio(self) -> None:
        """Raises ImproperlyConfigured, with what to write, where the site has classes of its own
        and none for a redis-py client of asyncio's."""
        counterparts.refuse(self, counterparts.missing_for_clients)

    def async_client(self, pool: Any) -> Any:
        """A redis-py client of asyncio's over ``pool``, which is closed with it."""
        own: Any = self.async_client_class
        if own is None:
            return aioredis.Redis.from_pool(pool)
        client = own(connection_pool=pool, **self.client_kwargs)
        if isinstance(client, aioredis.Redis):
            client.auto_close_connection_pool = True
        return client

    @property
    def async_connection_class(self) -> Callable[..., Any]:
        """What makes asyncio's connections. Raises ImproperlyConfigured where nothing may."""
        counterparts.refuse(self)
        return self.async_class or counterparts.TWINS[self.connection_class]


def _unchecked(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of a connection of the cache's own, which is asked for a sign of life by its pool
    (``checked``), and not by redis-py. RESP2: its replies need no handshake and read the same on
    every server version."""
    unchecked = {"health_check_interval": 0} if "health_check_interval" in kwargs else {}
    return {"protocol": 2, **kwargs, **unchecked}


def _named(is_redis_pys: bool, kwargs: dict[str, Any]) -> dict[str, Any]:
    """``kwargs`` with the name that redis-py's connections give themselves. Each would read its
    version from the disk again, which takes longer than to connect to a server nearby, and would
    drop an exception that strikes there."""
    if is_redis_pys and kwargs.keys().isdisjoint(_NAMES):
        return {**kwargs, **_own_name()}
    return kwargs


_NAMES = ("driver_info", "lib_name", "lib_version")


@cache
def _own_name() -> Mapping[str, Any]:
    try:
        from redis.driver_info import DriverInfo
    except ImportError:  # older redis-py, which reads it once
        return {}
    return {"driver_info": DriverInfo()}


def abort(connection: Any) -> None:
    """Ends an asyncio connection at once, without the good-byes of TLS."""
    writer, connection._writer = connection._writer, None
    end = getattr(getattr(writer, "transport", None), "abort", None)
    if end is not None:
        end()


async def _introduced(connection: Any) -> None:
    """redis-py's handshake. A server that has no room for another client says so and closes before
    it has read anything; then redis-py's asyncio connection fails to write, and does not look."""
    held, reader = _held(connection), getattr(connection, "_reader", None)
    try:
        await connection.on_connect()
    except RedisConnectionError as error:
        if type(error) is not RedisConnectionError:  # a refusal, which has been read
            raise
        # What asyncio has read before it failed is in the reader, which cannot be asked any more.
        said = bytes(getattr(reader, "_buffer", b""))
        if held is not None:
            said += _unread(held)
        if said.startswith(b"-"):
            reason = said[1:].partition(b"\r\n")[0].decode(errors="replace")
            raise RedisConnectionError(reason) from None
        raise
    finally:
        if held is not None:
            held.close()


def _held(connection: Any) -> socket.socket | None:
    """A second hold of its socket, where that is plain: asyncio closes the one that it has when a
    write fails, with what is unread."""
    told = getattr(getattr(connection, "_writer", None), "get_extra_info", None)
    if told is None or told("socket") is None or told("ssl_object") is not None:
        return None
    try:
        held: socket.socket = told("socket").dup()
    except OSError:  # of so many open files, the connection is the one that counts
        return None
    return held


def _unread(sock: socket.socket) -> bytes:
    sock.setblocking(False)
    try:
        return sock.recv(1024)
    except OSError:
        return b""


def _next(greeting: Greeting, reply: Any) -> tuple[Any, ...] | None:
    try:
        if isinstance(reply, ResponseError):
            return greeting.throw(reply)
        return greeting.send(reply)
    except StopIteration:
        return None
