"""What was added to plain values: getdel, getex, counters that expire."""

from __future__ import annotations

import time
from typing import Any

import pytest

from django_redis_core.exceptions import NotANumberError, WrongTypeError
from django_redis_core.testing.caller import Caller
from django_redis_core.testing.operations.suite import Suite, in_threads


class TestReadingWithASideEffect(Suite):
    def test_getdel_takes_the_value(self, cache: Caller) -> None:
        cache.set("k", {"a": 1})
        assert cache.getdel("k", "default") == {"a": 1}
        assert cache.getdel("k") is None
        assert cache.getdel("k", "default") == "default"
        cache.set("k", 2, version=2)
        assert cache.getdel("k", version=2) == 2

    def test_one_of_many_gets_it(self, cache: Caller) -> None:
        cache.set("k", "prize")
        got = in_threads(8, cache, lambda mine: mine.getdel("k"))
        assert sorted(got, key=str) == [None] * 7 + ["prize"]

    def test_getex_changes_the_expiry(self, cache: Caller) -> None:
        cache.set("k", "value", None)
        assert cache.getex("k", 20) == "value"
        assert 10_000 < cache.pttl("k") <= 20_000
        assert cache.getex("k", 0.5) == "value"
        assert 0 < cache.pttl("k") <= 500
        assert cache.getex("k", None) == "value"
        assert cache.pttl("k") is None
        assert cache.getex("k") == "value"
        assert 290 < cache.ttl("k") <= 300  # the cache's TIMEOUT
        assert cache.getex("missing", 5, "default") == "default"
        assert cache.has_key("missing") is False

    @pytest.mark.parametrize("timeout", [0, -1, -0.5])
    def test_getex_with_no_time_left_removes(self, cache: Caller, timeout: float) -> None:
        cache.set("k", "value")
        assert cache.getex("k", timeout) == "value"
        assert cache.has_key("k") is False

    def test_getex_with_a_wrong_timeout_keeps_the_value(self, cache: Caller) -> None:
        cache.set("k", "value", 100)
        with pytest.raises(ValueError, match="finite"):
            cache.getex("k", float("nan"))
        with pytest.raises(TypeError, match="timeout"):
            cache.getex("k", "soon")
        assert cache.ttl("k") > 90

    def test_what_cannot_be_read_is_the_default(self, cache: Caller) -> None:
        client, full = cache.raw("k")
        client.set(full, b"\x80garbage")
        assert cache.getex("k", 10, "default") == "default"
        assert cache.getdel("k", "default") == "default"

    def test_another_data_type(self, cache: Caller) -> None:
        cache.rpush("l", 1)
        for call in (cache.getdel, cache.getex):
            with pytest.raises(WrongTypeError):
                call("l")


class TestCountersThatExpire(Suite):
    def test_the_first_count_sets_the_time(self, cache: Caller) -> None:
        assert cache.incr("n", timeout=20) == 1
        assert 10_000 < cache.pttl("n") <= 20_000
        assert cache.incr("n", 5, timeout=500) == 6
        assert cache.pttl("n") <= 20_000
        assert cache.decr("n", 2, timeout=500) == 4
        assert cache.decr("d", 2, timeout=500) == -2
        assert 400 < cache.ttl("d") <= 500

    def test_it_starts_again_when_the_time_is_over(self, cache: Caller) -> None:
        cache.incr("n", timeout=0.05)
        cache.incr("n", timeout=0.05)
        time.sleep(0.1)
        assert cache.incr("n", timeout=0.05) == 1

    def test_a_counter_that_is_there_keeps_its_time(self, cache: Caller) -> None:
        cache.set("n", 1, None)
        assert cache.incr("n", timeout=10) == 2
        assert cache.ttl("n") is None

    def test_none_counts_for_ever(self, cache: Caller) -> None:
        assert cache.incr("n", timeout=None) == 1
        assert cache.ttl("n") is None

    @pytest.mark.parametrize("delta", [1, 1.5, 2**64])
    def test_no_time_leaves_nothing(self, cache: Caller, delta: Any) -> None:
        assert cache.incr("n", delta, timeout=0) == delta
        assert cache.has_key("n") is False

    @pytest.mark.parametrize("delta", [1.5, 2**64, -(2**64)])
    def test_numbers_that_the_server_cannot_add(self, cache: Caller, delta: Any) -> None:
        assert cache.incr("n", delta, timeout=20) == delta
        assert cache.incr("n", delta, timeout=500) == 2 * delta
        assert 10 < cache.ttl("n") <= 20

    def test_what_is_no_number(self, cache: Caller) -> None:
        cache.set("n", "text", None)
        with pytest.raises(NotANumberError):
            cache.incr("n", timeout=10)
        with pytest.raises(ValueError, match="finite"):
            cache.incr("m", timeout=float("inf"))
        assert cache.get("n") == "text"
        assert cache.has_key("m") is False

    def test_eight_threads_create_one_counter(self, cache: Caller) -> None:
        def count(mine: Caller) -> list[int]:
            return [mine.incr("n", timeout=60) for _ in range(25)]

        seen = [number for numbers in in_threads(8, cache, count) for number in numbers]
        assert sorted(seen) == list(range(1, 201))
        assert 50 < cache.ttl("n") <= 60
