"""``get_or_set`` that computes a value before it has expired, or where nobody waits for it.

A call that may do so has an object of its own, a twin of the client, which notes what it meets on
its way through all clients: that the value is due, that the caller was elected.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from functools import partial
from inspect import isawaitable, iscoroutinefunction
from typing import Any

from django_redis_core.commands import GET, SET, Command, Operation, Runner, WantRunner
from django_redis_core.exceptions import ConnectionInterrupted, NoScriptError
from django_redis_core.interfaces import DEFAULT_TIMEOUT, MISSING

from . import envelope, scripts
from .cost import price
from .entries import now, px, stopwatch
from .options import BACKGROUND
from .reading import Reading
from .tuples import Packed
from .workers import Worker, ends_with_the_call
from .xfetch import is_due

#: ``recompute=`` of those who were handed over what somebody was elected for.
DUE = "due"

_EXPIRY = struct.Struct(">3xd")


class Refreshing(Reading):
    """``get_or_set`` with ``HERD_REFRESH``, ``recompute=`` and ``enqueue=``."""

    _one_call: type[OneCall] | None = None

    def get_or_set(
        self,
        key: Any,
        default: Any,
        timeout: Any = DEFAULT_TIMEOUT,
        version: Any = None,
        *,
        lock: bool | float = False,
        recompute: bool | str = False,
        enqueue: Callable[[], Any] | None = None,
    ) -> Operation[Any]:
        """With ``recompute`` True it is computed and stored, whatever is there; with "due" only
        where the value has expired or somebody was elected for it, and what is gone stays so.
        ``enqueue`` is called in the background, in place of ``default``, by who is elected: it has
        somebody else call this with "due"."""
        if self.refresh is None and recompute is False:
            return super().get_or_set(
                key, default, timeout, version, lock=lock
            )  # no generator more
        return self.by_a_call(key, default, timeout, version, lock, recompute, enqueue)

    def by_a_call(
        self,
        key: Any,
        default: Any,
        timeout: Any,
        version: Any,
        lock: Any,
        recompute: Any,
        enqueue: Any,
    ) -> Operation[Any]:
        call = self.for_call()
        if recompute is not False:
            if recompute is not True and recompute != DUE:
                raise ValueError(f'recompute must be True, False or "{DUE}", not {recompute!r}.')
            return (yield from call.recomputed(key, default, timeout, version, recompute))
        call.background = self.refresh == BACKGROUND and not self.workers.closed
        try:
            return (yield from call.refreshed(key, default, timeout, version, lock, enqueue))
        finally:
            if call.worker is not None:
                call.worker.release()

    def for_call(self) -> OneCall:
        """This client, for one call to note what it meets."""
        cls = type(self)
        kind = cls if issubclass(cls, OneCall) else vars(cls).get("_one_call")
        if kind is None:
            kind = cls._one_call = type(cls.__name__, (OneCall, cls), {})
        call: OneCall = object.__new__(kind)
        call.__dict__.update(self.__dict__)
        return call

    def forgotten(self) -> None:
        self.workers.close()
        super().forgotten()


class OneCall(Refreshing):
    """What one call has met. It stands before all clients that the cache has."""

    #: Whether the elected one leaves computing to a thread or a task.
    background = False
    #: A place among those that compute in the background, until it is given away.
    worker: Worker | None = None
    #: A value that was read and is to be computed before it expires: its key and what is stored.
    due: tuple[str, bytes] | None = None
    #: The entry that the caller was elected to replace.
    entry: bytes | None = None
    #: The entry in whose place the value is stored, and else not at all.
    replaces: bytes | None = None
    #: Whether nobody waits for it.
    behind = False

    # Reading

    def unwrap(self, key: str, data: bytes) -> Any:
        if self.writes_tuples and not data.startswith(envelope.MAGIC):
            value = self.tuple_codec.decode(key, data)
            if value.__class__ is not Packed:
                return value
            if not value.left(now()):
                return MISSING
            self.look(value.expires, key, data)
            return value.value
        value = super().unwrap(key, data)
        if value is not MISSING and data.startswith(envelope.VALUE):
            self.look(_EXPIRY.unpack_from(data)[0], key, data)
        return value

    def look(self, expires: float, full: str, data: bytes) -> None:
        """Draws whether an entry is due that is good until ``expires``, Unix seconds."""
        if self.began is None and self.beta:
            cost = price(expires)
            if cost and is_due(expires - now() / 1000, cost, self.beta):
                self.due = (full, data)

    def old(self, full: str, data: bytes) -> tuple[Any, Command | None]:
        value, election = super().old(full, data)
        if election is not None and not self.may_be_elected():
            election = None
        return value, election

    def elected(self, shown: dict[str, Any], full: str, data: bytes) -> None:
        self.entry = data
        if not self.background:
            super().elected(shown, full, data)

    def may_be_elected(self) -> bool:
        """Whether there is a place for what would have to be done. Where all are taken, this
        process leaves the entry to others, and to those who come later."""
        if self.background and self.worker is None:
            self.worker = self.workers.reserve()
            return self.worker is not None
        return True

    def wins(self, full: str, data: bytes) -> Operation[bool]:
        """Whether the caller is elected to compute what is not expired yet."""
        if not self.may_be_elected():
            return False
        if data.startswith(envelope.MAGIC):
            election = self.election(full, data)
        else:
            packed = self.packed(full, data)
            if packed is None:
                return False
            election = self.election_of(full, packed)
        try:
            (reply,) = yield [election]
            if isinstance(reply, NoScriptError):
                reply = yield from scripts.ELECT((full,), *election.args[4:])
        except ConnectionInterrupted:
            return False  # there is a value, and nobody has to know
        return bool(reply) and not isinstance(reply, Exception)

    def refreshed(
        self, key: Any, default: Any, timeout: Any, version: Any, lock: Any, enqueue: Any
    ) -> Operation[Any]:
        self.milliseconds(timeout)  # a bad one is refused on a hit as well
        value = yield from self.get(key, MISSING, version)
        if value is not MISSING:
            if self.entry is None and self.due is not None and (yield from self.wins(*self.due)):
                self.entry = self.due[1]
            if self.entry is None:
                return value
            self.replaces, self.puts = self.entry, True
            if self.background:
                work = self.for_background(key, default, timeout, version, enqueue)
                if self.begins((yield WantRunner()), work, default):
                    return value
        elif self.entry is None:
            if lock is False:
                lock = self.wait or False
            if lock is not False:
                self.background = False  # it looks again, and is then the one who computes
                plain = super(Refreshing, self).get_or_set
                return (yield from plain(key, default, timeout, version, lock=lock))
        self.began = stopwatch()
        return (yield from self.compute(key, default, timeout, version))

    def take_turn(
        self, key: Any, version: Any, guard: str, token: bytes, turn: int
    ) -> Operation[Any]:
        value = yield from super().take_turn(key, version, guard, token, turn)
        self.began = stopwatch()
        return value

    # In the background

    def for_background(
        self, key: Any, default: Any, timeout: Any, version: Any, enqueue: Any
    ) -> Callable[[Runner], Any]:
        """What is done there, by whoever has a runner."""
        if enqueue is not None:
            aside = partial(_aside, enqueue)
            coroutine = iscoroutinefunction(enqueue)
            return lambda runner: aside() if runner.asynchronous and not coroutine else enqueue()
        later = self.for_call()
        later.worker, later.behind = None, True

        def computed(runner: Runner) -> Any:
            given = default
            if runner.asynchronous and callable(default) and not iscoroutinefunction(default):
                given = partial(_aside, default)
            later.began = stopwatch()
            operation = later.compute(key, given, timeout, version)
            return runner.run(self.around("get_or_set", operation))

        return computed

    def begins(self, runner: Runner, work: Callable[[Runner], Any], default: Any) -> bool:
        """Begins the work. False: the caller has to do it."""
        worker = self.worker
        assert worker is not None
        what = f"Computing {getattr(default, '__qualname__', 'a value')}"
        if not runner.asynchronous:
            begun = self.workers.in_thread(worker, partial(work, runner), what)
        else:
            begun = not ends_with_the_call(asyncio.get_running_loop())
            if begun:
                self.workers.in_task(worker, partial(_awaited, work, runner), what)
        if begun:
            self.worker = None  # who gives it back is who does the work
        return begun

    # Storing

    def recomputed(
        self, key: Any, default: Any, timeout: Any, version: Any, mode: bool | str
    ) -> Operation[Any]:
        self.puts = True
        if mode == DUE:
            full = self.naming.make(key, version)
            data = yield GET(full).primary()
            if data is None:
                return None
            if data.startswith(envelope.MAGIC) and envelope.alive(data, now()):
                return (yield from self.get(key, None, version))  # somebody was quicker
            self.replaces = data
        self.began = stopwatch()
        return (yield from self.compute(key, default, timeout, version))

    def put(self, full: str, data: bytes, milliseconds: int | None) -> Operation[None]:
        if self.replaces is None:
            yield SET(full, data, milliseconds)
        elif not (self.behind and self.workers.closed):
            yield from self.replace(full, self.replaces, data, milliseconds)

    def replace(
        self, full: str, seen: bytes, data: bytes, milliseconds: int | None
    ) -> Operation[None]:
        """Stores ``data`` in the place of an entry that was seen. What was stored meanwhile is
        newer than what has been computed, and what was deleted is gone for a reason."""
        if seen.startswith(envelope.MAGIC):
            yield from scripts.REPLACE((full,), now(), data, *px(milliseconds))
        else:
            yield from scripts.SWAP((full,), seen, data, *px(milliseconds))

    def wrap(self, key: str, value: Any, milliseconds: int | None) -> tuple[bytes, int | None]:
        data, milliseconds = super().wrap(key, value, milliseconds)
        if self.began is not None and data.startswith(envelope.VALUE):
            expires = float(_EXPIRY.unpack_from(data)[0])
            if expires < envelope.NEVER:
                data = envelope.pack(envelope.VALUE, self.priced(expires)) + data[envelope.LENGTH :]
        return data, milliseconds


async def _awaited(work: Callable[[Runner], Any], runner: Runner) -> None:
    """Whatever the work is: a coroutine, or a function that may wait for long."""
    made: Any = work(runner)
    if isawaitable(made):
        await made


async def _aside(function: Callable[[], Any]) -> Any:
    """A function that waits by itself, and so must not run on the loop."""

    def called() -> Any:
        from django.db import connections

        try:
            return function()
        finally:
            connections.close_all()  # of this thread, in which nobody else closes any

    made = await asyncio.to_thread(called)
    return await made if isawaitable(made) else made
