"""A server as it is seen by who may not wait as long as its settings say.

Two set such a limit: a budget (``budgeted``), and an operation that goes on elsewhere with what is
left of its time (``rest``). Both send through a view of the node, which is the node but for its
connections: those are taken and made within the limit, and wait no longer.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

from .._budgets import waiting
from ..commands import Command, Reply
from ..exceptions import ConnectionInterrupted, PoolExhausted, ServerTimeout
from .channel import Channel
from .checked import CheckedPool
from .config import ServerConfig
from .foreign_channel import ForeignChannel
from .link import ForeignLink, Link
from .node import Node
from .patience import LOOK
from .pool import LinkPool
from .trial import Trial, part_of
from .troubles import translate

T = TypeVar("T")


class Limit:
    """``until`` is the time (``time.monotonic()``) from which on ``error`` is raised, which it
    makes. ``connecting`` False: the time that making a connection takes is not counted, here nor in
    the limit that this is a part ``of``."""

    __slots__ = ("connecting", "error", "of", "until")

    def __init__(
        self,
        until: float,
        error: Callable[[str], ConnectionInterrupted],
        connecting: bool,
        of: Limit | None = None,
    ) -> None:
        self.until = until
        self.error = error
        self.connecting = connecting
        self.of = of

    @property
    def left(self) -> float:
        return self.until - time.monotonic()

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """A block whose time is not counted; of several side by side the longest is not."""
        mine, all_of_it = self.left, None if self.of is None else self.of.left
        try:
            yield
        finally:
            now = time.monotonic()
            self.until = max(self.until, now + mine)
            if self.of is not None and all_of_it is not None:
                self.of.until = max(self.of.until, now + all_of_it)


class LimitedNode(Node):
    """``node`` within ``limit``. Equal to it, for who looks where it belongs."""

    base: Node
    limit: Limit

    def __init__(self, node: Node, limit: Limit) -> None:
        if isinstance(node, LimitedNode):
            other = node.limit
            if other.until < limit.until:
                # The earlier one; and where either counts connecting, it counts.
                limit = Limit(other.until, other.error, limit.connecting or other.connecting)
            node = node.base
        # Not super(): it is no other node, its breaker and all that it has are the node's.
        vars(self).update(vars(node))
        self.base = node
        self.limit = limit
        self.links: Any = _Links(node, limit)

    def __eq__(self, other: object) -> bool:
        return self.base is (other.base if isinstance(other, LimitedNode) else other)

    def __hash__(self) -> int:
        return hash(self.base)

    def _blamed(
        self,
        error: BaseException,
        connection: Link | Channel | ForeignChannel | None,
        trial: Trial | None,
    ) -> ConnectionInterrupted | None:
        trouble = translate(error, self.name)
        if isinstance(trouble, ServerTimeout | PoolExhausted) and self.limit.left <= 0:
            trouble = self.limit.error(self.name)
            trouble.before_sending = connection is None
            return trouble
        return super()._blamed(error, connection, trial)

    def _admit(self) -> None:
        self.breaker.admit()
        # To try a server takes its time; where there is less, the request is what tries it.
        if self._trial is not None and self.limit.left >= part_of(self.config):
            self._trial.hold()

    async def acall(self, command: Command) -> Reply:
        await self._connected([command])
        return await in_time(self.limit, self.name, self.base.acall(command), self._heard)

    async def acall_many(self, commands: Sequence[Command]) -> list[Reply]:
        await self._connected(commands)
        return await in_time(self.limit, self.name, self.base.acall_many(commands), self._heard)

    def _heard(self) -> float:
        """When something last came from the server on this loop's channels."""
        return self.base.channels.heard()

    async def _connected(self, commands: Sequence[Command]) -> None:
        """Connects first, where that is not counted; unless a budget counts it."""
        base = self.base
        if (
            self.limit.connecting
            or base.breaker.opened
            or base.channels.get() is not None
            or waiting() is not None
        ):
            return
        with self.limit.stopped():
            try:
                await base.channels.open(base.config)
            except Exception as error:
                await base._afailed(None, commands, error)


