"""Many keys at once: get_many, set_many, delete_many."""

from __future__ import annotations

import time
from typing import ClassVar

import pytest

from ..._operations import strings
from ..._operations.declare import Family
from ...exceptions import WrongTypeError
from ..caller import Caller
from .suite import Suite, lives


class ManySuite(Suite):
    covers: ClassVar[type[Family]] = strings.Strings

    def test_get_many_returns_what_is_there_by_the_callers_keys(self, cache: Caller) -> None:
        cache.set("a", 1)
        cache.set("none", None)
        cache.set(3, "three")
        assert cache.get_many(["a", "missing", "none", 3]) == {"a": 1, "none": None, 3: "three"}

    def test_get_many_keeps_the_order_of_the_keys(self, cache: Caller) -> None:
        keys = [f"key-{number}" for number in range(100)]
        cache.set_many(dict.fromkeys(keys, 1))
        assert list(cache.get_many(reversed(keys))) == keys[::-1]

    def test_get_many_of_nothing_is_empty(self, cache: Caller) -> None:
        assert cache.get_many([]) == {}
        assert cache.get_many(key for key in "") == {}

    def test_a_key_may_be_asked_for_twice(self, cache: Caller) -> None:
        cache.set_many({"a": 1, "b": 2})
        assert cache.get_many(["a", "b", "a"]) == {"a": 1, "b": 2}
        assert cache.delete_many(["a", "a"]) == 1

    def test_each_result_is_the_callers_own(self, cache: Caller) -> None:
        cache.get_many([])["mine"] = 1
        cache.get_many(["missing"])["mine"] = 1
        assert cache.get_many([]) == cache.get_many(["missing"]) == {}

    def test_set_many_stores_all_and_returns_the_keys_that_failed(self, cache: Caller) -> None:
        data = {"a": 1, "b": [2], "c": None, 4: "four"}
        assert cache.set_many(data) == []
        assert cache.get_many(data) == data
        assert cache.set_many({}) == []

    def test_set_many_gives_all_the_timeout(self, cache: Caller) -> None:
        since = time.monotonic()
        cache.set_many({"a": 1, "b": 2}, 20.9)
        assert lives(cache.pttl("a"), 20.9, since)
        assert lives(cache.pttl("b"), 20.9, since)
        cache.set_many({"a": 1, "b": 2}, None)
        assert cache.pttl("a") is cache.pttl("b") is None
        cache.set_many({"a": 1, "b": 2}, 0)
        assert cache.get_many(["a", "b"]) == {}

    def test_delete_many_returns_how_many_were_there(self, cache: Caller) -> None:
        cache.set_many({"a": 1, "b": 2, "c": 3})
        assert cache.delete_many(["a", "b", "missing"]) == 2
        assert cache.get_many("abc") == {"c": 3}
        assert cache.delete_many(key for key in "c") == 1

    def test_delete_many_of_nothing_is_none(self, cache: Caller) -> None:
        assert cache.delete_many([]) is None
        assert cache.delete_many(key for key in "") is None

    def test_many_keys_take_a_version(self, cache: Caller) -> None:
        cache.set_many({"a": "old", "b": "old"})
        cache.set_many({"a": "new", "b": "new"}, version=2)
        assert cache.get_many(["a", "b"], version=2) == {"a": "new", "b": "new"}
        assert cache.delete_many(["a", "b"], version=2) == 2
        assert cache.get_many(["a", "b"]) == {"a": "old", "b": "old"}

    def test_a_thousand_keys_at_once(self, cache: Caller) -> None:
        data = {f"key-{number}": {"number": number} for number in range(1000)}
        assert cache.set_many(data) == []
        assert cache.get_many(data) == data
        assert cache.delete_many(data) == 1000

    def test_an_unreadable_value_costs_the_others_nothing(self, cache: Caller) -> None:
        cache.set_many({"a": 1, "b": 2, "c": 3})
        client, full = cache.raw("b")
        client.set(full, b"\x80\x05 no pickle")
        assert cache.get_many("abc") == {"a": 1, "c": 3}

    def test_another_data_type_among_many_keys_is_a_miss(self, cache: Caller) -> None:
        cache.set_many({"a": 1, "c": 3})
        client, full = cache.raw("b")
        client.rpush(full, "item")
        assert cache.get_many("abc") == {"a": 1, "c": 3}
        with pytest.raises(WrongTypeError):
            cache.get("b")
