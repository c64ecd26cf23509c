"""Sets: members, what several sets have in common, scanning, in all four ways of calling."""

from __future__ import annotations

import enum
from typing import Any

import pytest

from django_redis_core.exceptions import WrongTypeError
from django_redis_core.testing.caller import Caller
from django_redis_core.testing.operations.suite import Suite


class Colour(enum.IntEnum):
    RED = 1


class TestSets(Suite):
    def test_members_are_added_and_removed(self, cache: Caller) -> None:
        assert cache.sadd("s", "a", 1, "a") == 2
        assert cache.sadd("s", "a", "b") == 1
        assert cache.smembers("s") == {"a", "b", 1}
        assert cache.scard("s") == 3
        assert cache.srem("s", "a", "missing") == 1
        assert cache.smembers("s") == {"b", 1}

    def test_no_members_change_nothing(self, cache: Caller) -> None:
        assert (cache.sadd("s"), cache.srem("s"), cache.smismember("s")) == (0, 0, [])
        assert cache.has_key("s") is False

    def test_a_missing_key_is_an_empty_set_of_the_callers_own(self, cache: Caller) -> None:
        cache.smembers("missing").add("mine")
        assert cache.smembers("missing") == set()
        assert cache.scard("missing") == 0

    @pytest.mark.parametrize(
        "member", [0, -5, 10**30, None, 1.5, "7", b"\xff", ("a", (1, None)), frozenset({1})]
    )
    def test_members_of_any_hashable_type(self, cache: Caller, member: Any) -> None:
        cache.sadd("s", member)
        [found] = cache.smembers("s")
        assert (found, type(found)) == (member, type(member))
        assert cache.sismember("s", member) is True
        assert cache.spop("s") == member
        assert cache.sismember("s", member) is False

    def test_an_int_is_another_member_than_its_text_or_a_bool(self, cache: Caller) -> None:
        assert cache.sadd("s", 1, "1", True, Colour.RED) == 4
        assert cache.smismember("s", 1, "1", True, 1.0) == [True, True, True, False]
        client, full = cache.raw("s")
        assert b"1" in client.smembers(full)

    def test_smismember_keeps_the_order(self, cache: Caller) -> None:
        cache.sadd("s", "a", "b")
        assert cache.smismember("s", "b", "missing", "a") == [True, False, True]
        assert cache.smismember("missing", "a") == [False]

    @pytest.mark.parametrize("member", [[1], {"a": 1}, {1}])
    def test_what_python_sets_cannot_hold_is_refused(self, cache: Caller, member: Any) -> None:
        with pytest.raises(TypeError, match="unhashable"):
            cache.sadd("s", "fine", member)
        assert cache.has_key("s") is False

    def test_spop_takes_out(self, cache: Caller) -> None:
        cache.sadd("s", 1, 2, 3, 4)
        one = cache.spop("s")
        three = cache.spop("s", 9)
        assert isinstance(three, set)
        assert {one} | three == {1, 2, 3, 4}
        assert cache.spop("s") is None
        assert (cache.spop("s", 2), cache.spop("s", 0)) == (set(), set())

    def test_srandmember_only_looks(self, cache: Caller) -> None:
        assert (cache.srandmember("s"), cache.srandmember("s", 2)) == (None, [])
        cache.sadd("s", 1, 2, 3)
        assert cache.srandmember("s") in {1, 2, 3}
        assert sorted(cache.srandmember("s", 9)) == [1, 2, 3]
        assert len(cache.srandmember("s", -9)) == 9
        assert cache.srandmember("s", 0) == []
        assert cache.scard("s") == 3

    def test_several_sets(self, cache: Caller) -> None:
        cache.sadd("a", 1, 2, 3)
        cache.sadd("b", 2, 3, "x")
        cache.sadd("c", 3)
        assert cache.sdiff("a", "b") == {1}
        assert cache.sdiff("a", "b", "missing") == {1}
        assert cache.sinter("a", "b", "c") == {3}
        assert cache.sinter("a", "missing") == set()
        assert cache.sunion("a", "b", "missing") == {1, 2, 3, "x"}
        assert cache.sdiff("a") == cache.sinter("a") == cache.sunion("a") == {1, 2, 3}
        assert cache.sdiff() == cache.sinter() == cache.sunion() == set()

    def test_storing_what_several_sets_give(self, cache: Caller) -> None:
        cache.sadd("a", 1, 2, 3)
        cache.sadd("b", 2, 3, "x")
        assert (cache.sdiffstore("d", "a", "b"), cache.smembers("d")) == (1, {1})
        assert (cache.sinterstore("d", "a", "b"), cache.smembers("d")) == (2, {2, 3})
        assert (cache.sunionstore("d", "a", "b"), cache.smembers("d")) == (4, {1, 2, 3, "x"})
        assert cache.sinterstore("d", "a", "missing") == 0
        assert cache.has_key("d") is False

    @pytest.mark.parametrize("name", ["sdiffstore", "sinterstore", "sunionstore"])
    def test_storing_what_no_sets_give(self, cache: Caller, name: str) -> None:
        cache.sadd("d", "old")
        assert getattr(cache, name)("d") == 0
        assert cache.has_key("d") is False

    def test_the_versions_of_a_store(self, cache: Caller) -> None:
        cache.sadd("a", 1, 2, version=2)
        cache.sadd("b", 2, version=2)
        cache.sdiffstore("d", "a", "b", version_dest=3, version_keys=2)
        assert cache.smembers("d", version=3) == {1}
        cache.sunionstore("u", "a", "b", version=2)
        assert cache.smembers("u", version=2) == {1, 2}
        cache.sinterstore("i", "a", "b", version=2)
        assert cache.smembers("i", version=2) == {2}
        cache.sdiffstore("d", "a", "b", version=2)
        assert cache.smembers("d", version=2) == {1}

    def test_smove(self, cache: Caller) -> None:
        cache.sadd("a", 1, 2)
        assert cache.smove("a", "b", 1) is True
        assert (cache.smembers("a"), cache.smembers("b")) == ({2}, {1})
        assert cache.smove("a", "b", "missing") is False
        cache.sadd("v", 1, version=2)
        assert cache.smove("v", "w", 1, version=2) is True
        assert cache.smembers("w", version=2) == {1}

    def test_scanning_goes_through_all_pages(self, cache: Caller) -> None:
        members = {f"member-{number}" for number in range(700)} | set(range(300))
        cache.sadd("s", *members)
        found = cache.sscan_iter("s", count=20)
        assert isinstance(found, list)  # collected by the caller of the test
        assert set(found) == members
        assert cache.sscan_iter("missing") == []
        assert set() < cache.sscan("s", count=20) < members
        assert cache.sscan("missing") == set()

    @pytest.mark.parametrize(
        ("pattern", "expected"),
        [
            ("bar", {"bar"}),
            ("ba?", {"bar", "baz", "ba*"}),
            ("b*", {"bar", "baz", "ba*", "b", "b\nar"}),
            (r"ba\*", {"ba*"}),
            ("ba[rz]", {"bar", "baz"}),
            ("ba[^r]", {"baz", "ba*"}),
            ("ba[q-s]", {"bar"}),
            ("ba[s-q]", {"bar"}),
            (r"ba[\*]", {"ba*"}),
            (r"ba[\r-]", {"bar"}),
            ("1*", {12, "1x"}),
            ("*", {"bar", "baz", "ba*", "b", "b\nar", 12, "1x"}),
            (".*", set()),
            ("ba[", set()),
        ],
    )
    def test_match_is_for_members_as_callers_know_them(
        self, cache: Caller, pattern: str, expected: set[Any]
    ) -> None:
        cache.sadd("s", "bar", "baz", "ba*", "b", "b\nar", 12, "1x", None, (1,), b"bar")
        assert cache.sscan("s", match=pattern) == expected
        assert set(cache.sscan_iter("s", match=pattern)) == expected

    @pytest.mark.parametrize(
        ("name", "args", "error"),
        [
            ("spop", ("1",), TypeError),
            ("spop", (-1,), ValueError),
            ("srandmember", (1.5,), TypeError),
            ("sscan", (None, 0), ValueError),
            ("sscan", (None, "a"), TypeError),
            ("sscan", (7,), TypeError),
            ("sscan_iter", (None, 0), ValueError),
        ],
    )
    def test_wrong_arguments(self, cache: Caller, name: str, args: Any, error: Any) -> None:
        with pytest.raises(error, match="must be"):
            getattr(cache, name)("s", *args)

    def test_what_cannot_be_read_is_left_out(self, cache: Caller) -> None:
        client, full = cache.raw("s")
        client.sadd(full, b"\x80garbage", b"1")
        assert cache.smembers("s") == cache.sunion("s", "t") == cache.sscan("s") == {1}
        assert cache.sscan_iter("s") == [1]
        assert cache.srandmember("s", 9) == [1]
        assert cache.spop("s", 2) == {1}
        client.sadd(full, b"\x80garbage")
        assert cache.srandmember("s") is None
        assert cache.spop("s") is None

    def test_prefixes_are_apart(self, cache: Caller, make: Any) -> None:
        other = make()
        cache.sadd("s", 1)
        other.sadd("s", 2)
        assert (cache.smembers("s"), other.smembers("s")) == ({1}, {2})
        assert other.sunion("s", "t") == {2}

    def test_another_data_type(self, cache: Caller) -> None:
        cache.set("k", "text")
        for name, args in {
            "sadd": (1,),
            "smembers": (),
            "spop": (),
            "sunion": ("s",),
            "sscan_iter": (),
        }.items():
            with pytest.raises(WrongTypeError):
                getattr(cache, name)("k", *args)


class TestScanningIsLazy(Suite):
    @pytest.fixture(params=["blocking"])
    def way(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)

    def test_no_page_is_read_before_it_is_wanted(self, cache: Caller) -> None:
        cache.sadd("s", *range(3000))
        client, full = cache.raw("s")
        stream = cache.cache.sscan_iter("s", count=50)
        next(stream)
        client.delete(full)
        assert len(list(stream)) < 2900
