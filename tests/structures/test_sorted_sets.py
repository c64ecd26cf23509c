"""Sorted sets: members and scores, in all four ways of calling."""

from __future__ import annotations

import math
import pickle
from typing import Any

import pytest

from django_redis_core.exceptions import WrongTypeError
from django_redis_core.testing.caller import Caller
from django_redis_core.testing.operations.suite import Suite

BOARD = {"ann": 1, "bob": 2.5, "cid": 2.5, "dan": 10}


class TestSortedSets(Suite):
    def test_members_are_added_with_scores(self, cache: Caller) -> None:
        assert cache.zadd("z", BOARD) == 4
        assert cache.zadd("z", {"ann": 3, "eve": 4}) == 1
        assert cache.zcard("z") == 5
        assert cache.zscore("z", "ann") == 3.0
        assert cache.zscore("z", "missing") is None
        assert cache.zadd("z", {}) == 0

    def test_scores_of_several_members(self, cache: Caller) -> None:
        cache.zadd("z", BOARD)
        cache.zadd("z", {"ann": 7}, version=2)
        assert cache.zmscore("z", "bob", "missing", "ann") == [2.5, None, 1.0]
        assert cache.zmscore("z", "ann", version=2) == [7.0]
        assert cache.zmscore("nothing", "ann") == [None]
        assert cache.zmscore("z") == []

    def test_conditions(self, cache: Caller) -> None:
        cache.zadd("z", {"a": 5})
        assert cache.zadd("z", {"a": 9, "b": 1}, nx=True) == 1
        assert cache.zscore("z", "a") == 5
        assert cache.zadd("z", {"a": 9, "c": 1}, xx=True, ch=True) == 1
        assert cache.zadd("z", {"a": 3}, gt=True, ch=True) == 0
        assert cache.zadd("z", {"a": 3}, lt=True, ch=True) == 1
        assert cache.zrange("z", 0, -1, withscores=True) == [("b", 1.0), ("a", 3.0)]
        assert cache.zadd("z", {"a": 4}, True) == 0  # django-redis' order of arguments

    def test_adding_to_a_score(self, cache: Caller) -> None:
        assert cache.zincrby("z", 1.5, "a") == 1.5
        assert cache.zincrby("z", -3, "a") == -1.5
        assert cache.zadd("z", {"a": 2}, incr=True) == 0.5
        assert cache.zadd("z", {"a": 2}, incr=True, nx=True) is None
        assert cache.zscore("z", "a") == 0.5

    def test_removing(self, cache: Caller) -> None:
        cache.zadd("z", BOARD)
        assert cache.zrem("z", "ann", "missing") == 1
        assert cache.zrem("z") == 0
        assert cache.zremrangebyscore("z", "(2.5", "+inf") == 1
        assert cache.zremrangebyscore("z", 2.5, 2.5) == 2
        assert cache.has_key("z") is False

    def test_counting_by_score(self, cache: Caller) -> None:
        cache.zadd("z", BOARD)
        assert cache.zcount("z", "-inf", "+inf") == 4
        assert cache.zcount("z", 2.5, 10) == 3
        assert cache.zcount("z", "(2.5", math.inf) == 1

    def test_popping(self, cache: Caller) -> None:
        cache.zadd("z", {"a": 1, "b": 2, "c": 3, "d": 4, "e": 5})
        assert cache.zpopmin("z") == ("a", 1.0)
        assert cache.zpopmax("z") == ("e", 5.0)
        assert cache.zpopmin("z", 0) == []
        assert cache.zpopmin("z", 1) == [("b", 2.0)]
        assert cache.zpopmax("z", 9) == [("d", 4.0), ("c", 3.0)]
        assert (cache.zpopmin("z"), cache.zpopmax("z")) == (None, None)
        assert (cache.zpopmin("z", 2), cache.zpopmax("z", 2)) == ([], [])

    def test_ranges_by_rank(self, cache: Caller) -> None:
        cache.zadd("z", BOARD)
        assert cache.zrange("z", 0, -1) == ["ann", "bob", "cid", "dan"]
        assert cache.zrange("z", 0, 0, desc=True) == ["dan"]
        assert cache.zrange("z", 0, 1, True, True) == [("dan", 10.0), ("cid", 2.5)]
        assert cache.zrange("z", -1, -1, withscores=True, score_cast_func=int) == [("dan", 10)]
        assert cache.zrevrange("z", 0, 1) == ["dan", "cid"]
        assert cache.zrevrange("z", 3, 3, withscores=True) == [("ann", 1.0)]
        assert cache.zrange("missing", 0, -1) == cache.zrevrange("missing", 0, -1) == []
        assert cache.zrange("missing", 0, -1, withscores=True) == []

    def test_ranges_by_score(self, cache: Caller) -> None:
        cache.zadd("z", BOARD)
        assert cache.zrangebyscore("z", 1, 2.5) == ["ann", "bob", "cid"]
        assert cache.zrangebyscore("z", "(1", "+inf", start=1, num=1) == ["cid"]
        assert cache.zrangebyscore("z", 9, 99, withscores=True) == [("dan", 10.0)]
        assert cache.zrevrangebyscore("z", "+inf", "-inf") == ["dan", "cid", "bob", "ann"]
        assert cache.zrevrangebyscore("z", 10, "(1", 0, 2, True, int) == [("dan", 10), ("cid", 2)]
        assert cache.zrangebyscore("z", 5, 1) == []

    def test_ranks(self, cache: Caller) -> None:
        cache.zadd("z", BOARD)
        assert (cache.zrank("z", "ann"), cache.zrank("z", "dan")) == (0, 3)
        assert cache.zrank("z", "cid", withscore=True) == [2, 2.5]
        assert cache.zrank("z", "missing") is None
        assert cache.zrank("z", "missing", withscore=True) is None

    @pytest.mark.parametrize("member", [7, -1, 10**30, True, None, 1.5, "7", b"\xff", (1, "a")])
    def test_members_of_any_hashable_type(self, cache: Caller, member: Any) -> None:
        cache.zadd("z", {member: 1})
        [found] = cache.zrange("z", 0, -1)
        assert (found, type(found)) == (member, type(member))
        assert cache.zscore("z", member) == 1.0
        assert cache.zrank("z", member) == 0
        assert cache.zincrby("z", 1, member) == 2.0
        assert cache.zrem("z", member) == 1

    def test_an_int_is_serialized(self, cache: Caller) -> None:
        cache.zadd("z", {7: 1})
        client, full = cache.raw("z")
        assert client.zrange(full, 0, -1) == [pickle.dumps(7)]

    def test_infinite_scores(self, cache: Caller) -> None:
        cache.zadd("z", {"low": -math.inf, "high": math.inf, "mid": 0})
        assert cache.zrange("z", 0, -1, withscores=True) == [
            ("low", -math.inf),
            ("mid", 0.0),
            ("high", math.inf),
        ]

    def test_scores_keep_all_digits(self, cache: Caller) -> None:
        cache.zadd("z", {"a": 0.1 + 0.2, "b": 2**53})
        assert cache.zscore("z", "a") == 0.1 + 0.2
        assert cache.zscore("z", "b") == 2**53

    @pytest.mark.parametrize(
        ("score", "error"),
        [(math.nan, ValueError), (10**400, ValueError), ("1", TypeError), (True, TypeError)],
    )
    def test_what_is_no_score(self, cache: Caller, score: Any, error: Any) -> None:
        with pytest.raises(error, match="score"):
            cache.zadd("z", {"fine": 1, "bad": score})
        with pytest.raises(error, match="amount"):
            cache.zincrby("z", score, "a")
        assert cache.has_key("z") is False

    @pytest.mark.parametrize(
        ("name", "args", "error"),
        [
            ("zadd", ([("a", 1)],), TypeError),
            ("zcount", (math.nan, 1), ValueError),
            ("zcount", ("one", 1), ValueError),
            ("zcount", ("(nan", 1), ValueError),
            ("zcount", (None, 1), TypeError),
            ("zremrangebyscore", (0, "[1"), ValueError),
            ("zrangebyscore", (0, math.nan), ValueError),
            ("zrevrangebyscore", (math.nan, 0), ValueError),
            ("zrange", ("0", 1), TypeError),
            ("zrevrange", (0, 1.5), TypeError),
            ("zpopmin", ("1",), TypeError),
            ("zpopmax", (-1,), ValueError),
        ],
    )
    def test_wrong_arguments(self, cache: Caller, name: str, args: Any, error: Any) -> None:
        with pytest.raises(error, match="must be"):
            getattr(cache, name)("z", *args)

    def test_what_does_not_go_together(self, cache: Caller) -> None:
        for flags in ({"nx": 1, "xx": 1}, {"gt": 1, "lt": 1}, {"nx": 1, "gt": 1}):
            with pytest.raises(ValueError, match="only one"):
                cache.zadd("z", {"a": 1}, **flags)
        for mapping in ({}, {"a": 1, "b": 2}):
            with pytest.raises(ValueError, match="exactly one"):
                cache.zadd("z", mapping, incr=True)
        with pytest.raises(ValueError, match="together"):
            cache.zrangebyscore("z", 0, 1, start=1)
        with pytest.raises(ValueError, match="together"):
            cache.zrevrangebyscore("z", 1, 0, num=1)

    def test_what_cannot_be_read_is_left_out(self, cache: Caller) -> None:
        client, full = cache.raw("z")
        client.zadd(full, {b"\x80low": 0, b"1": 1, b"\x80high": 2})
        assert cache.zrange("z", 0, -1) == [1]
        assert cache.zrange("z", 0, -1, withscores=True) == [(1, 1.0)]
        assert cache.zpopmax("z") is None
        assert cache.zpopmin("z", 2) == [(1, 1.0)]

    def test_versions_are_apart(self, cache: Caller) -> None:
        cache.zadd("z", {"a": 1})
        cache.zadd("z", {"a": 2}, version=2)
        assert (cache.zscore("z", "a"), cache.zscore("z", "a", version=2)) == (1.0, 2.0)

    def test_another_data_type(self, cache: Caller) -> None:
        cache.set("k", "text")
        for name, args in {"zadd": ({"a": 1},), "zrange": (0, 1), "zpopmin": ()}.items():
            with pytest.raises(WrongTypeError):
                getattr(cache, name)("k", *args)
