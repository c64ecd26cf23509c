"""Counting: incr and decr."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from ..._operations import counters
from ..._operations.declare import Family
from ...exceptions import NotANumberError, WrongTypeError
from ..caller import Caller
from .suite import Suite, in_threads


class CountersSuite(Suite):
    covers: ClassVar[type[Family]] = counters.Counters

    def test_incr_adds_and_returns_the_sum(self, cache: Caller) -> None:
        cache.set("k", 41)
        assert cache.incr("k") == 42
        assert cache.incr("k", 10) == 52
        assert cache.incr("k", -2) == 50
        assert cache.incr("k", 0) == 50
        assert cache.get("k") == 50
        assert type(cache.get("k")) is int

    def test_decr_subtracts_and_returns_the_difference(self, cache: Caller) -> None:
        cache.set("k", 43)
        assert cache.decr("k") == 42
        assert cache.decr("k", 44) == -2
        assert cache.decr("k", -2) == 0
        assert cache.get("k") == 0

    def test_a_missing_key_cannot_be_counted(self, cache: Caller) -> None:
        with pytest.raises(ValueError, match="missing"):
            cache.incr("missing")
        with pytest.raises(ValueError, match="missing"):
            cache.decr("missing")
        assert cache.has_key("missing") is False

    def test_ignore_key_check_starts_at_zero(self, cache: Caller) -> None:
        assert cache.incr("up", 5, ignore_key_check=True) == 5
        assert cache.incr("up", 5, ignore_key_check=True) == 10
        assert cache.decr("down", 5, ignore_key_check=True) == -5
        assert cache.get("up") == 10

    def test_ignore_key_check_counts_any_number(self, cache: Caller) -> None:
        assert cache.incr("huge", 2**64, ignore_key_check=True) == 2**64
        assert cache.incr("huge", ignore_key_check=True) == 2**64 + 1
        cache.set("float", 1.5)
        assert cache.incr("float", ignore_key_check=True) == 2.5
        cache.set("text", "1")
        with pytest.raises(NotANumberError):
            cache.incr("text", ignore_key_check=True)

    def test_a_version_counts_alone(self, cache: Caller) -> None:
        cache.set("k", 1)
        cache.set("k", 10, version=2)
        assert cache.incr("k", version=2) == 11
        assert cache.decr("k", 2, 2) == 9
        assert cache.get("k") == 1

    @pytest.mark.parametrize(
        ("start", "delta"),
        [
            (2**63 - 1, 1),
            (-(2**63), -1),
            (2**63, 1),
            (2**63, -1),
            (2**53, 1),
            (10**30, 10**30),
            (1, 2**70),
            (1, -(2**70)),
        ],
    )
    def test_ints_of_any_size_count_exactly(self, cache: Caller, start: int, delta: int) -> None:
        cache.set("k", start)
        assert cache.incr("k", delta) == start + delta
        assert cache.get("k") == start + delta
        assert cache.decr("k", delta) == start
        assert cache.get("k") == start

    def test_floats_count(self, cache: Caller) -> None:
        cache.set("float", 1.5)
        assert cache.incr("float") == 2.5
        assert cache.decr("float", 0.5) == 2.0
        assert cache.get("float") == 2.0
        cache.set("int", 1)
        assert cache.incr("int", 0.5) == 1.5
        assert cache.get("int") == 1.5

    @pytest.mark.parametrize("value", ["1", "text", [1], None, True, b"1"], ids=repr)
    def test_what_is_no_number_is_one_error(self, cache: Caller, value: Any) -> None:
        cache.set("k", value)
        with pytest.raises(NotANumberError, match=":k'"):
            cache.incr("k")
        with pytest.raises(NotANumberError, match=":k'"):
            cache.decr("k")
        assert cache.get("k") == value

    def test_a_delta_that_is_no_number_is_refused(self, cache: Caller) -> None:
        cache.set("k", 1)
        for delta in ("5", True, None):
            with pytest.raises(TypeError, match="delta"):
                cache.incr("k", delta)
        assert cache.get("k") == 1

    @pytest.mark.parametrize("value", [1, 2**63, 1.5], ids=repr)
    def test_counting_keeps_the_expiry(self, cache: Caller, value: Any) -> None:
        cache.set("k", value, 10)
        cache.incr("k")
        cache.decr("k")
        assert 5_000 < cache.pttl("k") <= 10_000
        cache.persist("k")
        cache.incr("k")
        assert cache.pttl("k") is None

    def test_another_data_type_cannot_be_counted(self, cache: Caller) -> None:
        client, full = cache.raw("k")
        client.rpush(full, "item")
        with pytest.raises(WrongTypeError):
            cache.incr("k")
        with pytest.raises(WrongTypeError):
            cache.incr("k", ignore_key_check=True)

    @pytest.mark.parametrize("start", [0, 2**63 - 400, 0.0], ids=["int", "past 64 bits", "float"])
    def test_eight_threads_lose_no_increment(self, cache: Caller, start: Any) -> None:
        cache.set("k", start)
        steps = 100 if start.__class__ is int else 25

        def count(mine: Caller) -> list[Any]:
            return [mine.incr("k") for _ in range(steps)]

        seen = [number for numbers in in_threads(8, cache, count) for number in numbers]
        assert cache.get("k") == start + 8 * steps
        assert len(set(seen)) == 8 * steps, "two callers were given one number"
