"""What callers may write as a timeout, and what they may not: every operation that takes one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from time import monotonic, time
from typing import Any, ClassVar

import pytest
from django.utils.functional import SimpleLazyObject

from ..._operations.declare import Family
from ..caller import Caller
from .suite import Suite, lives

Change = Callable[[Caller, Any], Any]

#: Operations in seconds: the entry "k" is there before.
SECONDS: dict[str, Change] = {
    "set": lambda cache, timeout: cache.set("k", "new", timeout),
    "set xx": lambda cache, timeout: cache.set("k", "new", timeout, xx=True),
    "set_many": lambda cache, timeout: cache.set_many({"k": "new"}, timeout),
    "touch": lambda cache, timeout: cache.touch("k", timeout),
    "expire": lambda cache, timeout: cache.expire("k", timeout),
    "getex": lambda cache, timeout: cache.getex("k", timeout),
}

#: The same for operations that write nothing when the entry is there.
NEW_ONLY: dict[str, Change] = {
    "add": lambda cache, timeout: cache.add("new", "new", timeout),
    "set nx": lambda cache, timeout: cache.set("new", "new", timeout, nx=True),
    "get_or_set": lambda cache, timeout: cache.get_or_set("new", "new", timeout),
}

#: Operations in other units.
OTHERS: dict[str, Change] = {
    "pexpire": lambda cache, timeout: cache.pexpire("k", timeout),
    "expire_at": lambda cache, timeout: cache.expire_at("k", timeout),
    "pexpire_at": lambda cache, timeout: cache.pexpire_at("k", timeout),
}

EVERY = {**SECONDS, **NEW_ONLY, **OTHERS}

#: Those that take a timedelta as well, as django-redis' do.
SPANS = ("expire", "pexpire")


class Whole:
    """As numpy's ints are."""

    def __init__(self, number: int) -> None:
        self._number = number

    def __index__(self) -> int:
        return self._number


class Real:
    """As numpy's floats are."""

    def __init__(self, number: float) -> None:
        self._number = number

    def __float__(self) -> float:
        return float(self._number)


#: What makes a number of another type of an int.
NUMBERS: tuple[Callable[[int], Any], ...] = (
    Decimal,
    Fraction,
    Whole,
    Real,
    str,
    lambda number: b"%d" % number,
    lambda number: SimpleLazyObject(lambda: number),
)


def each(operations: dict[str, Change]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("change", operations.values(), ids=operations)


class TimeoutsSuite(Suite):
    covers: ClassVar[type[Family]] = Family

    @each(EVERY)
    def test_what_is_no_time_is_refused_and_nothing_changes(
        self, cache: Caller, change: Change
    ) -> None:
        cache.set("k", "old", 100)
        for no_number in (float("nan"), float("inf"), float("-inf")):
            with pytest.raises(ValueError, match="finite"):
                change(cache, no_number)
        for too_far in (10**30, 1e30):
            with pytest.raises(ValueError, match=r"limit of \d+ ms"):
                change(cache, too_far)
        for other in ("soon", "1.5", [10]):
            with pytest.raises(TypeError, match=type(other).__name__):
                change(cache, other)
        assert cache.get("k") == "old"
        assert 90 < cache.ttl("k") <= 100
        assert cache.has_key("new") is False

    def test_numbers_of_other_types_are_numbers(self, cache: Caller) -> None:
        soon = int(time()) + 70
        written: dict[str, int] = dict.fromkeys(EVERY, 70)
        written.update(pexpire=70_000, expire_at=soon, pexpire_at=soon * 1000)
        for kind in NUMBERS:
            for name, change in EVERY.items():
                cache.set("k", "old", 100)
                cache.delete("new")
                change(cache, kind(written[name]))
                left = cache.pttl("new" if name in NEW_ONLY else "k")
                assert 10_000 < left <= 70_000, (name, kind)
        cache.set("k", "old", True)
        assert 0 < cache.pttl("k") <= 1000

    @each(SECONDS | {"pexpire": OTHERS["pexpire"]})
    def test_zero_and_less_delete(self, cache: Caller, change: Change) -> None:
        for timeout in (0, -1, -0.5, 0.0, -(10**30)):
            cache.set("k", "old", None)
            change(cache, timeout)
            assert cache.has_key("k") is False, timeout

    @each(NEW_ONLY)
    def test_zero_and_less_write_nothing_new(self, cache: Caller, change: Change) -> None:
        for timeout in (0, -1, -0.5):
            assert change(cache, timeout) in (True, "new")
            assert cache.has_key("new") is False
            cache.set("new", "old", None)
            assert change(cache, timeout) in (False, "old")
            assert cache.get("new") == "old"
            cache.delete("new")

    @each(SECONDS | NEW_ONLY)
    def test_none_never_expires(self, cache: Caller, change: Change) -> None:
        cache.set("k", "old", 100)
        change(cache, None)
        key = "new" if cache.has_key("new") else "k"
        assert cache.ttl(key) is None

    @each(SECONDS | NEW_ONLY)
    def test_a_fraction_counts_in_milliseconds(self, cache: Caller, change: Change) -> None:
        cache.set("k", "old", 100)
        since = monotonic()
        change(cache, 20.9)
        key = "new" if cache.has_key("new") else "k"
        assert lives(cache.pttl(key), 20.9, since)

    @each({name: EVERY[name] for name in SPANS})
    def test_a_timedelta_is_a_span(self, cache: Caller, change: Change) -> None:
        cache.set("k", "old", 100)
        change(cache, timedelta(minutes=5, milliseconds=500))
        assert 290_000 < cache.pttl("k") <= 300_500

    @each({name: change for name, change in EVERY.items() if name not in SPANS})
    def test_a_timedelta_is_nothing_else(self, cache: Caller, change: Change) -> None:
        cache.set("k", "old", 100)
        with pytest.raises(TypeError, match="timedelta"):
            change(cache, timedelta(seconds=10))
        assert 90 < cache.ttl("k") <= 100
        assert cache.has_key("new") is False

    def test_the_shortest_time_is_a_millisecond_and_no_deletion(self, cache: Caller) -> None:
        assert cache.set("k", "value", 1e-9) is True, "False: there was nothing to delete"
        assert cache.ttl("k") in (0, 1)

    @each(SECONDS | NEW_ONLY)
    def test_a_hundred_years_are_kept(self, cache: Caller, change: Change) -> None:
        century = 100 * 365 * 86_400
        cache.set("k", "old", 100)
        change(cache, century)
        key = "new" if cache.has_key("new") else "k"
        assert century - 10 < cache.ttl(key) <= century
