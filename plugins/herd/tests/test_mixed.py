"""Processes that know of costs beside those that do not, on the same entries."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from django_redis_core.cache import RedisCache
from django_redis_core_herd.cost import price

from .conftest import Clock
from .test_refresh import always_due, costing, settle  # noqa: F401 - a fixture
from .test_tuples import as_they_read

Make = Callable[..., RedisCache]


@pytest.fixture
def pair(make_cache: Make, herd_format: str, clock: Clock) -> tuple[RedisCache, RedisCache]:
    """A cache that measures, and one that does not, as before there were costs."""
    prefix = f"herd-{uuid4().hex[:8]}"
    options = {"CLIENT": "herd", "HERD_FORMAT": herd_format}
    return (
        make_cache({**options, "HERD_REFRESH": "background"}, KEY_PREFIX=prefix),
        make_cache(options, KEY_PREFIX=prefix),
    )


def test_each_reads_the_other(pair: tuple[RedisCache, RedisCache], clock: Clock) -> None:
    new, old = pair
    new.get_or_set("n", costing(clock, 0.5, ["new"]), 30)
    new.get_or_set("number", costing(clock, 0.5, 5), 30)
    old.get_or_set("o", lambda: ["old"], 30)
    for cache in pair:
        assert cache.get_many(["n", "o", "number"]) == {"n": ["new"], "o": ["old"], "number": 5}
        assert cache.get_or_set("n", list, 30) == ["new"]
        assert cache.get_or_set("o", list, 30) == ["old"]
        assert cache.has_key("n")
        assert 20_000 < cache.pttl("n") <= 31_000
        cache.incr("number")
        cache.decr("number")
        assert cache.add("n", 1, 30) is False
        assert cache.touch("n", 30) is True
    clock.ahead += 32
    assert [old.get("number", "miss"), old.get("number"), new.get("number")] == ["miss", 5, 5]


@pytest.mark.usefixtures("always_due")
def test_one_of_both_is_elected(pair: tuple[RedisCache, RedisCache], clock: Clock) -> None:
    """Early too: who does not know of that sees what it sees while somebody computes."""
    new, old = pair
    new.get_or_set("k", costing(clock, 2, "old"), 60)
    seen: list[Any] = []

    def compute() -> str:
        seen.append(old.get("k", "miss"))
        seen.append(old.get_many(["k"]))
        seen.append(old.get_or_set("k", lambda: pytest.fail("two were elected"), 60))
        return "new"

    assert new.get_or_set("k", compute, 60) == "old"
    settle(new)
    assert seen == ["old", {"k": "old"}, "old"]
    assert [old.get("k"), new.get("k")] == ["new", "new"]


def test_an_entry_keeps_its_places(make_cache: Make, clock: Clock) -> None:
    """What other readers of the native format rely upon: its length, and its millisecond."""
    cache = make_cache({"CLIENT": "herd", "HERD_REFRESH": "caller"})
    cache.get_or_set("k", costing(clock, 3, 7), 60)
    data = cache.raw_client().get(cache.make_key("k"))
    assert data[:3] == b"\xc1hv"
    assert data[11:] == b"7"
    (seconds,) = struct.unpack(">d", data[3:11])
    assert price(seconds) == pytest.approx(3, rel=0.02)
    assert seconds == pytest.approx(clock.time() + 60, abs=2)
    assert price(struct.unpack(">d", _stored_plainly(cache)[3:11])[0]) == 0


def _stored_plainly(cache: RedisCache) -> bytes:
    cache.set("k", 7, 60)
    data: bytes = cache.raw_client().get(cache.make_key("k"))
    return data


@pytest.mark.parametrize("protocol", range(6))
def test_django_redis_reads_a_tuple_with_a_cost(
    make_cache: Make, clock: Clock, protocol: int
) -> None:
    options = {"CLIENT": "herd", "HERD_FORMAT": "django-redis", "HERD_REFRESH": "caller"}
    cache = make_cache({**options, "PICKLE_VERSION": protocol})
    cache.get_or_set("k", costing(clock, 3, {"a": [1]}), 60)
    _, value, until = as_they_read(cache.raw_client().get(cache.make_key("k")))
    assert value == {"a": [1]}
    assert price(until) == pytest.approx(3, rel=0.02)
    # They compare it with int(time.time()), so it ends in the second that a whole number would.
    assert 0 < until - int(until) < 0.0005
    assert int(until) == pytest.approx(time.time() + clock.ahead + 60, abs=2)
    cache.set("k", {"a": [1]}, 60)
    assert type(as_they_read(cache.raw_client().get(cache.make_key("k")))[2]) is int


def test_counting_leaves_the_cost(
    pair: tuple[RedisCache, RedisCache], clock: Clock, herd_format: str
) -> None:
    new, _ = pair
    new.get_or_set("n", costing(clock, 3, 5), 60)
    new.incr("n")
    data = new.raw_client().get(new.make_key("n"))
    if herd_format == "native":
        expires = struct.unpack(">d", data[3:11])[0]
    else:
        _, value, expires = as_they_read(data)
        assert value == 6
    assert price(expires) == pytest.approx(3, rel=0.02)
