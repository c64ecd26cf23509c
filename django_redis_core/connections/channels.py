"""The channels to one server: one or several for each event loop, opened once for all who wait and
closed with the loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from copy import copy
from functools import partial
from typing import Any

from ..commands import Argument
from ..exceptions import ConnectionInterrupted
from .channel import Channel
from .foreign_channel import ForeignChannel
from .lateness import in_its_own_time
from .notes import note_new_connection
from .trial import Trial
from .troubles import is_full


class Channels:
    """What a server has for each event loop, closed with the loop. A topology needs it for
    ``client`` alone: redis-py clients of asyncio's, one a loop.

    ``client``: gives the running loop's redis-py client, whose pool then gives the connections.
    ``trial``: what the server has to pass before one is opened.
    """

    def __init__(self, client: Callable[[], Any] | None = None, trial: Trial | None = None) -> None:
        self._slots: dict[asyncio.AbstractEventLoop, _Slot] = {}
        self._client = client
        self._trial = trial

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
            slot.opening = loop.create_task(slot.connect(config, self._client, self._trial))
            # Its error is the waiters' to see; when all of them are gone, nobody's.
            slot.opening.add_done_callback(lambda task: task.cancelled() or task.exception())
        # Shielded: a caller that is cancelled must not take the connection from those who wait
        # with it.
        try:
            return await asyncio.shield(slot.opening)
        except ConnectionInterrupted as error:
            # One exception object cannot be raised in many tasks: what each of them notes on it
            # (``so_far``) would be the others' too.
            raise copy(error) from None

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
        for loop, _ in self._each():
            if loop.is_closed():
                self._slots.pop(loop, None)
        for slot in list(_open):
            if (of := _open.get(slot)) is not None and of.is_closed():
                _open.pop(slot, None)

    def _each(self) -> Iterator[tuple[asyncio.AbstractEventLoop, _Slot]]:
        """The slots of all loops; from any thread. Of a list of the loops alone: a list of items
        makes tuples, and on Python 3.11 the collector may run there, and with what it finalizes
        another thread, which changes the dict."""
        for loop in list(self._slots):
            if (slot := self._slots.get(loop)) is not None:
                yield loop, slot

    def renew(self) -> None:
        """Has the next call on every loop open another channel; the present ones finish. From any
        thread."""
        here: asyncio.AbstractEventLoop | None
        try:
            here = asyncio.get_running_loop()
        except RuntimeError:
            here = None  # blocking code
        for loop, slot in self._each():
            if loop is here:
                slot.renew()
                continue
            try:
                loop.call_soon_threadsafe(slot.renew)
            except RuntimeError:
                pass  # the loop is closed, and its channel with it

    def authenticate(self, args: tuple[Argument, ...]) -> None:
        """Has the channels of all loops authenticate by ``args``, an AUTH; from any thread."""
        for loop, slot in self._each():
            try:
                loop.call_soon_threadsafe(slot.authenticate, args)
            except RuntimeError:
                pass  # the loop is closed, and its channel with it

    def abandon(self, reason: str) -> None:
        """Ends the channels of all loops, and the calls on them; from any thread."""
        for loop, slot in self._each():
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

    def heard(self) -> float:
        """When a reply last came, or a part of a large one, on the running loop's channel
        (``loop.time()``); 0.0 where there is none."""
        slot = self._slots.get(asyncio.get_running_loop())
        return 0.0 if slot is None or slot.channel is None else slot.channel.heard

    async def close(self) -> None:
        """Closes the running loop's channel."""
        slot = self._slots.pop(asyncio.get_running_loop(), None)
        if slot is not None:
            await slot.end()


class SeveralChannels(Channels):
    """``count`` channels a loop, which calls use in turn: large replies on one do not hold up the
    calls on the others."""

    def __init__(self, count: int, make: Callable[[], Channels]) -> None:
        super().__init__()
        self._all = [make() for _ in range(count)]
        self._turn = 0

    def get(self) -> Channel | ForeignChannel | None:
        self._turn = (self._turn + 1) % len(self._all)
        return self._all[self._turn].get()

    async def open(self, config: Any) -> Channel | ForeignChannel:
        # ``get`` has just found one that is not open. Whose turn it is may have become another
        # one's since, by a loop in another thread, and one that is open must not be opened twice.
        turn = self._turn
        in_turn = (*self._all[turn:], *self._all[:turn])
        chosen = next((each for each in in_turn if each.get() is None), in_turn[0])
        try:
            return await chosen.open(config)
        except Exception as error:
            there = [channel for each in self._all if (channel := each.get()) is not None]
            if is_full(error) and there:
                return there[0]
            raise

    def client(self, make: Callable[[], Any]) -> Any:
        return self._all[0].client(make)

    def numbers(self) -> dict[str, float]:
        each = [channels.numbers() for channels in self._all]
        return {name: sum(numbers[name] for numbers in each) for name in each[0]}

    def heard(self) -> float:
        return max(channels.heard() for channels in self._all)

    def renew(self) -> None:
        for channels in self._all:
            channels.renew()

    def authenticate(self, args: tuple[Argument, ...]) -> None:
        for channels in self._all:
            channels.authenticate(args)

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


class _Slot:
    def __init__(self) -> None:
        self.channel: Channel | ForeignChannel | None = None
        self.client: Any = None
        self.opening: asyncio.Task[Channel | ForeignChannel] | None = None
        self.abandoned = ""
        self._ender: AsyncGenerator[None, None] | None = None

    async def connect(
        self, config: Any, client: Callable[[], Any] | None, trial: Trial | None
    ) -> Channel | ForeignChannel:
        try:
            if trial is not None:
                await trial.ahold()
            # The shorter one: either may be what ran out, as each reply of a handshake has its own.
            times = (config.kwargs.get("socket_connect_timeout"), config.timeout)
            allowed = min((each for each in times if each), default=0.0)
            self.channel = await in_its_own_time(partial(_opened, config, client), allowed)
            if self.abandoned:  # while it was connecting
                await self.channel.close()
                raise ConnectionInterrupted(None, self.abandoned)
            return self.channel
        except Exception as error:
            # All who wait see this one error.
            error.event = getattr(error, "event", None) or object()  # type: ignore[attr-defined]
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

    def authenticate(self, args: tuple[Argument, ...]) -> None:
        channel, opening = self.channel, self.opening
        if opening is not None and not opening.done():
            # It may have asked for its token before there was this one.
            opening.add_done_callback(lambda _: self.authenticate(args))
        elif channel is not None and not channel.closed:
            channel.call(args).add_done_callback(self._authenticated)

    def _authenticated(self, answer: asyncio.Future[Any]) -> None:
        # Where it was refused, the next connection asks the provider again.
        if not answer.cancelled() and (
            answer.exception() or isinstance(answer.result(), Exception)
        ):
            self.renew()

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
