"""Fifty threads, and fifty tasks, on one expiring key: its function runs once a period."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from django_redis_core.cache import RedisCache

CROWD = 50
PERIODS = 4
PERIOD = 0.3  # seconds
COMPUTING = 0.05  # seconds, in which all of the crowd come by
LONG = 30  # seconds, as the last resort

Make = Callable[..., RedisCache]


class Work:
    """Something slow, which counts how often it is done and how often at the same time."""

    def __init__(self) -> None:
        self.done = 0
        self.at_once = 0
        self.most_at_once = 0
        self._lock = threading.Lock()

    def begin(self) -> None:
        with self._lock:
            self.done += 1
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)

    def end(self) -> int:
        with self._lock:
            self.at_once -= 1
            return self.done

    def __call__(self) -> int:
        self.begin()
        time.sleep(COMPUTING)
        return self.end()

    async def slowly(self) -> int:
        self.begin()
        await asyncio.sleep(COMPUTING)
        return self.end()


def check(work: Work, seen: Counter[int], began: float) -> None:
    """``seen`` counts the readers of each period's value."""
    periods = (time.monotonic() - began) / PERIOD
    assert work.most_at_once == 1
    assert PERIODS <= work.done <= periods + 1
    assert sorted(seen) == list(range(1, work.done + 1)), "each value was seen, none was invented"


@pytest.mark.parametrize("via", ["get_or_set", "get", "get_many"])
def test_threads(make_cache: Make, via: str) -> None:
    cache = make_cache({"CLIENT": "herd"})
    work = Work()
    cache.set("k", work(), PERIOD)
    began = time.monotonic()

    def value() -> Any:
        if via == "get_or_set":
            return cache.get_or_set("k", work, PERIOD)
        found = cache.get("k") if via == "get" else cache.get_many(["k", "other"]).get("k")
        if found is None:
            found = work()
            cache.set("k", found, PERIOD)
        return found

    def reader(_: int) -> Counter[int]:
        seen: Counter[int] = Counter()
        while work.done < PERIODS and time.monotonic() - began < LONG:
            seen[value()] += 1
            time.sleep(0.005)
        return seen

    with ThreadPoolExecutor(CROWD) as threads:
        seen = sum(threads.map(reader, range(CROWD)), Counter())
    check(work, seen, began)


async def test_tasks(make_cache: Make) -> None:
    cache = make_cache({"CLIENT": "herd"})
    work = Work()
    await cache.aset("k", work(), PERIOD)
    began = time.monotonic()

    async def reader() -> Counter[int]:
        seen: Counter[int] = Counter()
        while work.done < PERIODS and time.monotonic() - began < LONG:
            seen[await cache.aget_or_set("k", work.slowly, PERIOD)] += 1
            await asyncio.sleep(0.005)
        return seen

    seen = sum(await asyncio.gather(*[reader() for _ in range(CROWD)]), Counter())
    check(work, seen, began)


def test_threads_in_django_redis_format(make_cache: Make) -> None:
    """Its expiry has whole seconds, so one of them is enough for a test."""
    cache = make_cache({"CLIENT": "herd", "HERD_FORMAT": "django-redis"})
    work = Work()
    cache.set("k", work(), 0.1)
    expired = math.ceil(time.time() + 0.1) + 0.05

    def reader(_: int) -> int:
        time.sleep(max(expired - time.time(), 0))
        return int(cache.get_or_set("k", work, 60))

    with ThreadPoolExecutor(CROWD) as threads:
        seen = Counter(threads.map(reader, range(CROWD)))
    assert work.done == 2
    assert set(seen) <= {1, 2}


@pytest.mark.parametrize("herd_format", ["native", "django-redis"])
def test_a_cold_key_elects_too_where_others_wait(make_cache: Make, herd_format: str) -> None:
    cache = make_cache({"CLIENT": "herd", "HERD_WAIT": 2, "HERD_FORMAT": herd_format})
    work = Work()
    start = threading.Barrier(CROWD)

    def reader(_: int) -> Any:
        start.wait()
        return cache.get_or_set("cold", work, 60)

    with ThreadPoolExecutor(CROWD) as threads:
        assert set(threads.map(reader, range(CROWD))) == {1}
    assert work.done == 1


async def test_tasks_on_a_cold_key(make_cache: Make) -> None:
    cache = make_cache({"CLIENT": "herd", "HERD_WAIT": 2})
    work = Work()
    readers = [cache.aget_or_set("cold", work.slowly, 60) for _ in range(CROWD)]
    assert set(await asyncio.gather(*readers)) == {1}
    assert work.done == 1


def test_the_elected_computes_at_once_also_where_others_wait(make_cache: Make) -> None:
    cache = make_cache({"CLIENT": "herd", "HERD_WAIT": 2})
    cache.set("k", "old", 0.02)
    time.sleep(0.04)
    assert cache.get_or_set("k", lambda: "new", 10) == "new"


def test_a_wait_for_a_worker_that_died_has_an_end(make_cache: Make) -> None:
    cache = make_cache({"CLIENT": "herd", "HERD_WAIT": 0.2})

    class Killed(BaseException):
        pass

    def killed() -> None:
        raise Killed

    with pytest.raises(Killed):
        cache.get_or_set("cold", killed, 10)
    began = time.monotonic()
    assert cache.get_or_set("cold", lambda: "mine", 10) == "mine"
    assert time.monotonic() - began < 5  # a turn is 10


def test_without_a_wait_a_cold_key_is_computed_by_all(make_cache: Make) -> None:
    """The default, and the reason for the option."""
    cache = make_cache({"CLIENT": "herd"})
    work = Work()
    start = threading.Barrier(4)

    def reader(_: int) -> Any:
        start.wait()
        return cache.get_or_set("cold", work, 60)

    with ThreadPoolExecutor(4) as threads:
        assert len(set(threads.map(reader, range(4)))) == 1, "one value is stored and returned"
    assert work.done == 4
