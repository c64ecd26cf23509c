"""An asyncio connection that all tasks of a loop share.

Commands of one turn of the loop are sent together and replies are matched in order, so fifty tasks
cost one system call and not fifty, and cancelling a task only means that nobody looks at its reply
when it comes: no other task is disturbed, and nobody gets a reply that is not theirs.

redis-py's asyncio connection does the connecting (TLS, authentication, credential providers, the
handshake); after that the transport is handed to the channel, which speaks the protocol itself.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from typing import Any

import redis.exceptions

from ..commands import Argument
from ..exceptions import ConnectionInterrupted, ServerTimeout
from .foreign_channel import ForeignChannel
from .link import LOST
from .notes import note_new_connection
from .patience import PROGRESS
from .resp import INCOMPLETE, OUT_OF_STEP, UNREADABLE, holding, make_reader, pack
from .sockets import arrivals, on_the_way

#: Seconds by which a timer that comes too late was kept waiting by the loop itself, and how often
#: that excuses a server.
_LATE, _HELD_UP = 0.02, 2


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
        self._pending.append(future)
        self._sent += 1
        if not self._buffer:
            self._loop.call_soon(self._flush)
        self._buffer.append(data)
        return future

    def call_many(self, commands: Sequence[tuple[Argument, ...]]) -> asyncio.Future[list[Any]]:
        """Sends commands together; the future is the list of their replies."""
        data = b"".join([pack(args) for args in commands])
        future: asyncio.Future[list[Any]] = self._loop.create_future()
        self._pending.append(Replies(len(commands), future))
        self._sent += len(commands)
        if not self._buffer:
            self._loop.call_soon(self._flush)
        self._buffer.append(data)
        return future

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
            if self._timer is None:
                self._unsent = self._not_sent()
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


class Channels:
    """What a server has for each event loop, closed with the loop. A topology needs it for
    ``client`` alone: redis-py clients of asyncio's, one a loop.

    ``client``: gives the running loop's redis-py client, whose pool then gives the connections.
    """

    def __init__(self, client: Callable[[], Any] | None = None) -> None:
        self._slots: dict[asyncio.AbstractEventLoop, _Slot] = {}
        self._client = client

    def get(self) -> Channel | ForeignChannel | None:
        """The running loop's channel, if it is open."""
        slot = self._slots.get(asyncio.get_running_loop())
        if slot is None:
            return None
        channel = slot.channel
        return None if channel is None or channel.closed else channel

    async def open(self, config: Any) -> Channel | ForeignChannel:
        """The running loop's channel, opened by whoever asks first."""
        note_new_connection()
        loop = asyncio.get_running_loop()
        slot = self._slot(loop)
        # With eager tasks one that failed at once is done before it is assigned here.
        if slot.opening is None or slot.opening.done():
            slot.opening = loop.create_task(slot.connect(config, self._client))
            # Its error is the waiters' to see; when all of them are gone, nobody's.
            slot.opening.add_done_callback(lambda task: task.cancelled() or task.exception())
        # Shielded: a caller that is cancelled must not take the connection from those who wait
        # with it.
        return await asyncio.shield(slot.opening)

    def client(self, make: Callable[[], Any]) -> Any:
        """The running loop's redis-py client, made by ``make`` when there is none yet, and closed
        with the loop. Raises RuntimeError where no loop runs."""
        slot = self._slot(asyncio.get_running_loop())
        if slot.client is None:
            slot.client = make()
        return slot.client

    def _slot(self, loop: asyncio.AbstractEventLoop) -> _Slot:
        slot = self._slots.get(loop)
        if slot is None:
            self._forget_closed_loops()
            slot = self._slots[loop] = _Slot()
            slot.close_with_loop(self._slots)
        return slot

    def _forget_closed_loops(self) -> None:
        """A loop that was closed without running its asynchronous generators' ends: its
        transports close their sockets when they are collected."""
        for loop in list(self._slots):
            if loop.is_closed():
                self._slots.pop(loop, None)
        for slot, loop in list(_open.items()):
            if loop.is_closed():
                _open.pop(slot, None)

    def renew(self) -> None:
        """Has the next call on every loop open another channel; the present ones finish. From any
        thread."""
        here: asyncio.AbstractEventLoop | None
        try:
            here = asyncio.get_running_loop()
        except RuntimeError:
            here = None  # blocking code
        for loop, slot in list(self._slots.items()):
            if loop is here:
                slot.renew()
                continue
            try:
                loop.call_soon_threadsafe(slot.renew)
            except RuntimeError:
                pass  # the loop is closed, and its channel with it

    def abandon(self, reason: str) -> None:
        """Ends the channels of all loops, and the calls on them; from any thread."""
        for loop, slot in list(self._slots.items()):
            try:
                loop.call_soon_threadsafe(slot.abandon, reason)
            except RuntimeError:
                pass  # the loop is closed, and its channel with it

    def numbers(self) -> dict[str, float]:
        """How many channels of all loops are open, and how many replies they wait for."""
        slots = list(self._slots.values())
        channels = [one.channel for one in slots if one.channel and not one.channel.closed]
        return {
            "async_connections": len(channels),
            "async_replies_waited_for": sum(channel.waiting for channel in channels),
        }

    async def close(self) -> None:
        """Closes the running loop's channel."""
        slot = self._slots.pop(asyncio.get_running_loop(), None)
        if slot is not None:
            await slot.end()


