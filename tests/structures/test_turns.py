"""``get_or_set(lock=…)``: one worker computes, the others wait for its value, for so long."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest

from django_redis_core.testing.caller import Caller
from django_redis_core.testing.operations.suite import Suite, in_threads


class Costly:
    """A default that takes its time and knows how often it was called."""

    def __init__(self, seconds: float, error: Exception | None = None) -> None:
        self.calls = 0
        self.seconds = seconds
        self.error = error
        self._lock = threading.Lock()

    def __call__(self) -> str:
        with self._lock:
            self.calls += 1
        time.sleep(self.seconds)
        if self.error is not None:
            raise self.error
        return "costly"


class TestTurns(Suite):
    def test_one_of_many_computes(self, cache: Caller) -> None:
        default = Costly(0.2)
        values = in_threads(8, cache, lambda mine: mine.get_or_set("k", default, 60, lock=True))
        assert values == ["costly"] * 8
        assert default.calls == 1
        assert 50 < cache.ttl("k") <= 60

    def test_without_a_lock_many_compute(self, cache: Caller) -> None:
        both = threading.Barrier(2)

        def default() -> str:
            both.wait(30)  # each waits until another one computes too
            return "costly"

        values = in_threads(2, cache, lambda mine: mine.get_or_set("k", default, 60))
        assert values == ["costly"] * 2

    def test_a_hit_takes_no_lock(self, cache: Caller) -> None:
        cache.set("k", "value")
        client, full = cache.raw("k")
        client.set(f"{full}:get_or_set", "held by another")
        assert cache.get_or_set("k", Costly(0), lock=True) == "value"

    def test_the_lock_is_gone_afterwards(self, cache: Caller) -> None:
        cache.get_or_set("k", "value", lock=5)
        client, full = cache.raw("k")
        assert client.keys(f"{full}*") == [full.encode()]

    def test_it_is_gone_after_an_error_too(self, cache: Caller) -> None:
        with pytest.raises(LookupError):
            cache.get_or_set("k", Costly(0, LookupError()), lock=5)
        client, full = cache.raw("k")
        assert client.keys(f"{full}*") == []
        assert cache.get_or_set("k", "value", lock=5) == "value"

    def test_waiting_has_an_end(self, cache: Caller) -> None:
        client, full = cache.raw("k")
        client.set(f"{full}:get_or_set", "its holder died")
        default = Costly(0)
        before = time.monotonic()
        assert cache.get_or_set("k", default, lock=0.3) == "costly"
        assert 0.3 <= time.monotonic() - before < 30
        assert default.calls == 1
        # What is held by another is not taken from it.
        assert client.get(f"{full}:get_or_set") == b"its holder died"

    def test_the_next_one_computes_when_the_holder_has_died(self, cache: Caller) -> None:
        client, full = cache.raw("k")
        client.set(f"{full}:get_or_set", "its holder died", px=100)
        default = Costly(0.1)
        values = in_threads(4, cache, lambda mine: mine.get_or_set("k", default, lock=5))
        assert (values, default.calls) == (["costly"] * 4, 1)

    def test_who_waits_is_told_of_the_value(self, cache: Caller) -> None:
        client, full = cache.raw("k")
        client.set(f"{full}:get_or_set", "held by another")
        with cache.elsewhere() as other:
            timer = threading.Timer(0.1, other.set, ("k", "theirs"))
            timer.start()
            before = time.monotonic()
            assert cache.get_or_set("k", Costly(0), lock=True) == "theirs"
            assert time.monotonic() - before < 5  # its turn would have come after 10
            timer.join()

    @pytest.mark.parametrize("lock", [0, -1, float("nan")])
    def test_a_lock_needs_time(self, cache: Caller, lock: float) -> None:
        with pytest.raises(ValueError, match=r"more than 0|finite"):
            cache.get_or_set("k", "value", lock=lock)
        with pytest.raises(TypeError):
            cache.get_or_set("k", "value", lock="soon")


class TestAsyncTurns(Suite):
    @pytest.fixture(params=["async"])
    def way(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)

    def test_tasks_of_one_loop(self, cache: Caller) -> None:
        calls = 0

        async def default() -> str:
            nonlocal calls
            calls += 1
            await asyncio.sleep(0.05)
            return "computed"

        async def all_of_them() -> list[Any]:
            return await asyncio.gather(
                *[cache.cache.aget_or_set("k", default, lock=True) for _ in range(20)]
            )

        assert cache.loop.run_until_complete(all_of_them()) == ["computed"] * 20
        assert calls == 1

    def test_an_awaited_default_that_fails_lets_the_next_one_try(self, cache: Caller) -> None:
        async def failing() -> str:
            await asyncio.sleep(0)
            raise LookupError

        with pytest.raises(LookupError):
            cache.get_or_set("k", failing, lock=True)
        before = time.monotonic()
        assert cache.get_or_set("k", "value", lock=True) == "value"
        assert time.monotonic() - before < 5  # its turn would have come after 10

    def test_in_a_pipeline_a_failing_default_fails_alone(self, cache: Caller) -> None:
        async def failing() -> str:
            await asyncio.sleep(0)
            raise LookupError

        async def work() -> list[Any]:
            queue = cache.cache.apipeline()
            queue.set("before", 1)
            queue.get_or_set("k", failing)
            queue.get("before")
            return await queue.execute(raise_on_error=False)

        done, error, value = cache.loop.run_until_complete(work())
        assert (done, type(error), value) == (True, LookupError, 1)
