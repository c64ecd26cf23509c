"""``HERD_REFRESH``: a value is computed before it has expired, or where nobody waits for it."""

from __future__ import annotations

import asyncio
import ctypes
import logging
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from django.db import connections

from django_redis_core.cache import RedisCache
from django_redis_core.testing.forks import in_child
from django_redis_core_herd import workers
from django_redis_core_herd.client import HerdClient

from .conftest import Clock

CROWD = 20
#: Seconds, as the last resort of what waits for an event.
PATIENCE = 30

Make = Callable[..., RedisCache]


def client_of(cache: RedisCache) -> HerdClient:
    client = cache._engine.client
    assert isinstance(client, HerdClient)
    return client


def settle(cache: RedisCache) -> None:
    """Returns when nothing is computed in the background any more."""
    for worker in list(client_of(cache).workers.running):
        assert worker.ended.wait(PATIENCE)


@pytest.fixture
def made(make_cache: Make, herd_format: str) -> Make:
    def make(**options: Any) -> RedisCache:
        every = {"CLIENT": "herd", "HERD_FORMAT": herd_format, "HERD_REFRESH": "background"}
        return make_cache({**every, **options}, KEY_PREFIX=f"herd-{uuid4().hex[:8]}")

    return make


@pytest.fixture
def background(made: Make, clock: Clock) -> RedisCache:
    return made()


class Slow:
    """A function that takes until it is let go, and counts its calls."""

    def __init__(self, value: Any = "new") -> None:
        self.value = value
        self.calls = 0
        self.threads: list[int] = []
        self.begun, self.go = threading.Event(), threading.Event()

    def __call__(self) -> Any:
        self.calls += 1
        self.threads.append(threading.get_ident())
        self.begun.set()
        assert self.go.wait(PATIENCE)
        return self.value


@pytest.fixture
def slow() -> Iterator[Slow]:
    slow = Slow()
    yield slow
    slow.go.set()


@pytest.fixture
def always_due(monkeypatch: pytest.MonkeyPatch) -> None:
    """The luckiest draws: about 37 times as early as a value took."""
    monkeypatch.setattr(random, "random", lambda: 1 - 2**-53)


def costing(clock: Clock, seconds: float, value: Any) -> Callable[[], Any]:
    """A function that takes so long, and none of the test's time."""

    def computed() -> Any:
        clock.ahead += seconds
        return value

    return computed


# A stampede


def test_nobody_waits_for_what_has_expired(
    background: RedisCache, clock: Clock, slow: Slow
) -> None:
    background.set("k", "old", 10)
    clock.ahead += 12
    with ThreadPoolExecutor(CROWD) as threads:
        seen = Counter(
            threads.map(lambda _: background.get_or_set("k", slow, 60), range(3 * CROWD))
        )
    # All have ended, and the value is still being computed.
    assert slow.begun.wait(PATIENCE)
    assert not slow.go.is_set()
    assert seen == {"old": 3 * CROWD}
    slow.go.set()
    settle(background)
    assert background.get("k") == "new"
    assert slow.calls == 1
    assert threading.get_ident() not in slow.threads


@pytest.mark.usefixtures("always_due")
def test_nobody_waits_for_what_is_about_to_expire(
    background: RedisCache, clock: Clock, slow: Slow
) -> None:
    assert background.get_or_set("k", costing(clock, 2, "old"), 60) == "old"
    with ThreadPoolExecutor(CROWD) as threads:
        seen = Counter(
            threads.map(lambda _: background.get_or_set("k", slow, 60), range(3 * CROWD))
        )
    assert seen == {"old": 3 * CROWD}
    slow.go.set()
    settle(background)
    assert slow.calls == 1
    assert background.get("k") == "new"
    assert 40_000 < background.pttl("k") <= 61_000