class _Links:
    """A node's pool, whose connections are limited while somebody has them."""

    def __init__(self, node: Node, limit: Limit) -> None:
        self._pool = node.links
        self._config = node.config
        self._limit = limit

    def take(self) -> Link:
        limit = self._limit
        if limit.left <= 0:
            raise limit.error(self._config.name)
        if limit.connecting:
            link = self._taken()
        else:
            with limit.stopped():
                link = self._pool.take()
        if isinstance(link, ForeignLink):
            if (sock := _socket_of(link.connection)) is not None:
                sock.settimeout(max(limit.left, LOOK))
        else:
            link._sock = _Socket(link, limit)  # type: ignore[assignment]
            link._in_kernel = False
        return link

    def _taken(self) -> Link:
        pool = self._pool
        if not isinstance(pool, LinkPool):
            return pool.take()  # the site's own
        # The same idle links, places and bells, seen by who may wait for less.
        view = object.__new__(type(pool))
        vars(view).update(vars(pool))
        view._wait = max(0.0, min(pool._wait, self._limit.left))
        if isinstance(view, CheckedPool):
            view._patience = min(view._patience, max(1, int(self._limit.left * 1000)))
        view._connect = partial(_connected, self._config, self._limit)
        link = view.take()
        link._pool = pool
        return link

    def give(self, link: Link) -> None:
        if isinstance(link, ForeignLink):
            if (sock := _socket_of(link.connection)) is not None:
                sock.settimeout(link.connection.socket_timeout)
        else:
            limited: Any = link._sock
            limited.restore(link)
        self._pool.give(link)

    def close_idle(self) -> None:
        self._pool.close_idle()


class _Socket:
    """A link's socket, none of whose calls takes longer than the limit."""

    __slots__ = ("_in_kernel", "_limit", "_sock", "_timeout")

    def __init__(self, link: Link, limit: Limit) -> None:
        self._sock = link._sock
        self._in_kernel = link._in_kernel
        self._timeout = link._timeout
        self._limit = limit

    def restore(self, link: Link) -> None:
        """Gives the link its socket back, as it was."""
        self._sock.settimeout(None if self._in_kernel else link._timeout)
        link._in_kernel = self._in_kernel
        link._sock = self._sock

    def settimeout(self, seconds: float | None) -> None:
        self._timeout = seconds

    def getsockopt(self, *args: Any) -> Any:
        return self._sock.getsockopt(*args)

    def sendall(self, data: bytes) -> None:
        self._hurry()
        self._sock.sendall(data)

    def recv_into(self, buffer: bytearray) -> int:
        self._hurry()
        return self._sock.recv_into(buffer)

    def _hurry(self) -> None:
        left = max(self._limit.left, LOOK)
        self._sock.settimeout(left if self._timeout is None else min(left, self._timeout))


def _socket_of(connection: Any) -> socket.socket | None:
    sock = getattr(connection, "_sock", None)
    return sock if isinstance(sock, socket.socket) else None


def _connected(config: ServerConfig, limit: Limit) -> Any:
    """A new connection, made within the limit: each reply of its handshake has what is left."""
    connection = config.connection()
    timeouts = {
        name: getattr(connection, name)
        for name in ("socket_timeout", "socket_connect_timeout")
        if hasattr(connection, name)
    }

    def hurry() -> float:
        left = max(limit.left, LOOK)
        return left if config.timeout is None else min(left, config.timeout)

    for name, seconds in timeouts.items():
        setattr(connection, name, hurry() if seconds is None else min(seconds, hurry()))
    read = connection.read_response

    def read_response(*args: Any, **kwargs: Any) -> Any:
        if (sock := _socket_of(connection)) is not None:
            sock.settimeout(hurry())
        return read(*args, **kwargs)

    connection.read_response = read_response
    try:
        config.connect(connection)
    finally:
        del connection.read_response  # a connection that holds itself would stay open
    for name, seconds in timeouts.items():
        setattr(connection, name, seconds)
    if (sock := _socket_of(connection)) is not None:
        sock.settimeout(timeouts.get("socket_timeout", config.timeout))
    return connection


async def in_time(
    limit: Limit,
    name: str,
    work: Coroutine[Any, Any, T],
    heard: Callable[[], float] | None = None,
) -> T:
    """Awaits ``work`` within the limit. What was sent by then is answered to nobody.

    ``heard``: while replies come in, this one is on its way behind those of other tasks, and time
    is given anew, as the channel does.
    """
    loop = asyncio.get_running_loop()
    left = limit.left
    if left <= 0:
        work.close()
        raise limit.error(name)
    began = loop.time()
    timer: asyncio.TimerHandle

    def over() -> None:
        nonlocal began, timer
        if heard is not None and heard() > began:
            began = loop.time()
            timer = loop.call_later(left, over)
        else:
            clock.reschedule(0.0)

    try:
        async with asyncio.timeout(None) as clock:
            # Not by the timeout's own timer: where the loop was held up by its tasks, a reply that
            # is there is given to who waits for it first.
            timer = loop.call_later(left, over)
            try:
                return await work
            finally:
                timer.cancel()
    except TimeoutError:
        if clock.expired():
            raise limit.error(name) from None
        raise
