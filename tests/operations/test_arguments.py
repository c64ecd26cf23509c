"""What goes to a server as a number is looked at first, for its own words name neither operation
nor argument; and what it takes goes on working."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from django_redis_core.cache import RedisCache
from django_redis_core.exceptions import ReplyError
from django_redis_core.testing.clients import PATIENCE
from django_redis_core.testing.servers import Server

NAN, INFINITE = float("nan"), float("inf")
WHOLE = "must be an int, not "

Call = Callable[[RedisCache], Any]

REFUSED: list[tuple[Call, type[Exception], str]] = [
    (lambda c: c.keys("*", itersize=1.5), TypeError, f"keys: itersize {WHOLE}1.5"),
    (lambda c: c.keys("*", itersize=-1), ValueError, "keys: itersize must be 1 or more, not -1"),
    (lambda c: c.keys("*", itersize="x"), TypeError, f"keys: itersize {WHOLE}'x'"),
    (lambda c: c.keys("*", itersize=2**70), ValueError, "keys: itersize must be an int of 64 bits"),
    (lambda c: list(c.iter_keys("*", itersize=True)), TypeError, f"iter_keys: itersize {WHOLE}T"),
    (lambda c: c.delete_pattern("*", itersize=b"9"), TypeError, f"n: itersize {WHOLE}b'9'"),
    (lambda c: c.sscan("s", count=0), ValueError, "sscan: count must be 1 or more, not 0"),
    (lambda c: list(c.sscan_iter("s", count=9.0)), TypeError, f"sscan_iter: count {WHOLE}9.0"),
    (lambda c: c.lrange("l", 0, True), TypeError, f"lrange: end {WHOLE}True"),
    (lambda c: c.lrange("l", None, 1), TypeError, f"lrange: start {WHOLE}None"),
    (lambda c: c.ltrim("l", 0, 2**63), ValueError, "ltrim: end must be an int of 64 bits"),
    (lambda c: c.lrem("l", 1.5, "v"), TypeError, f"lrem: count {WHOLE}1.5"),
    (lambda c: c.lindex("l", "0"), TypeError, f"lindex: index {WHOLE}'0'"),
    (lambda c: c.lpop("l", -1), ValueError, "lpop: count must be None, or 0 or more, not -1"),
    (lambda c: c.rpop("l", "1"), TypeError, f"rpop: count {WHOLE}'1'"),
    (lambda c: c.spop("s", 1.5), TypeError, f"spop: count {WHOLE}1.5"),
    (lambda c: c.srandmember("s", True), TypeError, f"srandmember: count {WHOLE}True"),
    (lambda c: c.zpopmin("z", -2), ValueError, "zpopmin: count must be None, or 0 or more, not -2"),
    (lambda c: c.zrange("z", 0, 1.0), TypeError, f"zrange: end {WHOLE}1.0"),
    (lambda c: c.zrangebyscore("z", 0, 1, 0, "9"), TypeError, f"zrangebyscore: num {WHOLE}'9'"),
    (lambda c: c.zrangebyscore("z", NAN, 1), ValueError, "score: min must be a number, not nan"),
    (lambda c: c.zrevrangebyscore("z", "x", 1), ValueError, "revrangebyscore: max must be a score"),
    (lambda c: c.zcount("z", None, 1), TypeError, "zcount: min must be an int or a float, not Non"),
    (lambda c: c.zadd("z", {"m": True}), TypeError, "zadd: a score must be an int or a float, not"),
    (lambda c: c.zincrby("z", "1", "m"), TypeError, "zincrby: amount must be an int or a float, n"),
    (lambda c: c.hincrby("h", "f", 1.0), TypeError, f"hincrby: amount {WHOLE}1.0"),
    (lambda c: c.hincrby("h", "f", 2**63), ValueError, "hincrby: amount must be an int of 64 bits"),
    (lambda c: c.hget("h", "\ud800"), ValueError, "field must be text that UTF-8 can encode"),
    (lambda c: c.incr("k", "1"), TypeError, "incr: delta must be an int or a float, not '1'"),
    (lambda c: c.decr("k", None), TypeError, "decr: delta must be an int or a float, not None"),
    (lambda c: c.incr_version("k", 1.5), TypeError, f"incr_version: delta {WHOLE}1.5"),
    (lambda c: c.decr_version("k", None), TypeError, f"decr_version: delta {WHOLE}None"),
    (lambda c: c.incr_version("k", 1, "v"), TypeError, "version: the version 'v' is no number"),
    (lambda c: c.lock("k", timeout="9"), TypeError, "lock: timeout must be a finite number of sec"),
    (lambda c: c.lock("k", timeout=-1), ValueError, "lock: timeout must be None, or a number of s"),
    (lambda c: c.lock("k", timeout=0.0001), ValueError, "lock: timeout must be None, or a number"),
    (lambda c: c.lock("k", timeout=1e30), ValueError, "lock: timeout must be None, or a number of"),
    (lambda c: c.lock("k", timeout=NAN), ValueError, "lock: timeout must be a finite number of s"),
    (lambda c: c.lock("k", timeout=True), ValueError, "lock: timeout must be a finite number of "),
    (lambda c: c.lock("k", sleep=-0.1), ValueError, "lock: sleep must be 0 seconds or more, not"),
    (lambda c: c.lock("k", sleep=None), TypeError, "lock: sleep must be a finite number of second"),
    (
        lambda c: c.lock("k", blocking_timeout=INFINITE),
        ValueError,
        "lock: blocking_timeout must be",
    ),
    (lambda c: c.lock("k").acquire(sleep="1"), TypeError, "lock.acquire: sleep must be a finite"),
    (lambda c: c.lock("k").acquire(token=5), TypeError, "lock.acquire: token must be a str or byt"),
    (lambda c: c.lock("k", timeout=1).extend("9"), TypeError, "lock.extend: additional_time must "),
]


@pytest.fixture
def cache(make_cache: Callable[[], RedisCache]) -> RedisCache:
    return make_cache()


@pytest.mark.parametrize(
    ("call", "error", "words"), REFUSED, ids=[words for _, _, words in REFUSED]
)
def test_what_a_server_would_refuse_is_refused_in_words(
    call: Call, error: type[Exception], words: str
) -> None:
    nobody = RedisCache("redis://127.0.0.1:1/0", {})
    with pytest.raises(error) as refused:
        call(nobody)
    assert words in str(refused.value)


def test_the_locks_of_asyncio_are_looked_at_too() -> None:
    nobody = RedisCache("redis://127.0.0.1:1/0", {})

    async def use() -> None:
        with pytest.raises(ValueError, match="lock: timeout must be None, or a number of seconds"):
            nobody.alock("k", timeout=-1)
        with pytest.raises(TypeError, match=r"lock\.acquire: blocking_timeout must be a finite"):
            await nobody.alock("k").acquire(blocking_timeout="1")
        with pytest.raises(TypeError, match=r"lock\.extend: additional_time must be a finite"):
            await nobody.alock("k", timeout=1).extend(None)

    asyncio.run(use())


def test_the_words_with_which_a_server_ends_a_connection_are_told() -> None:
    with Server(config={"proto-max-bulk-len": "1mb"}) as server:
        cache = RedisCache(server.url, {"OPTIONS": PATIENCE})
        for store in (cache.set, cache.add):
            with pytest.raises(ReplyError, match="Protocol error: invalid bulk length"):
                store("k", b"x" * 3_000_000)
            assert cache.get("k") is None
        # A short one is sent before the server has closed the connection, a long one is not.
        for size in (3_000_000, 60_000_000):
            cache.delete("a")
            assert cache.set_many({"a": 1, "k": b"x" * size, "z": 1}) == ["k", "z"]
            assert cache.get("a") == 1


def test_what_it_takes_goes_on_working(cache: RedisCache) -> None:
    cache.set_many({"a": 1, "b": 2})
    for itersize in (None, 0, 1, 500, "9"):
        assert sorted(cache.keys("*", itersize=itersize)) == ["a", "b"]
        assert sorted(cache.iter_keys("*", itersize=itersize)) == ["a", "b"]
        assert cache.delete_pattern("nothing*", itersize=itersize) == 0
    cache.rpush("l", 1, 2)
    assert cache.lrange("l", -(2**63), 2**63 - 1) == [1, 2]
    cache.zadd("z", {"m": float("inf")}, nx=1, gt=None, lt=0)
    assert cache.zrangebyscore("z", "-inf", "+inf") == ["m"]
    cache.expire_at("l", -1e300)
    assert cache.lrange("l", 0, -1) == []


@pytest.mark.parametrize(
    "timeout", [None, 0, 5, 5.5, 0.001, Decimal("5.5"), Fraction(11, 2)], ids=repr
)
def test_times_of_locks_are_numbers_of_any_type(cache: RedisCache, timeout: Any) -> None:
    lock = cache.lock("k", timeout=timeout, sleep=Decimal("0.01"), blocking_timeout=Fraction(1, 50))
    assert lock.acquire()
    if timeout in (None, 0):
        assert cache.ttl("k") is None
    assert timeout == 0.001 or not cache.lock("k", blocking_timeout=-1).acquire()
