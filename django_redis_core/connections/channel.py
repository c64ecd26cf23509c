"""An asyncio connection that all tasks of a loop share.

Commands of one turn of the loop are sent together and replies are matched in order, so fifty tasks
cost one system call and not fifty, and cancelling a task only means that nobody looks at its reply
when it comes: no other task is disturbed, and nobody gets a reply that is not theirs. Where one
task alone uses it, its command leaves at once: nothing is won by another turn of the loop.

redis-py's asyncio connection does the connecting (TLS, authentication, credential providers, the
handshake); after that the transport is handed to the channel, which speaks the protocol itself.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from ..commands import Argument
from ..exceptions import ConnectionInterrupted, ServerTimeout
from .link import LOST
from .packing import pack, pack_all
from .patience import PROGRESS
from .resp import INCOMPLETE, OUT_OF_STEP, UNREADABLE, holding, make_reader
from .sockets import arrivals, on_the_way

#: Bytes that take their time on a slow line, so it is looked at how many of them have gone out.
_LONG = 64 * 1024


class Replies:
    """The replies of commands that were sent together, and the future for all of them."""

    __slots__ = ("future", "left", "replies")

    def __init__(self, count: int, future: asyncio.Future[list[Any]]) -> None:
        self.left = count
        self.replies: list[Any] = []
        self.future = future


class Channel(asyncio.Protocol):
    """One connection, many callers. ``timeout`` (seconds) bounds the wait for each reply.

    ``release`` gives the connection back to the pool that it is from, when it has ended.
    """

    def __init__(
        self,
        connection: Any,
        timeout: float | None,
        release: Callable[[Any], Coroutine[Any, Any, None]] | None = None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._connection = connection
        # redis-py's connection would close the transport when it is collected, so what it has is
        # taken from it; the writer is kept because it closes the transport too.
        self._writer = connection._writer
        self._transport: asyncio.Transport = connection._writer.transport
        reader, connection._writer, connection._reader = connection._reader, None, None
        if self._transport.is_closing() or reader.at_eof():
            # Whoever had it was told so, and nobody is told again.
            self._transport.abort()
            raise ConnectionInterrupted(None, LOST)
        self._timeout = timeout
        self._release = release
        self._released: asyncio.Task[None] | None = None
        self._reader = make_reader(connection.protocol)
        self._holds = holding(self._reader)
        self._pending: deque[asyncio.Future[Any] | Replies] = deque()
        self._buffer: list[bytes] = []
        self._sent = 0
        self._flushed = 0
        self._received = 0
        #: Whether a call came while another one was under way, since there was none at all.
        self._shared = False
        # When what was sent up to a count left: one mark a turn of the loop, not one a command.
        self._marks: deque[tuple[int, float]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._heard = 0.0  # when a reply was complete, or so much of one had come
        self._part = 0  # bytes of an incomplete reply since then
        self._unsent = 0  # bytes that the line has not taken, when that was looked at last
        self._last = False
        self.closed = False
        self._arrived = arrivals(self._transport.get_extra_info("socket"))
        self._transport.set_protocol(self)

    def call(self, args: tuple[Argument, ...]) -> asyncio.Future[Any]:
        """Sends one command; the future is its reply, an exception object for an error reply."""
        data = pack(args)
        future: asyncio.Future[Any] = self._loop.create_future()
        self._queue(future, future, 1, data)
        return future

    def call_many(self, commands: Sequence[tuple[Argument, ...]]) -> asyncio.Future[list[Any]]:
        """Sends commands together; the future is the list of their replies."""
        data = pack_all(commands)
        future: asyncio.Future[list[Any]] = self._loop.create_future()
        self._queue(Replies(len(commands), future), future, len(commands), data)
        return future

    def _queue(
        self,
        entry: asyncio.Future[Any] | Replies,
        future: asyncio.Future[Any],
        count: int,
        data: bytes,
    ) -> None:
        """Has ``data`` sent: at once where callers come one at a time, else with what others ask
        for in this turn of the loop. ``entry`` waits for the ``count`` replies."""
        try:
            self._pending.append(entry)
            self._sent += count
            waiting = bool(self._buffer)
            others = waiting or len(self._pending) > 1
            self._buffer.append(data)
            if not waiting:
                if others or self._shared:
                    self._loop.call_soon(self._flush)
                else:
                    self._flush()
            self._shared = others
        except BaseException:
            # A time limit has struck, so what was sent for whom is not known any more.
            future.cancel()
            self._fail(ConnectionInterrupted(None, "interrupted while it was sent to"))
            raise

    def _flush(self) -> None:
        data = b"".join(self._buffer)
        self._buffer.clear()
        if self.closed:
            # It was lost between a task's getting it and using it: those calls were never sent.
            self._end_calls(_unsent(LOST))
            return
        if self._received == self._flushed and (self._arrived(0) or self._holds()):
            # It came before these calls are sent, so that it is none of their replies.
            self._fail(_unsent(OUT_OF_STEP))
            return
        self._flushed = self._sent
        self._transport.write(data)
        if self._timeout is not None:
            self._marks.append((self._sent, self._loop.time() + self._timeout))
            if self._timer is None or len(data) >= _LONG:
                self._unsent = self._not_sent()
            if self._timer is None:
                self._timer = self._loop.call_later(self._timeout, self._check)

    def data_received(self, data: bytes) -> None:
        gets = self._reader.gets
        pending = self._pending
        received, flushed = self._received, self._flushed
        try:
            self._reader.feed(data)
            reply = gets()
            if received >= flushed and reply is not INCOMPLETE:
                raise IndexError
            while reply is not INCOMPLETE:
                entry = pending[0]
                received += 1
                if entry.__class__ is Replies:
                    entry.replies.append(reply)
                    entry.left -= 1
                    if entry.left:
                        reply = gets()
                        continue
                    reply, entry = entry.replies, entry.future
                following = gets()
                if received >= flushed and following is not INCOMPLETE:
                    raise IndexError  # before anybody has a reply that may be somebody else's
                pending.popleft()
                if not entry.done():  # type: ignore[union-attr]
                    entry.set_result(reply)  # type: ignore[union-attr]
                reply = following
        except (ConnectionInterrupted, IndexError, *UNREADABLE) as error:
            # Not the protocol, or a reply that nobody asked for: nothing after it can be matched.
            said = OUT_OF_STEP if isinstance(error, IndexError) else str(error) or repr(error)
            self._fail(ConnectionInterrupted(None, said))
            return
        progress = received != self._received
        self._received = received
        marks = self._marks
        while marks and marks[0][0] <= received:
            marks.popleft()
        if progress:
            self._heard, self._part = self._loop.time(), 0
        else:
            self._part += len(data)
            if self._part >= PROGRESS:
                self._heard, self._part = self._loop.time(), 0
        if self._last and not pending:
            self._fail(ConnectionInterrupted(None, "replaced by another connection"))

    @property
    def reused(self) -> bool:
        """Whether it has answered before."""
        return self._received > 0

    @property
    def idle(self) -> float:
        """Seconds since its last answer; 0 while one is waited for, and before the first."""
        return self._loop.time() - self._heard if self.reused and not self._pending else 0.0

    @property
    def heard(self) -> float:
        """When there was progress."""
        return self._heard

    @property
    def waiting(self) -> int:
        """How many replies are waited for."""
        return self._sent - self._received

    def finish(self) -> None:
        """Ends the connection as soon as what was sent on it is answered."""
        self._last = True
        if not self._pending:
            self._fail(ConnectionInterrupted(None, "replaced by another connection"))

    def _check(self) -> None:
        """The oldest command's time is up, or was answered and the next one's is waited for.

        While replies are coming in, time is given anew: a batch, or a value of many megabytes, may
        take longer than one reply may, and so may a loop that was held up by its own tasks.
        """
        self._timer = None
        if not self._marks or self.closed or self._timeout is None:
            return
        unsent = self._not_sent()
        if unsent <= self._unsent - PROGRESS:
            self._heard = self._loop.time()  # the request is on its way still
        self._unsent = unsent
        due = max(self._marks[0][1], self._heard + self._timeout)
        if self._loop.time() >= due:
            self._fail(ServerTimeout(None, f"no reply within {self._timeout} s"))
        else:
            self._timer = self._loop.call_at(due, self._check)

    def _not_sent(self) -> int:
        """Bytes that the other side has not got yet."""
        sock = self._transport.get_extra_info("socket")
        return self._transport.get_write_buffer_size() + on_the_way(sock)

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(ConnectionInterrupted(None, str(exc) if exc else LOST))
        if self._release is not None:
            self._released = self._loop.create_task(self._release(self._connection))
        if not self._ended.done():
            self._ended.set_result(None)

    def _fail(self, error: ConnectionInterrupted) -> None:
        """Ends the connection and every call on it."""
        if self.closed:
            return
        self.closed = True
        self._transport.abort()
        if self._timer is not None:
            self._timer.cancel()
        self._end_calls(error)
        self._marks.clear()

    def _end_calls(self, error: ConnectionInterrupted) -> None:
        event = object()
        for entry in self._pending:
            future = entry.future if isinstance(entry, Replies) else entry
            if not future.done():
                # One exception object cannot be raised in many tasks: they would share a traceback.
                single = type(error)(None, error.reason)
                single.event = event
                single.before_sending = error.before_sending
                future.set_exception(single)
        self._pending.clear()

    async def close(self) -> None:
        """Ends the connection and waits until its socket is closed."""
        self._fail(ConnectionInterrupted(None, "closed"))
        await self._ended
        if self._released is not None:
            await self._released


def _unsent(reason: str) -> ConnectionInterrupted:
    error = ConnectionInterrupted(None, reason)
    error.before_sending = True
    return error