async def test_tasks_do_not_wait(made: Make, clock: Clock) -> None:
    cache = made()
    begun, go, calls = asyncio.Event(), asyncio.Event(), []

    async def compute() -> str:
        calls.append(1)
        begun.set()
        await asyncio.wait_for(go.wait(), PATIENCE)
        return "new"

    await cache.aset("k", "old", 10)
    clock.ahead += 12
    readers = [cache.aget_or_set("k", compute, 60) for _ in range(3 * CROWD)]
    assert Counter(await asyncio.gather(*readers)) == {"old": 3 * CROWD}
    await asyncio.wait_for(begun.wait(), PATIENCE)
    go.set()
    for worker in list(client_of(cache).workers.running):
        assert worker.task is not None
        await asyncio.wait_for(worker.task, PATIENCE)
    assert calls == [1]
    assert await cache.aget("k") == "new"


async def test_a_function_does_not_hold_up_the_loop(made: Make, clock: Clock, slow: Slow) -> None:
    cache = made()
    await cache.aset("k", "old", 10)
    clock.ahead += 12
    assert await cache.aget_or_set("k", slow, 60) == "old"
    assert await asyncio.to_thread(slow.begun.wait, PATIENCE)
    slow.go.set()
    for worker in list(client_of(cache).workers.running):
        assert worker.task is not None
        await asyncio.wait_for(worker.task, PATIENCE)
    assert await cache.aget("k") == "new"
    assert threading.get_ident() not in slow.threads


def test_a_pipeline_does_not_wait(background: RedisCache, clock: Clock, slow: Slow) -> None:
    background.set_many({"k": "old", "fresh": 1}, 10)
    clock.ahead += 12
    background.set("fresh", 1, 10)
    with background.pipeline() as queue:
        queue.get_or_set("k", slow, 60)
        queue.get_or_set("fresh", slow, 60)
        queue.get_or_set("cold", lambda: "computed", 60)
        assert queue.execute() == ["old", 1, "computed"]
    assert slow.begun.wait(PATIENCE)
    slow.go.set()
    settle(background)
    assert background.get("k") == "new"


async def test_a_pipeline_on_asyncio_does_not_wait(made: Make, clock: Clock) -> None:
    cache = made()
    await cache.aset("k", "old", 10)
    clock.ahead += 12
    go = asyncio.Event()

    async def compute() -> str:
        await asyncio.wait_for(go.wait(), PATIENCE)
        return "new"

    async with cache.apipeline() as queue:
        queue.get_or_set("k", compute, 60)
        assert await queue.execute() == ["old"]
    (worker,) = client_of(cache).workers.running
    go.set()
    assert worker.task is not None
    await asyncio.wait_for(worker.task, PATIENCE)
    assert await cache.aget("k") == "new"


# Who computes, and when


@pytest.mark.usefixtures("always_due")
def test_the_caller_computes_where_that_is_asked_for(made: Make, clock: Clock) -> None:
    cache = made(HERD_REFRESH="caller")
    assert cache.get_or_set("k", costing(clock, 2, "old"), 60) == "old"
    seen = []

    def compute() -> str:
        seen.append(cache.get_or_set("k", lambda: pytest.fail("two were elected"), 60))
        return "new"

    assert cache.get_or_set("k", compute, 60) == "new"
    assert seen == ["old"]
    assert cache.get("k") == "new"


@pytest.mark.usefixtures("always_due")
def test_early_is_only_what_was_measured(made: Make, clock: Clock) -> None:
    cache = made()
    cache.set("written", "value", 60)
    assert cache.get_or_set("written", lambda: pytest.fail("it has no cost"), 60) == "value"
    patient = made(HERD_BETA=0)
    patient.get_or_set("k", costing(clock, 2, "value"), 60)
    assert patient.get_or_set("k", lambda: pytest.fail("not before its time"), 60) == "value"
    plain = made(HERD_REFRESH=None)
    plain.get_or_set("k", costing(clock, 2, "value"), 60)
    assert plain.get_or_set("k", lambda: pytest.fail("nobody asked for it"), 60) == "value"


@pytest.mark.usefixtures("always_due")
def test_get_is_never_early(background: RedisCache, clock: Clock) -> None:
    background.get_or_set("k", costing(clock, 2, "value"), 60)
    assert [background.get("k"), background.get("k")] == ["value", "value"]
    assert background.get_many(["k"]) == {"k": "value"}


@pytest.mark.usefixtures("always_due")
def test_a_value_without_expiry_is_never_early(background: RedisCache, clock: Clock) -> None:
    background.get_or_set("k", costing(clock, 2, "value"), None)
    assert background.get_or_set("k", lambda: pytest.fail("it does not expire"), None) == "value"
    assert background.ttl("k") is None


