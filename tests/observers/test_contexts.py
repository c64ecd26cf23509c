"""What an observer makes current nests as the calls do, and nobody else sees it.

The observers here use ``contextvars`` as tracers do: attached with a token before, detached with
that token afterwards, which Python refuses in another context.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from contextvars import ContextVar
from typing import Any

import pytest

from django_redis_core.interfaces import Call, Observer, Trip

from .conftest import MakeObserved

current: ContextVar[tuple[str, ...]] = ContextVar("current", default=())


class Spans(Observer):
    """Each span with those around it."""

    name = "spans"

    def __init__(self) -> None:
        self.calls: list[tuple[str, ...]] = []
        self.trips: list[tuple[str, ...]] = []
        self.order: list[Any] = []
        self.wrong: list[BaseException] = []

    def operation(self, call: Call) -> Any:
        return self._span(call.operation, self.calls)

    def round_trip(self, trip: Trip) -> Any:
        return self._span(" ".join(trip.commands), self.trips)

    def _span(self, name: str, spans: list[tuple[str, ...]]) -> Any:
        path = (*current.get(), name)
        token = current.set(path)

        def ended(subject: Any) -> None:
            try:
                assert current.get() == path
                current.reset(token)  # ValueError in another context
            except BaseException as error:
                self.wrong.append(error)
                raise
            spans.append(path)

        return ended


@pytest.fixture
def spans(observed: MakeObserved) -> Any:
    cache, observer = observed(kind=Spans)
    cache.set_many(dict.fromkeys("abcdefghij", 1))
    observer.calls.clear(), observer.trips.clear()
    yield cache, observer
    assert observer.wrong == []
    assert current.get() == ()


def test_a_trip_lies_in_its_operation_and_that_in_the_callers(spans: Any) -> None:
    cache, observer = spans
    token = current.set(("view",))
    assert cache.get("a") == 1
    assert cache.get_or_set("new", lambda: current.get()) == ("view", "get_or_set")
    current.reset(token)
    assert observer.calls == [("view", "get"), ("view", "get_or_set")]
    assert observer.trips == [
        ("view", "get", "GET"),
        ("view", "get_or_set", "GET"),
        ("view", "get_or_set", "SET GET"),
    ]


def test_tasks(spans: Any) -> None:
    cache, observer = spans

    async def one(number: int) -> None:
        current.set((f"task {number}",))
        await asyncio.gather(*[cache.aget(key) for key in "abc"])
        assert current.get() == (f"task {number}",)

    async def go() -> None:
        await asyncio.gather(*map(one, range(20)))
        late = asyncio.create_task(cache.aget("a"))
        await asyncio.sleep(0)
        late.cancel()
        with pytest.raises(asyncio.CancelledError):
            await late

    asyncio.run(go())
    inside = [(f"task {number}", "get") for number in range(20)] * 3
    assert sorted(observer.calls) == sorted([*inside, ("get",)])
    assert {len(path) for path in observer.trips} == {2, 3}


def test_threads(spans: Any) -> None:
    cache, observer = spans

    def work(name: str) -> None:
        current.set((name,))
        for _ in range(30):
            cache.get("a")
            with cache.pipeline() as pipe:
                pipe.get("b")
        assert current.get() == (name,)

    threads = [threading.Thread(target=work, args=(str(number),)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in map(str, range(6)):
        assert observer.calls.count((number, "get")) == 30
        assert observer.calls.count((number, "pipeline.execute", "get")) == 30


def test_a_stream_leaks_nothing_between_two_items(spans: Any) -> None:
    cache, observer = spans
    token = current.set(("view",))
    keys = cache.iter_keys("?", itersize=2)
    for number, _ in enumerate(keys):
        assert current.get() == ("view",)
        if number == 4:
            assert cache.get("a") == 1
    keys = cache.iter_keys("?", itersize=2)
    next(keys)
    other = threading.Thread(target=keys.close)  # as a collector may
    other.start()
    other.join()
    current.reset(token)
    assert observer.calls == [("view", "get"), ("view", "iter_keys"), ("view", "iter_keys")]
    assert set(observer.trips) == {("view", "get", "GET"), ("view", "iter_keys", "SCAN")}


def test_an_asynchronous_stream_leaks_nothing(spans: Any) -> None:
    cache, observer = spans

    async def go() -> None:
        current.set(("view",))
        task = asyncio.current_task()
        async for _ in cache.aiter_keys("?", itersize=2):
            assert current.get() == ("view",)
            assert asyncio.current_task() is task
            await cache.aget("a")
        keys = cache.aiter_keys("?", itersize=2)
        await anext(keys)
        await asyncio.create_task(keys.aclose())
        assert current.get() == ("view",)

    asyncio.run(go())
    assert observer.calls.count(("view", "iter_keys")) == 2
    assert observer.calls.count(("view", "get")) == 10
    assert set(observer.trips) == {("view", "get", "GET"), ("view", "iter_keys", "SCAN")}


@pytest.mark.parametrize("asynchronous", [False, True])
def test_operations_of_a_pipeline_lie_in_it_and_not_in_each_other(
    spans: Any, asynchronous: bool
) -> None:
    cache, observer = spans

    async def go() -> None:
        async with cache.apipeline() as pipe:
            pipe.get("a")
            pipe.incr("a")
            pipe.get_or_set("new", 1)

    if asynchronous:
        asyncio.run(go())
    else:
        with cache.pipeline() as pipe:
            pipe.get("a")
            pipe.incr("a")
            pipe.get_or_set("new", 1)
    inside = [("pipeline.execute", name) for name in ("get", "incr", "get_or_set")]
    assert observer.calls == [*inside, ("pipeline.execute",)]
    assert all(path[0] == "pipeline.execute" and len(path) == 2 for path in observer.trips)


def test_trips_side_by_side(observed: MakeObserved, redis_server: Any) -> None:
    location = [f"{redis_server.url[:-1]}{database}" for database in (4, 5)]
    cache, observer = observed({"CLIENT": "shard"}, kind=Spans, LOCATION=location)
    keys = [f"key{number}" for number in range(20)]
    cache.get_many(keys)
    asyncio.run(cache.aget_many(keys))
    assert observer.trips == [("get_many", "MGET")] * 4
    assert observer.wrong == []


def test_a_call_inside_a_copied_context(spans: Any) -> None:
    cache, observer = spans
    context = contextvars.copy_context()
    context.run(current.set, ("job",))
    assert context.run(cache.get, "a") == 1
    assert observer.calls == [("job", "get")]


def test_locks(spans: Any) -> None:
    cache, observer = spans
    with cache.lock("held", timeout=5):
        assert current.get() == ()
        cache.get("a")

    async def go() -> None:
        async with cache.alock("held", timeout=5):
            assert current.get() == ()

    asyncio.run(go())
    assert ("lock.acquire",) in observer.calls
    assert ("lock.acquire", "SET") in observer.trips
    assert all(path[0] in ("get", "lock.acquire", "lock.release") for path in observer.trips)
