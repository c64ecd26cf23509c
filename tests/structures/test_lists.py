"""Lists: push, pop, look, in all four ways of calling."""

from __future__ import annotations

from typing import Any

import pytest

from django_redis_core.exceptions import WrongTypeError
from django_redis_core.testing.caller import Caller
from django_redis_core.testing.operations.suite import Suite


class TestLists(Suite):
    def test_pushing_at_both_ends(self, cache: Caller) -> None:
        assert cache.rpush("l", "c", "d") == 2
        assert cache.lpush("l", "b", "a") == 4
        assert cache.lrange("l", 0, -1) == ["a", "b", "c", "d"]
        assert cache.llen("l") == 4

    def test_pushing_nothing_tells_the_length(self, cache: Caller) -> None:
        assert cache.rpush("l") == 0
        cache.rpush("l", 1, 2)
        assert (cache.lpush("l"), cache.rpush("l")) == (2, 2)

    def test_popping_at_both_ends(self, cache: Caller) -> None:
        cache.rpush("l", 1, 2, 3, 4, 5, 6)
        assert (cache.lpop("l"), cache.rpop("l")) == (1, 6)
        assert cache.lpop("l", 2) == [2, 3]
        assert cache.rpop("l", 9) == [5, 4]
        assert cache.has_key("l") is False

    def test_popping_what_is_not_there(self, cache: Caller) -> None:
        assert (cache.lpop("l"), cache.rpop("l")) == (None, None)
        assert (cache.lpop("l", 2), cache.rpop("l", 2), cache.lpop("l", 0)) == ([], [], [])

    @pytest.mark.parametrize("value", [True, -5, 10**30, None, 1.5, "7", b"\xff", {"a": (1,)}])
    def test_values_of_any_type(self, cache: Caller, value: Any) -> None:
        cache.rpush("l", value)
        for found in (cache.lindex("l", 0), cache.lrange("l", 0, 0)[0], cache.lpop("l")):
            assert (found, type(found)) == (value, type(value))

    def test_ranges(self, cache: Caller) -> None:
        cache.rpush("l", *"abcde")
        assert cache.lrange("l", 1, 2) == ["b", "c"]
        assert cache.lrange("l", -2, -1) == ["d", "e"]
        assert cache.lrange("l", 9, 10) == cache.lrange("missing", 0, -1) == []
        assert (cache.lindex("l", 1), cache.lindex("l", -1)) == ("b", "e")
        assert cache.lindex("l", 9) is None

    def test_trimming(self, cache: Caller) -> None:
        cache.rpush("l", *"abcde")
        assert cache.ltrim("l", 1, -2) is True
        assert cache.lrange("l", 0, -1) == ["b", "c", "d"]
        assert cache.ltrim("missing", 0, 1) is True

    def test_removing_by_value(self, cache: Caller) -> None:
        cache.rpush("l", "a", 1, "a", "b", "a", (1, 2))
        assert cache.lrem("l", -1, "a") == 1
        assert cache.lrange("l", 0, -1) == ["a", 1, "a", "b", (1, 2)]
        assert cache.lrem("l", 0, "a") == 2
        assert cache.lrem("l", 1, (1, 2)) == 1
        assert cache.lrem("l", 0, "missing") == 0
        assert cache.lrange("l", 0, -1) == [1, "b"]

    def test_what_cannot_be_read_is_left_out(self, cache: Caller) -> None:
        client, full = cache.raw("l")
        client.rpush(full, b"\x80garbage", b"1", b"\x80garbage", b"2", b"\x80garbage")
        assert cache.lrange("l", 0, -1) == [1, 2]
        assert cache.lindex("l", 0) is None
        assert cache.lpop("l") is None
        assert cache.rpop("l", 2) == [2]
        assert cache.llen("l") == 2

    @pytest.mark.parametrize(
        ("name", "args", "error"),
        [
            ("lpop", ("1",), TypeError),
            ("rpop", (1.0,), TypeError),
            ("lpop", (-1,), ValueError),
            ("lrange", ("a", 1), TypeError),
            ("ltrim", (0, None), TypeError),
            ("lrem", ("a", 1), TypeError),
            ("lindex", ("a",), TypeError),
        ],
    )
    def test_wrong_arguments(self, cache: Caller, name: str, args: Any, error: Any) -> None:
        cache.rpush("l", 1)
        with pytest.raises(error, match="must be"):
            getattr(cache, name)("l", *args)
        assert cache.llen("l") == 1

    def test_versions_are_apart(self, cache: Caller) -> None:
        cache.rpush("l", 1)
        cache.rpush("l", 2, version=2)
        assert cache.lrange("l", 0, -1, version=2) == [2]
        assert cache.lpop("l", version=2) == 2
        assert cache.llen("l") == 1

    def test_another_data_type(self, cache: Caller) -> None:
        cache.set("k", "text")
        for name, args in {"rpush": (1,), "lpop": (), "lrange": (0, 1), "llen": ()}.items():
            with pytest.raises(WrongTypeError):
                getattr(cache, name)("k", *args)
