"""A value that was decoded once, and its many readers."""

from __future__ import annotations

import copy
import datetime
import threading
from collections import OrderedDict, UserDict
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from django.utils.safestring import mark_safe

from django_redis_core.cache import RedisCache
from django_redis_core.interfaces import MISSING
from django_redis_core.testing.clients import wait_until
from django_redis_core_near import store
from django_redis_core_near.sharing import DEPTH, PARTS, shared

from .conftest import kept

BERLIN = ZoneInfo("Europe/Berlin")

UNCHANGEABLE: dict[str, Any] = {
    "text": "déjà vu",
    "safe text": mark_safe("<b>"),
    "nothing": None,
    "complex": 1j,
    "decimal": Decimal("1.50"),
    "uuid": UUID(int=5),
    "day": datetime.date(2026, 1, 2),
    "moment": datetime.datetime(2026, 1, 2, 3, 4, tzinfo=BERLIN),
    "moment in UTC": datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC),
    "tuple": (1, ("a", frozenset({2, (3,)}))),
    "empty tuple": (),
}

CHANGEABLE: dict[str, Any] = {
    "dict": {"a": 1, ("b", 2): None},
    "list": [1, "two", 3.0],
    "set": {1, "two"},
    "empty": [[], {}, set()],
    "records": [{"id": number, "tags": ["a", "b"]} for number in range(3)],
    "mixed": ["a", [1], "b", {"c": {"d": [{2}]}}],
    "tuple of lists": (1, [2], (3, [4])),
    "dict of all": {"list": [1], "none": None, "tuple": ([1], 2), "set": {3}},
}


class Point:
    def __init__(self, x: int) -> None:
        self.x = x

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Point) and self.x == other.x

    __hash__ = None  # type: ignore[assignment]


class Named:
    """Has a hash and can be changed."""

    name = ""


class Zone(datetime.tzinfo):
    """Of a site's own."""


TWICE = [1]

UNKNOWN: dict[str, Any] = {
    "object": Point(1),
    "object in a list": [1, Point(1)],
    "object in a tuple": (1, Point(1)),
    "subclass of dict": OrderedDict(a=1),
    "subclass of list": type("Mine", (list,), {})([1]),
    "subclass of text": type("Text", (str,), {})("a"),
    "mapping": UserDict(a=1),
    "bytearray": bytearray(b"a"),
    "key that can be changed": {Named(): 1},
    "member that can be changed": {Named()},
    "time in a zone of its own": datetime.time(1, tzinfo=Zone()),
    "one list in two places": [TWICE, TWICE],
    "and in two tuples": {"a": (TWICE,), "b": (TWICE,)},
    "too many parts": [list(range(PARTS // 2)), list(range(PARTS // 2 + 1))],
}


def nested(depth: int) -> Any:
    value: Any = [1]
    for _ in range(depth):
        value = [value]
    return value


UNKNOWN["too deep"] = nested(DEPTH)
CHANGEABLE["as deep as may be"] = nested(DEPTH - 2)


def spoil(value: Any) -> None:
    """Changes all that can be changed in it."""
    if isinstance(value, dict):
        parts = [*value.values()]
        value["spoilt"] = True
    elif isinstance(value, list):
        parts = [*value]
        value.append("spoilt")
    elif isinstance(value, set):
        parts = []
        value.add("spoilt")
    else:
        parts = [*value] if isinstance(value, tuple) else []
    for part in parts:
        spoil(part)


@pytest.mark.parametrize("name", UNCHANGEABLE)
def test_what_nobody_can_change_is_given_to_all(name: str) -> None:
    value = UNCHANGEABLE[name]
    way = shared(value)
    assert way is not None
    assert way.value is value
    assert way.make() is value


@pytest.mark.parametrize("name", CHANGEABLE)
def test_what_a_reader_changes_changes_nobody_elses(name: str) -> None:
    value = copy.deepcopy(CHANGEABLE[name])
    way = shared(value)
    assert way is not None
    assert way.value is MISSING
    for _ in range(3):
        made = way.make()
        assert made == CHANGEABLE[name]
        spoil(made)
        assert made != CHANGEABLE[name]
    assert way.make() == CHANGEABLE[name]


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_is_not_known_has_to_be_decoded(name: str) -> None:
    assert shared(UNKNOWN[name]) is None


def test_its_size_is_that_of_all_parts() -> None:
    small, large = shared([["a" * 10]] * 1), shared([["a" * 1000], {"b": "c" * 1000}])
    assert small is not None
    assert large is not None
    assert 200 < small.size < 1000
    assert 2200 < large.size < 4000


# In a cache


@pytest.fixture
def keep(cache: RedisCache) -> Callable[[Any], None]:
    def keep(value: Any) -> None:
        cache.set("k", value, None)
        wait_until(lambda: kept(cache, "k"), "a copy")

    return keep


@pytest.mark.parametrize("name", [*CHANGEABLE, *UNCHANGEABLE, "object", "one list in two places"])
def test_a_copy_gives_each_reader_its_own(
    cache: RedisCache, keep: Callable[[Any], None], name: str
) -> None:
    value = {**UNKNOWN, **UNCHANGEABLE, **CHANGEABLE}[name]
    keep(value)
    before = cache.client.near_info().hits
    for _ in range(3):
        for found in (cache.get("k"), cache.get_many(["k"])["k"]):
            assert found == value
            assert type(found) is type(value)
            spoil(found)
    assert cache.client.near_info().hits == before + 6
    assert cache.client.near_info().bytes == sum(
        one.size for one in cache._engine.client._copies.values()
    )


def test_one_list_in_two_places_stays_one(cache: RedisCache, keep: Callable[[Any], None]) -> None:
    keep([TWICE, TWICE])
    for _ in range(3):
        first, second = cache.get("k")
        assert first is second


def test_a_value_that_is_much_larger_decoded_is_kept_as_bytes(make_near: Any) -> None:
    limit = 64 * 1024
    cache = make_near({"NEAR_MAX_BYTES": limit, "NEAR_TTL": 600})
    value = [[] for _ in range(1000)]
    cache.set("k", value)
    wait_until(lambda: kept(cache, "k"), "a copy")
    for _ in range(3):
        assert cache.get("k") == value
        assert kept(cache, "k", read=False)
        assert cache.client.near_info().bytes <= limit


def test_a_hit_takes_no_lock(cache: RedisCache, keep: Callable[[Any], None]) -> None:
    """A writer, or whoever hears of writes, may be stopped while it holds it."""
    keep({"a": [1]})
    cache.get("k")
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with store._lock:
            held.set()
            done.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        assert held.wait(30)
        found: list[Any] = []
        reader = threading.Thread(
            target=lambda: found.extend([cache.get("k"), cache.get_many(["k"]), cache.has_key("k")])
        )
        reader.start()
        reader.join(30)
        assert found == [{"a": [1]}, {"k": {"a": [1]}}, True]
    finally:
        done.set()
        thread.join()