def test_a_cold_key_is_computed_by_who_asks(background: RedisCache) -> None:
    assert background.get_or_set("k", lambda: "cold", 60) == "cold"
    assert background.get("k") == "cold"


def test_a_cold_key_with_a_wait_is_computed_once(made: Make) -> None:
    cache = made(HERD_WAIT=PATIENCE)
    calls = []
    start = threading.Barrier(CROWD)

    def reader(_: int) -> Any:
        start.wait()
        return cache.get_or_set("cold", lambda: calls.append(1) or "value", 60)

    with ThreadPoolExecutor(CROWD) as threads:
        assert set(threads.map(reader, range(CROWD))) == {"value"}
    assert calls == [1]


# What others do meanwhile


@pytest.mark.parametrize("early", [False, True], ids=["expired", "early"])
def test_what_is_deleted_meanwhile_stays_so(
    background: RedisCache, clock: Clock, slow: Slow, early: bool, request: pytest.FixtureRequest
) -> None:
    if early:
        request.getfixturevalue("always_due")
    background.get_or_set("k", costing(clock, 2, "old"), 60)
    clock.ahead += 0 if early else 62
    assert background.get_or_set("k", slow, 60) == "old"
    assert slow.begun.wait(PATIENCE)
    background.delete("k")
    slow.go.set()
    settle(background)
    assert background.get("k") is None


@pytest.mark.parametrize("early", [False, True], ids=["expired", "early"])
def test_what_is_stored_meanwhile_wins(
    background: RedisCache, clock: Clock, slow: Slow, early: bool, request: pytest.FixtureRequest
) -> None:
    if early:
        request.getfixturevalue("always_due")
    background.get_or_set("k", costing(clock, 2, "old"), 60)
    clock.ahead += 0 if early else 62
    assert background.get_or_set("k", slow, 60) == "old"
    assert slow.begun.wait(PATIENCE)
    background.set("k", "theirs", 60)
    slow.go.set()
    settle(background)
    assert background.get("k") == "theirs"


# When it goes wrong


