"""An observer that raises disturbs nobody; what is not its own is not taken for its own."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from typing import Any

import pytest

from django_redis_core.cache import RedisCache
from django_redis_core.interfaces import Call, Observer, Trip
from django_redis_core.testing.fixtures import MakeCache

from .conftest import MakeObserved, Notes


class Raising(Notes):
    """Raises ``error`` in the function of the name ``where``."""

    name = "raising"

    def __init__(self, *, where: str, error: type[BaseException] = RuntimeError) -> None:
        super().__init__()
        self.where, self.error = where, error

    def operation(self, call: Call) -> Any:
        self._here("operation")
        return self._call_ended

    def _call_ended(self, call: Call) -> None:
        self._here("call-ended")

    def round_trip(self, trip: Trip) -> Any:
        self._here("round-trip")
        return self._trip_ended

    def _trip_ended(self, trip: Trip) -> None:
        self._here("trip-ended")

    def _here(self, where: str) -> None:
        if where == self.where:
            raise self.error("of the observer")


class RaisingAtTheEnd(Raising):
    """The same for one that is told of no beginning."""

    name = "raising-at-the-end"
    operation = Observer.operation
    round_trip = Observer.round_trip

    def operation_ended(self, call: Call) -> None:
        self._here("operation-ended")

    def round_trip_ended(self, trip: Trip) -> None:
        self._here("round-trip-ended")


PLACES = [
    "operation",
    "call-ended",
    "round-trip",
    "trip-ended",
    "operation-ended",
    "round-trip-ended",
]


def raising(where: str, **options: Any) -> dict[str, Any]:
    """An entry of OBSERVERS."""
    name = RaisingAtTheEnd if where in PLACES[4:] else Raising
    return {"NAME": name, "OPTIONS": {"where": where, **options}}


def use(cache: RedisCache) -> None:
    """Calls of every sort, with the right answers."""
    assert cache.set("k", 1) is True
    assert cache.get("k") == 1
    assert cache.get("none", "default") == "default"
    assert cache.get_many(["k", "none"]) == {"k": 1}
    assert list(cache.iter_keys("k")) == ["k"]
    with cache.pipeline() as pipe:
        found, absent = pipe.get("k"), pipe.get("none", 2)
    assert (found.value, absent.value) == (1, 2)
    with cache.lock("held", timeout=5) as lock:
        assert lock.owned()

    async def go() -> None:
        assert await cache.aget("k") == 1
        assert [key async for key in cache.aiter_keys("k")] == ["k"]
        async with cache.apipeline() as pipe:
            found = pipe.get("k")
        assert found.value == 1
        async with cache.alock("held", timeout=5):
            pass

    asyncio.run(go())


@pytest.mark.parametrize("where", PLACES)
def test_it_is_logged_once_and_calls_go_on(
    make_cache: MakeCache, caplog: pytest.LogCaptureFixture, where: str
) -> None:
    written = raising(where)
    with caplog.at_level(logging.ERROR):
        use(make_cache({"OBSERVERS": written}, KEY_PREFIX=where))
    (record,) = caplog.records
    assert "An observer of the cache" in record.getMessage()
    assert "test_unruly.Raising" in record.getMessage()
    assert record.exc_info is not None


@pytest.mark.parametrize("where", PLACES)
def test_the_others_are_told_all_the_same(make_cache: MakeCache, where: str) -> None:
    cache = make_cache({"OBSERVERS": [Notes, raising(where), Notes]})
    cache.get("k")
    for notes in cache._engine.observers.all[::2]:  # type: ignore[union-attr]
        assert notes.told()[-1] == ("get", "blocking", 0, 1, "server")  # type: ignore[attr-defined]
        assert notes.travelled()[-1] == ("GET",)  # type: ignore[attr-defined]


@pytest.mark.parametrize("where", PLACES)
def test_what_ends_more_than_a_call_passes(make_cache: MakeCache, where: str) -> None:
    written = raising(where, error=KeyboardInterrupt)
    cache = make_cache({"OBSERVERS": written}, KEY_PREFIX=f"interrupt-{where}")
    with pytest.raises(KeyboardInterrupt):
        cache.get("k")
    cache._engine.observers.all[0].where = ""  # type: ignore[attr-defined,union-attr]
    use(cache)  # no connection was lost or left with a reply


class TimeLimit(Exception):
    """A task's, as a framework's signal handler raises it."""


class Slow(Observer):
    name = "slow"

    def __init__(self, *, where: str) -> None:
        self.where = where

    def operation(self, call: Call) -> Any:
        if self.where == "before":
            _busy()
        return self._ended

    def _ended(self, call: Call) -> None:
        if self.where == "after":
            _busy()


def _busy() -> None:
    until = time.monotonic() + 5
    while time.monotonic() < until:
        pass


@pytest.mark.parametrize("where", ["before", "after"])
@pytest.mark.parametrize("several", [False, True])
def test_a_time_limit_that_strikes_in_an_observer_is_the_sites(
    make_cache: MakeCache, where: str, several: bool
) -> None:
    slow = {"NAME": Slow, "OPTIONS": {"where": where}}
    cache = make_cache({"OBSERVERS": [Notes, slow, Notes] if several else slow})

    def limit(number: int, frame: Any) -> None:
        raise TimeLimit

    before = signal.signal(signal.SIGALRM, limit)
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    try:
        with pytest.raises(TimeLimit):
            cache.get("k")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        for observer in cache._engine.observers.all:  # type: ignore[union-attr]
            if isinstance(observer, Slow):
                observer.where = ""  # the fixture clears the cache
    if several:
        outer = cache._engine.observers.all[0]  # type: ignore[union-attr]
        assert [begun for begun, _ in outer.order].count("begins") == len(outer.calls)  # type: ignore[attr-defined]


def test_one_that_is_a_coroutine_says_so(
    make_cache: MakeCache, caplog: pytest.LogCaptureFixture
) -> None:
    class Native(Observer):
        name = "native"

        def operation(self, call: Call) -> Any:
            return "whom to call"

    with caplog.at_level(logging.ERROR):
        assert make_cache({"OBSERVERS": Native}).get("k", 1) == 1
    assert "'str' object is not callable" in caplog.text


def test_state_in_numbers(observed: MakeObserved, redis_server: Any) -> None:
    attached: list[Any] = []

    class Gauges(Notes):
        name = "gauges"

        def attached(self, alias: str, numbers: Any) -> None:
            attached.append(numbers)

    options = {"CONNECTION_POOL_KWARGS": {"max_connections": 1, "timeout": 5}}
    cache, _ = observed(options, kind=Gauges, KEY_PREFIX="numbers")
    (numbers,) = attached
    server = cache._engine.topology.nodes()[0]

    def state() -> dict[str, float]:
        assert numbers() == cache.numbers()
        return {one.name: one.value for one in numbers() if one.server in ("", server.name)}

    server.links.close_idle()
    assert state()["connections_idle"] == 0
    cache.get("k")
    assert (state()["connections_idle"], state()["connections_in_use"]) == (1, 0)
    link = server.links.take()
    assert (state()["connections_idle"], state()["connections_in_use"]) == (0, 1)
    server.links.give(link)
    assert state()["breaker_open"] == state()["values_unreadable"] == 0

    async def go() -> None:
        await cache.aget("k")
        assert state()["async_connections"] == 1
        assert state()["async_replies_waited_for"] == 0

    asyncio.run(go())
    assert state()["async_connections"] == 0
    down, _ = observed(kind=Gauges, LOCATION="redis://127.0.0.1:1/0")
    for _ in range(4):
        with pytest.raises(Exception, match=r"redis://127\.0\.0\.1:1/0"):
            down.get("k")
    by_name = {one.name: one.value for one in down.numbers()}
    assert by_name["breaker_open"] == 1
    assert by_name["breaker_failures"] >= 3
