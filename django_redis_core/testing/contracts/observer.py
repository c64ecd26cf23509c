"""What every observer promises: it sees all that a cache does, and nobody notices."""

from __future__ import annotations

import asyncio
import gc
import inspect
import logging
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextvars import copy_context
from typing import Any, ClassVar

import pytest

from ...cache import RedisCache
from ...exceptions import WrongTypeError
from ...interfaces import Call, Observer, Trip
from ..caller import new_loop
from ..fixtures import MakeCache
from .plugin import PluginContract

#: Seconds that an observer may take for one call, on a machine that does other things too.
SOON = 0.05


class ObserverContract(PluginContract):
    """An observer's tests. A complete test module::

        from django_redis_core.testing import ObserverContract

        class TestStatsd(ObserverContract):
            name = "statsd"
            options = {"host": "127.0.0.1"}

    with ``pytest_plugins = ["django_redis_core.testing.fixtures"]`` in ``conftest.py``: what it is
    told comes from a cache on a real server. ``cache`` is that cache, ``observer`` the object under
    test; whether its figures are right is for tests of your own.
    """

    kind: ClassVar = "observer"

    @pytest.fixture
    def cache(self, make_cache: MakeCache, caplog: pytest.LogCaptureFixture) -> Iterator[Any]:
        written = {"NAME": self.plugin_class(), "OPTIONS": dict(self.options)}
        with caplog.at_level(logging.ERROR):
            yield make_cache({"OBSERVERS": written}, KEY_PREFIX="observed")
        failed = [one.getMessage() for one in caplog.records if "observer" in one.getMessage()]
        assert not failed, failed

    @pytest.fixture
    def observer(self, cache: RedisCache) -> Observer:
        observers = cache._engine.observers
        assert observers is not None
        return observers.all[0]

    def test_it_observes_something(self) -> None:
        plugin = self.plugin_class()
        names = ("operation", "operation_ended", "round_trip", "round_trip_ended", "attached")
        overridden = [
            name for name in names if getattr(plugin, name) is not getattr(Observer, name)
        ]
        assert overridden, f"{plugin.__name__} overrides none of {', '.join(names)}"
        for name in overridden:
            assert not inspect.iscoroutinefunction(getattr(plugin, name)), (
                f"{name} cannot be awaited"
            )

    def test_it_returns_whom_to_call_or_none(self, cache: RedisCache) -> None:
        for returned in _told(cache, lambda: everything(cache)):
            assert returned is None or callable(returned), f"it returned {returned!r}"

    def test_answers_are_as_without_it(self, cache: RedisCache, make_cache: MakeCache) -> None:
        assert everything(cache) == everything(make_cache())
        with new_loop() as loop:
            native = loop.run_until_complete(aeverything(cache))
            assert native == loop.run_until_complete(aeverything(make_cache()))

    def test_what_goes_wrong_is_seen_and_raised(
        self, cache: RedisCache, make_cache: MakeCache
    ) -> None:
        cache.lpush("list", 1)
        with pytest.raises(WrongTypeError):
            cache.get("list")
        with pytest.raises(ValueError, match="not found"):
            cache.incr("nothing")
        written = {"NAME": self.plugin_class(), "OPTIONS": dict(self.options)}
        nowhere = make_cache(
            {"OBSERVERS": written, "IGNORE_EXCEPTIONS": True}, LOCATION="redis://127.0.0.1:1/0"
        )
        assert nowhere.get("k", "default") == "default"
        assert list(nowhere.iter_keys("*")) == []

    def test_nothing_of_it_stays_in_the_callers_context(self, cache: RedisCache) -> None:
        def look() -> None:
            before = dict(copy_context().items())
            cache.set("k", 1)
            assert dict(copy_context().items()) == before
            for _ in cache.iter_keys("*"):
                assert dict(copy_context().items()) == before, "it leaks between two items"
            with cache.pipeline() as pipe:
                pipe.get("k")
                pipe.get("other")
            with cache.lock("held", timeout=5):
                pass
            assert dict(copy_context().items()) == before

        copy_context().run(look)

    def test_threads_and_tasks_use_it_at_one_time(self, cache: RedisCache) -> None:
        cache.set("k", 1)
        wrong: list[object] = []

        def work() -> None:
            wrong.extend(value for _ in range(50) if (value := cache.get("k")) != 1)

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        async def tasks() -> list[Any]:
            return await asyncio.gather(*[cache.aget("k") for _ in range(200)])

        with new_loop() as loop:
            assert loop.run_until_complete(tasks()) == [1] * 200
        assert not wrong

    def test_it_holds_up_nobody(self, cache: RedisCache) -> None:
        took: list[float] = []
        _told(cache, lambda: everything(cache), took)
        # The first of all may import something, and one may meet a busy machine.
        assert len(took) < 3 or sorted(took)[len(took) // 2] < SOON

    def test_it_keeps_no_call(self, cache: RedisCache) -> None:
        """A call has the caller's values, which may be large or secret."""
        calls: list[weakref.ref[Call]] = []
        _told(cache, lambda: everything(cache), calls=calls)
        gc.collect()
        assert not [call for one in calls if (call := one()) is not None]


def everything(cache: RedisCache) -> list[Any]:
    """What calls of every sort answer, in blocking code."""
    cache.clear()
    answers: list[Any] = [
        cache.set("a", None),
        cache.get("a", "default"),
        cache.get("b", "default"),
        cache.get("b", default="default"),
        cache.set_many({"c": [1, "two"], "d": "text"}),
        cache.get_many(iter(["a", "b", "c"])),
        cache.has_key("c"),
        cache.get_or_set("e", lambda: "made"),
        cache.get_or_set("e", "other"),
        cache.incr("n", 2) if cache.add("n", 1) else None,
        cache.hset("h", "field", 1),
        cache.hget("h", "field"),
        cache.delete_many(iter(["c", "nothing"])),
        sorted(cache.iter_keys("*")),
        next(iter(cache.iter_keys("a"))),
    ]
    with cache.pipeline() as pipe:
        queued = [pipe.get("a", "default"), pipe.get("b", "default"), pipe.incr("n")]
    answers += [result.value for result in queued]
    with cache.lock("held", timeout=5) as lock:
        answers += [lock.owned(), lock.extend(1)]
    return answers


async def aeverything(cache: RedisCache) -> list[Any]:
    """The same on asyncio."""
    await cache.aclear()
    answers: list[Any] = [
        await cache.aset("a", None),
        await cache.aget("a", "default"),
        await cache.aget("b", "default"),
        await cache.aget_many(iter(["a", "b"])),
        await cache.aget_or_set("e", lambda: "made"),
        sorted([key async for key in cache.aiter_keys("*")]),
    ]
    async with cache.apipeline() as pipe:
        queued = [pipe.get("a", "default"), pipe.get("b", "default")]
    answers += [result.value for result in queued]
    async with cache.alock("held", timeout=5) as lock:
        answers.append(await lock.owned())
    return answers


def _told(
    cache: RedisCache,
    work: Callable[[], object],
    took: list[float] | None = None,
    calls: list[weakref.ref[Call]] | None = None,
) -> list[Any]:
    """What the observer's methods return while ``work`` runs on its cache."""
    returned: list[Any] = []

    def watched(method: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def tell(subject: Call | Trip) -> Any:
            began = time.perf_counter()
            answer = method(subject)
            if took is not None:
                took.append(time.perf_counter() - began)
            if calls is not None and isinstance(subject, Call):
                calls.append(weakref.ref(subject))
            if method not in ends:
                returned.append(answer)
            return answer

        return tell

    observers = cache._engine.observers
    assert observers is not None
    watchers = [(one, one.begin, one.end) for one in (observers.calls, observers.trips) if one]
    ends = [end for _, _, end in watchers if end is not None]
    for one, begin, end in watchers:
        one.begin, one.end = watched(begin), end and watched(end)
    try:
        work()
    finally:
        for one, begin, end in watchers:
            one.begin, one.end = begin, end
    return returned
