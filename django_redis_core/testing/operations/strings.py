"""One value under one key: get, set, add, get_or_set, delete, has_key."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from enum import IntEnum
from typing import Any, ClassVar

import pytest

from ..._operations import strings
from ..._operations.declare import Family
from ...exceptions import SerializationError, WrongTypeError
from ..caller import Caller
from .suite import Make, Suite, lives


class Size(IntEnum):
    """An int subclass, which must not come back as a plain int."""

    LARGE = 3


VALUES = {
    "text": "text",
    "unicode": "Ünïcödé ✓ 🎈",
    "empty": "",
    "digits": "123",
    "bytes": b"\x00\xff123",
    "bytes of digits": b"123",
    "int": 42,
    "zero": 0,
    "negative": -7,
    "64 bits": 2**63 - 1,
    "past 64 bits": 2**63,
    "huge": -(10**400),
    "true": True,
    "false": False,
    "int subclass": Size.LARGE,
    "float": 1.5,
    "infinity": float("inf"),
    "list": [1, "two", None],
    "dict": {"a": {"b": [1.5]}, 2: "int key"},
    "tuple": (1, 2),
    "set": {1, 2},
    "datetime": datetime(2026, 1, 2, 3, 4, 5, 6, UTC),
    "decimal": Decimal("1.10"),
    "large": "x" * 300_000,
}


class StringsSuite(Suite):
    covers: ClassVar[type[Family]] = strings.Strings

    @pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
    def test_a_value_comes_back_equal_and_of_its_type(self, cache: Caller, value: Any) -> None:
        assert cache.set("k", value) is True
        found = cache.get("k")
        assert found == value
        assert type(found) is type(value)

    def test_a_missing_key_is_the_default(self, cache: Caller) -> None:
        assert cache.get("k") is None
        assert cache.get("k", "default") == "default"
        assert cache.get("k", default=0) == 0

    def test_a_stored_none_is_a_value(self, cache: Caller) -> None:
        cache.set("k", None)
        assert cache.get("k", "default") is None
        assert cache.has_key("k") is True
        assert cache.add("k", 1) is False
        assert cache.get_or_set("k", 1) is None

    def test_set_replaces_a_value_of_another_type(self, cache: Caller) -> None:
        for value in (1, "one", [1], 2):
            cache.set("k", value)
            assert cache.get("k") == value

    def test_set_replaces_the_expiry_too(self, cache: Caller) -> None:
        cache.set("k", 1, 5)
        cache.set("k", 2, None)
        assert cache.ttl("k") is None

    def test_nx_writes_only_a_new_key(self, cache: Caller) -> None:
        assert cache.set("k", 1, nx=True) is True
        assert cache.set("k", 2, nx=True) is False
        assert cache.get("k") == 1

    def test_xx_writes_only_an_old_key(self, cache: Caller) -> None:
        assert cache.set("k", 1, xx=True) is False
        assert cache.has_key("k") is False
        cache.set("k", 1)
        assert cache.set("k", 2, xx=True) is True
        assert cache.get("k") == 2

    def test_a_condition_takes_a_timeout(self, cache: Caller) -> None:
        since = time.monotonic()
        cache.set("new", 1, 20.9, nx=True)
        cache.set("old", 1, None)
        cache.set("old", 2, 20.9, xx=True)
        for key in ("new", "old"):
            assert lives(cache.pttl(key), 20.9, since)

    def test_nx_and_xx_together_are_refused(self, cache: Caller) -> None:
        cache.set("k", "old")
        with pytest.raises(ValueError, match="nx"):
            cache.set("k", "new", nx=True, xx=True)
        assert cache.get("k") == "old"

    def test_add_stores_only_a_new_key(self, cache: Caller) -> None:
        assert cache.add("k", "first") is True
        assert cache.add("k", "second") is False
        assert cache.get("k") == "first"
        cache.delete("k")
        assert cache.add("k", "third") is True

    def test_add_does_not_touch_the_expiry_of_what_is_there(self, cache: Caller) -> None:
        cache.set("k", 1, None)
        cache.add("k", 2, 5)
        assert cache.ttl("k") is None

    def test_get_or_set_returns_what_is_there(self, cache: Caller) -> None:
        cache.set("k", "there")
        assert cache.get_or_set("k", "default") == "there"
        assert cache.get_or_set("k", lambda: pytest.fail("called on a hit")) == "there"

    def test_get_or_set_stores_the_default(self, cache: Caller) -> None:
        assert cache.get_or_set("value", "default", 10) == "default"
        assert cache.get("value") == "default"
        assert 5 < cache.ttl("value") <= 10
        assert cache.get_or_set("none", None) is None
        assert cache.has_key("none") is True

    def test_get_or_set_calls_a_callable_once(self, cache: Caller) -> None:
        calls: list[int] = []

        def default() -> str:
            calls.append(1)
            return "computed"

        assert [cache.get_or_set("k", default) for _ in range(3)] == ["computed"] * 3
        assert calls == [1]

    def test_get_or_set_awaits_what_a_callable_returns(self, cache: Caller) -> None:
        async def default() -> str:
            return "awaited"

        if cache.asynchronous:
            assert cache.get_or_set("k", default) == "awaited"
            assert cache.get("k") == "awaited"
        else:
            with pytest.raises(TypeError, match="aget_or_set"):
                cache.get_or_set("k", default)
            assert cache.has_key("k") is False

    def test_get_or_set_takes_what_another_worker_stored_meanwhile(self, cache: Caller) -> None:
        def slow() -> str:
            cache.cache.set("k", "theirs")
            return "mine"

        assert cache.get_or_set("k", slow) == "theirs"

    def test_get_or_set_lets_an_error_of_the_callable_through(self, cache: Caller) -> None:
        def broken() -> None:
            raise LookupError("of the callable")

        with pytest.raises(LookupError, match="of the callable"):
            cache.get_or_set("k", broken)
        assert cache.has_key("k") is False

    def test_getdel_takes_the_value_away(self, cache: Caller) -> None:
        cache.set("k", "value")
        assert cache.getdel("k", "default") == "value"
        assert cache.getdel("k", "default") == "default"
        assert cache.has_key("k") is False
        cache.set("k", 2, version=2)
        assert cache.getdel("k") is None
        assert cache.getdel("k", version=2) == 2

    def test_getex_returns_the_value_and_changes_its_expiry(self, cache: Caller) -> None:
        cache.set("k", "value", None)
        since = time.monotonic()
        assert cache.getex("k", 20.9) == "value"
        assert lives(cache.pttl("k"), 20.9, since)
        assert cache.getex("k", None) == "value"
        assert cache.ttl("k") is None
        assert cache.getex("k") == "value"
        assert 290 < cache.ttl("k") <= 300
        assert cache.getex("k", 0) == "value"
        assert cache.getex("k", 10, "default") == "default"
        assert cache.has_key("k") is False

    def test_delete_says_whether_the_key_was_there(self, cache: Caller) -> None:
        assert cache.delete("k") is False
        cache.set("k", 1)
        assert cache.delete("k") is True
        assert cache.get("k") is None

    def test_delete_takes_another_prefix(self, cache: Caller, make: Make) -> None:
        other = make()
        other.set("k", 1)
        assert cache.delete("k") is False
        assert cache.delete("k", prefix=other.cache.key_prefix) is True
        assert other.has_key("k") is False

    def test_has_key_says_whether_the_key_is_there(self, cache: Caller) -> None:
        assert cache.has_key("k") is False
        cache.set("k", False)
        assert cache.has_key("k") is True
        assert ("k" in cache.cache) is True
        assert ("other" in cache.cache) is False

    def test_a_version_is_a_room_of_its_own(self, cache: Caller, make: Make) -> None:
        cache.set("k", "one")
        cache.set("k", "two", version=2)
        assert cache.get("k") == cache.get("k", version=1) == "one"
        assert cache.get("k", version=2) == "two"
        second = make(VERSION=2, KEY_PREFIX=cache.cache.key_prefix)
        assert second.get("k") == "two"
        assert second.get("k", version=1) == "one"
        assert cache.add("k", "three", version=3) is True
        assert cache.get_or_set("k", "four", version=3) == "three"
        assert cache.delete("k", version=2) is True
        assert cache.has_key("k", version=2) is False
        assert cache.has_key("k") is True

    @pytest.mark.parametrize(
        "store",
        [
            lambda cache, value: cache.set("k", value),
            lambda cache, value: cache.set("k", value, nx=True),
            lambda cache, value: cache.add("k", value),
            lambda cache, value: cache.get_or_set("new", value),
            lambda cache, value: cache.set_many({"new": 1, "k": value}),
        ],
        ids=["set", "set nx", "add", "get_or_set", "set_many"],
    )
    @pytest.mark.parametrize("value", [10**5000, [lambda: None]], ids=["digits", "lambda"])
    def test_what_cannot_be_stored_is_refused_and_nothing_is_written(
        self, cache: Caller, store: Callable[[Caller, Any], Any], value: Any
    ) -> None:
        cache.set("k", "old")
        with pytest.raises(SerializationError, match=rf":(k|new)'.* {type(value).__name__},"):
            store(cache, value)
        assert cache.get("k") == "old"
        assert cache.has_key("new") is False

    def test_another_data_type_at_the_key_is_an_error(self, cache: Caller) -> None:
        client, full = cache.raw("k")
        client.rpush(full, "item")
        with pytest.raises(WrongTypeError):
            cache.get("k")
        with pytest.raises(WrongTypeError):
            cache.get_or_set("k", 1)
        assert cache.has_key("k") is True
        assert cache.set("k", "a value") is True
        assert cache.get("k") == "a value"

    def test_an_unreadable_value_is_a_miss(self, cache: Caller) -> None:
        client, full = cache.raw("k")
        client.set(full, b"\x80\x05 no pickle")
        assert cache.get("k", "default") == "default"
        assert client.exists(full), "an entry was removed that nobody asked to remove"
        assert cache.get_or_set("k", "fresh") == "fresh"
        assert cache.get("k") == "fresh"

    def test_an_unreadable_value_is_removed_where_settings_say_so(self, make: Make) -> None:
        cache = make({"DELETE_UNREADABLE": True})
        for key in ("one", "many"):
            client, full = cache.raw(key)
            client.set(full, b"\x80\x05 no pickle")
        assert cache.get("one") is None
        assert cache.get_many(["many"]) == {}
        assert cache.has_key("one") is False
        assert cache.has_key("many") is False
