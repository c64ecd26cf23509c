"""What a client promises of every operation, whatever that is about: what it heeds, what it costs,
and what it leaves behind."""

from __future__ import annotations

import asyncio
import functools
import gc
import inspect
import socket
import sys
import threading
import time
import tracemalloc
import types
from collections.abc import Callable, Coroutine, Generator, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, ClassVar

import pytest
import redis

from ..._plugins.registry import registry
from ...cache import RedisCache
from ...interfaces import OPERATIONS
from ..busy import quickest
from ..caller import finished
from ..calls import Own, arguments, call, fill, operations, takes, watched
from ..fixtures import MakeCache
from ..operations import Operations
from ..servers import Server
from .added import AddedOperations

#: Seconds that an operation may hold the event loop at a stretch, each time that it is tried.
_HELD = 0.02

#: Bytes that Python's memory may grow by for each key that has never been used before.
_GROWN = 40

#: Frames in which memory that was taken is looked for this file: more than a call of a cache has.
_FRAMES = 25

#: The round trips that a run without a test class has found, by the client's name.
UNSTATED: dict[str, Mapping[str, int]] = {}

Watch = list[tuple[Any, str]]


class ClientBehaviour(AddedOperations, Operations):
    """The part of ``ClientContract`` that calls every operation that there is.

    ``round_trips`` states which operations need more round trips than those of the default client,
    and how many more: ``{"incr": 1}``; None, that nobody has stated it yet. A client that keeps
    something of each key on purpose has a bound for it: ``remembered`` is that of keys, and
    ``bounded`` are OPTIONS that make it a low one. Operations that the client adds are called as
    ``examples`` shows.
    """

    round_trips: ClassVar[Mapping[str, int] | None] = {}
    remembered: ClassVar[int] = 0
    bounded: ClassVar[Mapping[str, Any]] = {}

    @property
    def own(self) -> Own:
        """A call of each operation that the client adds."""
        shown = {name: (args, kwargs) for name, args, kwargs in self.examples}
        return {name: call for name, call in shown.items() if name not in OPERATIONS}

    @pytest.fixture
    def tested(
        self, make_cache: MakeCache, location: Any, options: Mapping[str, Any]
    ) -> Callable[..., RedisCache]:
        """``tested(**more)``: a cache with the client under test."""

        def tested(**more: Any) -> RedisCache:
            every = {self.part: self.name, **options, **more}
            return make_cache(every, LOCATION=location)

        return tested

    @pytest.mark.parametrize("parameter", ["version", "prefix"])
    def test_no_operation_ignores(self, tested: Callable[..., RedisCache], parameter: str) -> None:
        """Each that takes it is called with another one than the cache's, after the same key was
        written and read under the cache's own."""
        cache = tested()
        own, other = f"{cache.key_prefix}:1:", f"{cache.key_prefix}:7:"
        given: dict[str, Any] = {"version": 7}
        if parameter == "prefix":
            other, given = f"{cache.key_prefix}-other:1:", {"prefix": f"{cache.key_prefix}-other"}
        ignored = []
        with watched(cache) as sent:
            for declaration in operations(cache):
                if not takes(declaration, parameter):
                    continue
                key = f"k-{declaration.name}"
                cache.set(key, "the cache's own")
                cache.get(key)
                sent.take()
                answer = call(cache, declaration, key, self.own, **given)
                names = [*sent.take().names(), str(getattr(answer, "name", ""))]
                if names == [""] and isinstance(answer, Exception):
                    continue  # it is refused, before anything is sent
                if any(own in name for name in names) or not any(other in name for name in names):
                    ignored.append(declaration.name)
        assert not ignored, f"`{parameter}` is ignored by {', '.join(ignored)}"

    def test_a_client_of_the_callers_is_asked(
        self, tested: Callable[..., RedisCache], redis_server: Server
    ) -> None:
        """``client=`` may be of any server: nothing is known of what that holds."""
        cache = tested()
        theirs = _Theirs(host=redis_server.host, port=redis_server.port, db=9, protocol=2)
        ignored = []
        try:
            with watched(cache) as sent:
                for declaration in operations(cache):
                    key = f"k-{declaration.name}"
                    for _ in range(2):
                        cache.set(key, "the cache's own")
                        cache.get(key)
                    sent.take()
                    theirs.asked = 0
                    answer = call(cache, declaration, key, self.own, client=theirs)
                    if isinstance(answer, redis.lock.Lock):
                        answer.acquire(blocking=False)
                    requests = sent.take().requests
                    if not requests and isinstance(answer, Exception):
                        continue
                    if requests or not theirs.asked:
                        ignored.append(declaration.name)
        finally:
            theirs.flushdb()
            theirs.close()
        assert not ignored, f"`client=` is ignored by {', '.join(ignored)}"

    def test_no_operation_needs_more_round_trips(
        self,
        tested: Callable[..., RedisCache],
        make_cache: MakeCache,
        options: Mapping[str, Any],
    ) -> None:
        """Than that of the default client, with a key that is there and with one that is not."""
        more = dict.fromkeys(self.round_trips or (), 0)
        own = {option.name for option in registry.plugin("client", self.name, "").options}
        own.add(self.part)
        others = {name: value for name, value in options.items() if name not in own}
        mine, default = self.counted(tested()), self.counted(make_cache(others))
        for name, counts in mine.items():
            extra = max(a - b for a, b in zip(counts, default.get(name, counts), strict=True))
            if extra > 0 or name in more:
                more[name] = extra
        if self.round_trips is None:
            UNSTATED[self.name] = more
            return
        assert more == self.round_trips, (
            f"operations that need more round trips than those of the default client: {more}; "
            "spare them, or state them in `round_trips` and in the documentation"
        )

    def counted(self, cache: RedisCache) -> dict[str, list[int]]:
        """The round trips of each operation, without and with something there; the second time,
        since scripts travel once."""
        counts: dict[str, list[int]] = {}
        with watched(cache) as sent:
            for turn in ("first", "then"):
                for declaration in operations(cache):
                    counts[declaration.name] = counted = []
                    for state in ("none", "some"):
                        key = f"{{k}}-{turn}-{state}-{declaration.name}"
                        if state == "some":
                            fill(cache, declaration, key)
                        sent.take()
                        call(cache, declaration, key, self.own)
                        counted.append(len(sent.take().requests))
        return counts

    def test_no_generator_is_forgotten(
        self, tested: Callable[..., RedisCache], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """``super().set(…)`` makes a generator and does nothing, without ``yield from``."""
        cache = tested()
        made = _watch_generators(type(cache._engine.client), monkeypatch)
        forgotten: dict[str, None] = {}
        for declaration in operations(cache):
            for state in ("none", "some"):
                key = f"k-{state}-{declaration.name}"
                if state == "some":
                    fill(cache, declaration, key)
                made.clear()
                call(cache, declaration, key, self.own)
                for generator, where in made:
                    if inspect.getgeneratorstate(generator) == inspect.GEN_CREATED:
                        forgotten[f"{declaration.name}(): {where}"] = None
        assert not forgotten, "never run; write `yield from` before it: " + "; ".join(forgotten)

    def test_the_event_loop_is_not_held(
        self, tested: Callable[..., RedisCache], cache_loop: asyncio.AbstractEventLoop
    ) -> None:
        """No operation sleeps, sends, receives or computes for long, while others wait."""
        cache, held = tested(), {}

        def run(name: str) -> float:
            args, kwargs = arguments(cache._engine.operations[name], f"k-{name}", self.own)
            longest: list[float] = []
            method = getattr(cache, f"a{name}")
            work = _timed(finished(method, args, kwargs), longest)
            try:
                cache_loop.run_until_complete(work)
            except Exception:
                pass
            return max(longest)

        names = [declaration.name for declaration in operations(cache)]
        for name in names:  # connects, and sends scripts
            run(name)
        with _blocking_calls() as blocking:
            for name in names:
                before = len(blocking)
                longest = quickest(partial(run, name), below=_HELD)
                if len(blocking) > before:
                    held[name] = blocking[before]
                elif longest >= _HELD:
                    held[name] = f"{longest * 1000:.0f} ms of work"
        assert not held, f"the event loop is held by {held}"

    def test_memory_does_not_grow_with_keys(self, tested: Callable[..., RedisCache]) -> None:
        """One object serves a process for as long as that lives: what it keeps for each key that
        it has ever seen, is all of them some day."""
        cache, count = tested(**self.bounded), 200

        def use(turn: int) -> None:
            for number in range(count):
                key = f"{turn}-key-{number}"
                cache.set(key, number, 60)
                cache.get(key)
                cache.touch(key, 60)
                cache.add(f"{key}-added", number, 60)
                cache.has_key(f"{key}-missing")
                cache.hset(f"{key}-hash", "f", 1)
            cache.set_many({f"{turn}-many-{number}": number for number in range(count)}, 60)
            cache.get_many([f"{turn}-many-{number}" for number in range(count)])

        tracemalloc.start(_FRAMES)  # before what is forgotten for others was kept
        try:
            for start in range(0, self.remembered, 1000):
                keys = [f"remembered-{number}" for number in range(start, start + 1000)]
                cache.set_many(dict.fromkeys(keys, 1), 60)
                cache.get_many(keys)
            use(0)
            grown = []
            for turn in range(1, 4):
                before = _taken_here()
                use(turn)
                grown.append(_taken_here() - before)
                if grown[-1] <= count * _GROWN:
                    return
        finally:
            tracemalloc.stop()
        pytest.fail(
            f"{count} keys that were never used before cost {min(grown)} bytes of memory, each "
            "time: keep nothing by key, or give what is kept a bound, and state that: `remembered` "
            "is how many keys it is, `bounded` are options that make it low"
        )


def _taken_here() -> int:
    """Bytes that are in use and were taken by what this file calls. Other threads come and go: what
    listens to a server that ended connects again and again, each time with some buffers."""
    gc.collect()
    here = _taken_here.__code__.co_filename
    # By place, and not by `filter_traces`, which looks at each piece of memory: where a client
    # remembers thousands of keys, that takes ten times as long as all calls.
    return sum(
        place.size
        for place in tracemalloc.take_snapshot().statistics("traceback")
        if any(frame.filename == here for frame in place.traceback)
    )


class _Theirs(redis.Redis):
    """A client of the caller's, which counts what it is asked."""

    asked = 0

    def execute_command(self, *args: Any, **options: Any) -> Any:
        self.asked += 1
        return super().execute_command(*args, **options)  # type: ignore[no-untyped-call]


def _watch_generators(client: type[Any], monkeypatch: pytest.MonkeyPatch) -> Watch:
    """All generators that the client's methods make from now on, with who has made them."""
    made: Watch = []

    def watching(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def method(*args: Any, **kwargs: Any) -> Any:
            generator = function(*args, **kwargs)
            code = sys._getframe(1).f_code
            line = f"{code.co_filename}, line {sys._getframe(1).f_lineno}"
            made.append((generator, f"{function.__qualname__}() in {code.co_qualname}() ({line})"))
            return generator

        return method

    for cls in client.__mro__[:-1]:
        for name, function in list(vars(cls).items()):
            if inspect.isgeneratorfunction(function):
                monkeypatch.setattr(cls, name, watching(function))
    return made


@types.coroutine
def _timed(work: Coroutine[Any, Any, Any], steps: list[float]) -> Generator[Any, Any, Any]:
    """``work``, and the seconds of each of its steps from one ``await`` to the next."""
    resume: Callable[[Any], Any] = work.send
    given: Any = None
    while True:
        began = time.monotonic()
        try:
            awaited = resume(given)
        except StopIteration as stop:
            return stop.value
        finally:
            steps.append(time.monotonic() - began)
        try:
            resume, given = work.send, (yield awaited)
        except BaseException as error:
            resume, given = work.throw, error


@contextmanager
def _blocking_calls() -> Iterator[list[str]]:
    """Notes who sleeps, or waits for a socket, in a thread where an event loop runs."""
    seen: list[str] = []
    with pytest.MonkeyPatch.context() as patch:

        def noting(owner: Any, name: str, what: str, blocks: Callable[..., bool]) -> None:
            function = getattr(owner, name)

            @functools.wraps(function)
            def noted(*args: Any, **kwargs: Any) -> Any:
                if asyncio._get_running_loop() is not None and blocks(*args):
                    code = sys._getframe(1)
                    seen.append(f"{what} ({code.f_code.co_filename}, line {code.f_lineno})")
                return function(*args, **kwargs)

            patch.setattr(owner, name, noted)

        noting(time, "sleep", "time.sleep()", lambda *args: True)
        noting(threading.Event, "wait", "Event.wait()", lambda event, *args: not event.is_set())
        for name in ("connect", "send", "sendall", "recv", "recv_into"):
            noting(socket.socket, name, f"{name}() of a socket", _waits)
        yield seen


def _waits(sock: socket.socket, *args: Any) -> bool:
    return sock.gettimeout() != 0
