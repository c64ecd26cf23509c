"""The promise: whatever interrupts a call between sending and reading, nobody gets another's value.

A connection that still owes a reply would give it to the next caller. So connections go back to
the pool only on the way of success; these tests interrupt calls at random moments and then look
for one wrong value.
"""

from __future__ import annotations

import asyncio
import random
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

import pytest

from django_redis_core.cache import RedisCache
from django_redis_core.exceptions import ConnectionInterrupted
from django_redis_core.testing.proxy import FaultProxy

KEYS = [f"key{number}" for number in range(50)]
INTERRUPTS = 600


# What strikes while a connection is being collected is dropped by Python, with a warning.
DROPPED_IN_FINALIZERS = pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)


class Interrupt(BaseException):
    """What a task's time limit, a greenlet's timeout or Ctrl-C raises: not an Exception."""


class Alarm:
    """Raises Interrupt in this thread once, wherever it is, by a signal.

    Python drops what is raised inside a finalizer, so ``struck`` says that the time has come even
    when nobody saw the exception.
    """

    def __init__(self, seconds: float) -> None:
        self.struck = False
        self._seconds = seconds

    def _strike(self, number: int, frame: FrameType | None) -> None:
        self.struck = True
        raise Interrupt

    def __enter__(self) -> Alarm:
        self._before = signal.signal(signal.SIGALRM, self._strike)
        signal.setitimer(signal.ITIMER_REAL, self._seconds)
        return self

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self._before)


def filled(cache: RedisCache) -> RedisCache:
    cache.set_many({key: f"value of {key}" for key in KEYS})
    return cache


def check(key: str, value: object) -> None:
    assert value == f"value of {key}", f"{key} gave {value!r}"


def one_operation(cache: RedisCache, key: str) -> None:
    """A read of one kind or another, checked."""
    kind = random.randrange(4)
    if kind == 0:
        check(key, cache.get(key))
    elif kind == 1:
        for name, value in cache.get_many([key, random.choice(KEYS)]).items():
            check(name, value)
    elif kind == 2:
        with cache.pipeline() as pipe:
            first, second = pipe.get(key), pipe.ttl(key)
        check(key, first.value)
        assert 0 < (second.value or 0) <= 300
    else:
        cache.set(key, f"value of {key}")


@DROPPED_IN_FINALIZERS
def test_a_signal_at_a_random_moment_never_leaves_a_reply_for_the_next_caller(
    proxy: FaultProxy, cache_at: Callable[..., RedisCache]
) -> None:
    proxy.latency(0.0003)  # so that most interrupts fall between sending and reading
    cache = filled(cache_at(proxy.url))
    struck = 0
    while struck < INTERRUPTS:
        with suppress(Interrupt), Alarm(random.uniform(0.0001, 0.002)) as alarm:
            while not alarm.struck:
                one_operation(cache, random.choice(KEYS))
        struck += 1
        key = random.choice(KEYS)
        check(key, cache.get(key))


@DROPPED_IN_FINALIZERS
def test_threads_go_on_while_one_of_them_is_interrupted(
    proxy: FaultProxy, cache_at: Callable[..., RedisCache]
) -> None:
    cache = filled(cache_at(proxy.url))
    wrong: list[BaseException] = []
    stop = threading.Event()

    def reader() -> None:
        try:
            while not stop.is_set():
                one_operation(cache, random.choice(KEYS))
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=reader) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(100):
            with suppress(Interrupt), Alarm(random.uniform(0.0005, 0.005)) as alarm:
                while not alarm.struck:
                    one_operation(cache, random.choice(KEYS))
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not wrong


async def test_cancelling_a_task_never_shifts_the_replies_of_others(
    proxy: FaultProxy, cache_at: Callable[..., RedisCache]
) -> None:
    proxy.latency(0.0003)
    cache = cache_at(proxy.url)
    await cache.aset_many({key: f"value of {key}" for key in KEYS})
    cancelled = 0

    async def reader() -> None:
        while True:
            key = random.choice(KEYS)
            check(key, await cache.aget(key))
            for name, value in (await cache.aget_many([key, random.choice(KEYS)])).items():
                check(name, value)
            async with cache.apipeline() as pipe:
                queued = pipe.get(key)
            check(key, queued.value)

    while cancelled < INTERRUPTS:
        tasks = [asyncio.create_task(reader()) for _ in range(20)]
        await asyncio.sleep(random.uniform(0, 0.003))
        for task in tasks:
            task.cancel()
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            assert isinstance(outcome, asyncio.CancelledError), outcome
            cancelled += 1
        key = random.choice(KEYS)
        check(key, await cache.aget(key))


async def test_a_task_that_is_cancelled_while_connecting_takes_nothing_from_those_who_wait(
    proxy: FaultProxy, cache_at: Callable[..., RedisCache]
) -> None:
    proxy.latency(0.02)
    cache = cache_at(proxy.url)
    first = asyncio.create_task(cache.aget("nothing"))
    await asyncio.sleep(0.01)
    others = [asyncio.create_task(cache.aget("nothing", "default")) for _ in range(5)]
    await asyncio.sleep(0)
    first.cancel()
    assert await asyncio.gather(*others) == ["default"] * 5
    with pytest.raises(asyncio.CancelledError):
        await first


def test_a_reply_that_was_cut_off_is_not_continued_by_the_next_one(
    proxy: FaultProxy, cache_at: Callable[..., RedisCache]
) -> None:
    """Connections that break after n bytes of reply, for many n: right values or errors only."""
    cache = filled(cache_at(proxy.url, BREAKER_FAILURES=0))
    for size in range(1, 120, 3):
        proxy.cut_after(size)
        for key in random.sample(KEYS, 3):
            with suppress(ConnectionInterrupted):
                check(key, cache.get(key))
        proxy.heal()
        check(KEYS[0], cache.get(KEYS[0]))


def test_replies_in_slices_are_put_together(
    proxy: FaultProxy, cache_at: Callable[..., RedisCache]
) -> None:
    cache = cache_at(proxy.url)
    value = "long " * 500
    cache.set("long", value)
    proxy.slice(7)
    started = time.monotonic()
    assert cache.get("long") == value
    assert cache.get_many(["long", "nothing"]) == {"long": value}
    assert time.monotonic() - started < 3