class SeveralChannels(Channels):
    """``count`` channels a loop, which calls use in turn: large replies on one do not hold up the
    calls on the others."""

    def __init__(self, count: int, client: Callable[[], Any] | None = None) -> None:
        super().__init__()
        self._all = [Channels(client) for _ in range(count)]
        self._turn = 0

    def get(self) -> Channel | ForeignChannel | None:
        self._turn = (self._turn + 1) % len(self._all)
        return self._all[self._turn].get()

    async def open(self, config: Any) -> Channel | ForeignChannel:
        # ``get`` has just found that the one whose turn it is is not open.
        return await self._all[self._turn].open(config)

    def client(self, make: Callable[[], Any]) -> Any:
        return self._all[0].client(make)

    def numbers(self) -> dict[str, float]:
        each = [channels.numbers() for channels in self._all]
        return {name: sum(numbers[name] for numbers in each) for name in each[0]}

    def renew(self) -> None:
        for channels in self._all:
            channels.renew()

    def abandon(self, reason: str) -> None:
        for channels in self._all:
            channels.abandon(reason)

    async def close(self) -> None:
        for channels in self._all:
            await channels.close()


#: Slots whose loop has not ended. Only the loop can close their connections, so they must outlive a
#: node that is forgotten before it (settings changed in a test).
_open: dict[_Slot, asyncio.AbstractEventLoop] = {}


async def _opened(config: Any, client: Callable[[], Any] | None) -> Channel | ForeignChannel:
    """A channel over a new connection, or over one of the pool of the site's own."""
    if client is None:
        return _over(await config.async_connected(), config.timeout)
    pool = client().connection_pool
    connection = await pool.get_connection()
    try:
        await config.greet(connection)
        return _over(connection, config.timeout, pool.release)
    except BaseException:
        await pool.release(connection)
        raise


def _over(connection: Any, *args: Any) -> Channel | ForeignChannel:
    # Private in redis-py, but the same name in all its versions. Where it is no transport of the
    # loop's, the public methods do.
    transport = getattr(getattr(connection, "_writer", None), "transport", None)
    if hasattr(transport, "set_protocol"):
        return Channel(connection, *args)
    return ForeignChannel(connection, *args)


async def _in_its_own_time(
    config: Any, client: Callable[[], Any] | None
) -> Channel | ForeignChannel:
    """Connects, once more where the loop and not the server was late: somebody's synchronous code
    held it up, and the time was over when it came back to look."""
    loop = asyncio.get_running_loop()
    allowed = config.kwargs.get("socket_connect_timeout") or config.timeout or 0.0
    for _ in range(_HELD_UP):
        began = loop.time()
        try:
            return await _opened(config, client)
        except (TimeoutError, redis.exceptions.TimeoutError):
            if loop.time() - began < allowed + _LATE:
                raise
    return await _opened(config, client)


class _Slot:
    def __init__(self) -> None:
        self.channel: Channel | ForeignChannel | None = None
        self.client: Any = None
        self.opening: asyncio.Task[Channel | ForeignChannel] | None = None
        self.abandoned = ""
        self._ender: AsyncGenerator[None, None] | None = None

    async def connect(
        self, config: Any, client: Callable[[], Any] | None
    ) -> Channel | ForeignChannel:
        try:
            self.channel = await _in_its_own_time(config, client)
            if self.abandoned:  # while it was connecting
                await self.channel.close()
                raise ConnectionInterrupted(None, self.abandoned)
            return self.channel
        except Exception as error:
            error.event = object()  # type: ignore[attr-defined]  # all who wait see this one error
            raise
        finally:
            self.opening = None

    def renew(self) -> None:
        channel, self.channel = self.channel, None
        if channel is not None:
            channel.finish()
        pool = getattr(self.client, "connection_pool", None)
        if pool is not None:
            idle = asyncio.ensure_future(pool.disconnect(inuse_connections=False))
            idle.add_done_callback(lambda task: task.cancelled() or task.exception())

    def close_with_loop(self, slots: dict[asyncio.AbstractEventLoop, _Slot]) -> None:
        """Lets the loop end this slot: ``asyncio.run`` and every framework's runner finish open
        asynchronous generators (``loop.shutdown_asyncgens``) while the loop still runs."""
        loop = asyncio.get_running_loop()

        async def ender() -> AsyncGenerator[None, None]:
            try:
                yield
            finally:
                _open.pop(self, None)
                if slots.get(loop) is self:
                    del slots[loop]
                channel, self.channel = self.channel, None
                if channel is not None:
                    await channel.close()
                close = getattr(self.client, "aclose", None)  # a site's own may have none
                if close is not None:
                    await close()

        _open[self] = loop
        self._ender = ender()
        try:
            # Up to its yield the generator awaits nothing, so one step by hand starts it; the
            # first step is what makes the loop know of it.
            self._ender.__anext__().send(None)
        except StopIteration:
            pass

    def abandon(self, reason: str) -> None:
        self.abandoned = reason
        _open.pop(self, None)
        if self.channel is not None:
            self.channel._fail(ConnectionInterrupted(None, reason))

    async def end(self) -> None:
        if self._ender is not None:
            await self._ender.aclose()
