"""An asyncio connection that is not over a transport of the loop's.

A connection class of the site's own may fake its server, or speak to it in a way of its own; what
all of them have is the public methods of redis-py's connections, which serve here.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import redis.exceptions

from .._interrupts import struck
from ..commands import Argument
from ..exceptions import ConnectionInterrupted, ServerTimeout
from .link import LOST, from_redis_py

Commands = Sequence[tuple[Argument, ...]]


class Waiting:
    """Commands that wait for their turn, and the future for their replies."""

    __slots__ = ("commands", "future", "single")

    def __init__(self, commands: Commands, future: asyncio.Future[Any], single: bool) -> None:
        self.commands = commands
        self.future = future
        self.single = single


class ForeignChannel:
    """One connection, many callers, one after the other; otherwise as ``Channel``."""

    def __init__(
        self,
        connection: Any,
        timeout: float | None,
        release: Callable[[Any], Coroutine[Any, Any, None]] | None = None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._connection = connection
        self._timeout = timeout
        self._release = release
        self._waiting: deque[Waiting] = deque()
        self._worker: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None
        self._last = False
        self.closed = False
        #: Whether it has answered before.
        self.reused = False
        self._heard = 0.0

    def call(self, args: tuple[Argument, ...]) -> asyncio.Future[Any]:
        """Sends one command; the future is its reply, an exception object for an error reply."""
        return self._put([args], single=True)

    def call_many(self, commands: Commands) -> asyncio.Future[list[Any]]:
        """Sends commands together; the future is the list of their replies."""
        return self._put(commands, single=False)

    @property
    def idle(self) -> float:
        """Seconds since its last answer; 0 while one is waited for, and before the first."""
        return self._loop.time() - self._heard if self.reused and not self._waiting else 0.0

    @property
    def heard(self) -> float:
        """When there was progress."""
        return self._heard

    @property
    def waiting(self) -> int:
        """How many replies are waited for, those of commands that wait for their turn included."""
        return sum(len(one.commands) for one in list(self._waiting))

    def _put(self, commands: Commands, *, single: bool) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = self._loop.create_future()
        self._waiting.append(Waiting(commands, future, single))
        if self.closed:
            self._end_calls(ConnectionInterrupted(None, LOST))
        elif self._worker is None:
            # For as long as somebody waits, so that no task is left when the loop ends.
            self._worker = self._loop.create_task(self._serve())
        return future

    async def _serve(self) -> None:
        """Serves all who wait. One whose task was cancelled is served as well, since the reply to
        what was sent has to be read."""
        try:
            while self._waiting:
                entry = self._waiting[0]
                replies = await self._replies(entry.commands)
                if self.closed:
                    return
                self._waiting.popleft()
                self.reused, self._heard = True, self._loop.time()
                if not entry.future.done():
                    entry.future.set_result(replies[0] if entry.single else replies)
        except BaseException as error:
            self._fail(_trouble(error), error)
            if not isinstance(error, Exception):
                raise
        finally:
            self._worker = None
        if self._last:
            self.finish()

    async def _replies(self, commands: Commands) -> list[Any]:
        connection = self._connection
        replies: list[Any] = []
        async with asyncio.timeout(self._timeout):
            for args in commands:
                await connection.send_packed_command(connection.pack_command(*args))
        for _ in commands:
            async with asyncio.timeout(self._timeout):
                try:
                    reply = await connection.read_response(disable_decoding=True)
                except redis.exceptions.ResponseError as error:
                    reply = from_redis_py(error)
            replies.append(reply)
        return replies

    def finish(self) -> None:
        """Ends the connection as soon as those who wait are served."""
        self._last = True
        if not self._waiting:
            self._fail(ConnectionInterrupted(None, "replaced by another connection"))

    def _fail(
        self, trouble: ConnectionInterrupted | None, error: BaseException | None = None
    ) -> None:
        """Ends the connection and every call on it. An ``error`` that is no trouble of the server's
        is the caller's whose turn it was."""
        if self.closed:
            return
        self.closed = True
        if trouble is None:
            entry = self._waiting.popleft()
            if not entry.future.done() and isinstance(error, Exception):
                entry.future.set_exception(error)
        self._end_calls(trouble or ConnectionInterrupted(None, LOST))
        self._ending = self._loop.create_task(self._end())

    def _end_calls(self, error: ConnectionInterrupted) -> None:
        event = object()
        for entry in self._waiting:
            if not entry.future.done():
                # One exception object cannot be raised in many tasks.
                single = type(error)(None, error.reason)
                single.event = event
                entry.future.set_exception(single)
        self._waiting.clear()

    async def _end(self) -> None:
        await self._connection.disconnect()
        if self._release is not None:
            await self._release(self._connection)

    async def close(self) -> None:
        """Ends the connection and waits until that is done."""
        self._fail(ConnectionInterrupted(None, "closed"))
        if self._ending is not None:
            await self._ending


def _trouble(error: BaseException) -> ConnectionInterrupted | None:
    """``error`` as trouble of the server, or None where it is the site's own."""
    if isinstance(error, ConnectionInterrupted):
        return error
    if isinstance(error, Exception) and struck(error):
        return None
    if isinstance(error, redis.exceptions.TimeoutError | TimeoutError):
        return ServerTimeout(None, str(error) or "no reply in time")
    if isinstance(error, redis.exceptions.RedisError | OSError | asyncio.CancelledError):
        return ConnectionInterrupted(None, str(error) or LOST)
    return None