def test_what_fails_is_told_once_and_tried_again_after_the_lease(
    made: Make, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    cache = made(HERD_LEASE=0.3)
    cache.set("k", "old", 10)
    clock.ahead += 12
    calls = []

    def failing() -> Any:
        calls.append(1)
        raise LookupError("no such row")

    with caplog.at_level(logging.ERROR, logger=workers.__name__):
        assert [cache.get_or_set("k", failing, 60) for _ in range(5)] == ["old"] * 5
        settle(cache)
    assert calls == [1]
    (record,) = caplog.records
    assert "failing failed in the background" in record.getMessage()
    assert record.exc_info is not None
    assert record.exc_info[0] is LookupError
    threading.Event().wait(0.35)  # the lease's end, which is by the server's clock in one format
    clock.ahead += 1
    assert cache.get_or_set("k", lambda: "new", 60) == "old"
    settle(cache)
    assert cache.get("k") == "new"


class TimeLimit(Exception):
    """As a site's own code sets it in another thread."""


def test_a_time_limit_in_the_thread_is_told(
    background: RedisCache, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    background.set("k", "old", 10)
    clock.ahead += 12
    begun: list[int] = []
    inside = threading.Event()

    def spinning() -> Any:
        begun.append(threading.get_ident())
        inside.set()
        while True:
            pass

    with caplog.at_level(logging.ERROR):
        assert background.get_or_set("k", spinning, 60) == "old"
        assert inside.wait(PATIENCE)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(begun[0]), ctypes.py_object(TimeLimit)
        )
        settle(background)
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [TimeLimit]
    assert not client_of(background).workers.running


def test_an_outage_shows_what_there_is(background: RedisCache, clock: Clock) -> None:
    """The primary takes no writes, so nobody can be elected."""
    background.set("k", "old", 10)
    clock.ahead += 12
    raw = background.raw_client()
    raw.config_set("min-replicas-to-write", 1)
    try:
        assert background.get_or_set("k", lambda: pytest.fail("computed"), 60) == "old"
    finally:
        raw.config_set("min-replicas-to-write", 0)
    assert not client_of(background).workers.running


# How much of it


def test_no_more_than_the_workers_there_are(made: Make, clock: Clock, slow: Slow) -> None:
    cache = made(HERD_WORKERS=1)
    cache.set_many({"a": "old", "b": "old"}, 10)
    clock.ahead += 12
    assert cache.get_or_set("a", slow, 60) == "old"
    assert slow.begun.wait(PATIENCE)
    assert cache.get_or_set("b", lambda: pytest.fail("computed"), 60) == "old"
    slow.go.set()
    settle(cache)
    # Nobody was elected for it, so it need not wait for a lease to end.
    assert cache.get_or_set("b", lambda: "new", 60) == "old"
    settle(cache)
    assert cache.get_many(["a", "b"]) == {"a": "new", "b": "new"}


def test_threads_end_with_their_work(background: RedisCache, clock: Clock) -> None:
    background.set("k", "old", 10)
    clock.ahead += 12
    found = []
    background.get_or_set("k", lambda: found.append(threading.current_thread()), 60)
    settle(background)
    (thread,) = found
    thread.join(PATIENCE)
    assert not thread.is_alive()
    assert thread.daemon, "the end of a process does not wait for it"


def test_connections_to_databases_end_with_the_thread(
    background: RedisCache, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed: list[int] = []
    closed: list[int] = []
    monkeypatch.setattr(connections, "close_all", lambda: closed.append(threading.get_ident()))
    background.set("k", "old", 10)
    clock.ahead += 12
    background.get_or_set("k", lambda: computed.append(threading.get_ident()), 60)
    settle(background)
    assert closed == computed
    assert len(closed) == 1


def test_a_child_begins_with_none(background: RedisCache, clock: Clock, slow: Slow) -> None:
    background.set_many({"a": "old", "b": "old"}, 10)
    clock.ahead += 12
    assert background.get_or_set("a", slow, 60) == "old"
    assert slow.begun.wait(PATIENCE)

    def in_the_child() -> None:
        assert not client_of(background).workers.running
        assert background.get_or_set("b", lambda: "new", 60) == "old"
        settle(background)
        assert background.get("b") == "new"

    assert in_child(in_the_child) == 0
    slow.go.set()
    settle(background)
    assert background.get_many(["a", "b"]) == {"a": "new", "b": "new"}


def test_other_settings_end_it(background: RedisCache, clock: Clock, slow: Slow) -> None:
    background.set_many({"a": "old", "b": "old"}, 10)
    clock.ahead += 12
    assert background.get_or_set("a", slow, 60) == "old"
    assert slow.begun.wait(PATIENCE)
    threading.Timer(0.1, slow.go.set).start()
    background._engine.forgotten()
    assert not client_of(background).workers.running, "it has waited for the thread"
    assert background.get("a") == "old", "what was computed afterwards is not stored"
    # Who holds the cache still is served, and nothing runs behind.
    assert background.get_or_set("b", lambda: "new", 60) == "new"
    assert background.get("b") == "new"


async def test_other_settings_end_tasks(made: Make, clock: Clock) -> None:
    cache = made()
    await cache.aset("k", "old", 10)
    clock.ahead += 12
    begun = asyncio.Event()

    async def compute() -> None:
        begun.set()
        await asyncio.sleep(PATIENCE)

    assert await cache.aget_or_set("k", compute, 60) == "old"
    await asyncio.wait_for(begun.wait(), PATIENCE)
    (worker,) = client_of(cache).workers.running
    cache._engine.forgotten()
    assert worker.task is not None
    with pytest.raises(asyncio.CancelledError):
        await worker.task
    assert not client_of(cache).workers.running


def test_a_loop_that_ends_with_the_call_begins_nothing(
    background: RedisCache, clock: Clock
) -> None:
    """Whatever it begins is cancelled, so that nobody would ever compute the value."""
    from asgiref.sync import async_to_sync

    background.set("k", "old", 10)
    clock.ahead += 12

    async def compute() -> str:
        await asyncio.sleep(0)
        return "new"

    assert async_to_sync(background.aget_or_set)("k", compute, 60) == "new"
    assert background.get("k") == "new"
