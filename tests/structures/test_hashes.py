"""Hashes: fields and values under one key, in all four ways of calling."""

from __future__ import annotations

from typing import Any

import pytest

from django_redis_core.exceptions import NotANumberError, ReplyError, WrongTypeError
from django_redis_core.testing.caller import Caller
from django_redis_core.testing.operations.suite import Suite


class TestHashes(Suite):
    def test_a_field_is_set_and_read(self, cache: Caller) -> None:
        assert cache.hset("h", "field", "value") == 1
        assert cache.hset("h", "field", "other") == 0
        assert cache.hget("h", "field") == "other"
        assert cache.hget("h", "missing") is None
        assert cache.hget("h", "missing", default=7) == 7
        assert cache.hget("missing", "field") is None

    def test_a_mapping_is_set_at_once(self, cache: Caller) -> None:
        assert cache.hset("h", mapping={"a": 1, "b": [2]}) == 2
        assert cache.hset("h", "c", None, {"a": 9, "d": 4.5}) == 2
        assert cache.hgetall("h") == {"a": 9, "b": [2], "c": None, "d": 4.5}

    def test_hgetall_of_a_missing_key_is_a_dict_of_the_callers_own(self, cache: Caller) -> None:
        first = cache.hgetall("missing")
        first["mine"] = 1
        assert cache.hgetall("missing") == {}

    @pytest.mark.parametrize("value", [True, 0, -5, 10**30, None, 1.5, "7", b"\xff", {"a": (1,)}])
    def test_values_of_any_type(self, cache: Caller, value: Any) -> None:
        cache.hset("h", "field", value)
        found = cache.hget("h", "field")
        assert (found, type(found)) == (value, type(value))

    def test_an_int_is_stored_as_digits(self, cache: Caller) -> None:
        cache.hset("h", "n", 41)
        client, full = cache.raw("h")
        assert client.hgetall(full) == {b"n": b"41"}

    def test_hmget_keeps_the_order(self, cache: Caller) -> None:
        cache.hset("h", mapping={"a": 1, "b": "two"})
        assert cache.hmget("h", ["b", "missing", "a"]) == ["two", None, 1]
        assert cache.hmget("missing", ["a"]) == [None]
        assert cache.hmget("h", []) == []
        assert cache.hmget("h", iter(["a"])) == [1]

    def test_names_values_and_number(self, cache: Caller) -> None:
        assert (cache.hkeys("h"), cache.hvals("h"), cache.hlen("h")) == ([], [], 0)
        cache.hset("h", mapping={"a": 1, "b": "two"})
        assert sorted(cache.hkeys("h")) == ["a", "b"]
        assert sorted(cache.hvals("h"), key=str) == [1, "two"]
        assert cache.hlen("h") == 2

    def test_fields_are_found_and_removed(self, cache: Caller) -> None:
        cache.hset("h", "a", 1)
        assert cache.hexists("h", "a") is True
        assert cache.hdel("h", "a") == 1
        assert cache.hdel("h", "a") == 0
        assert cache.hexists("h", "a") is False

    @pytest.mark.parametrize(
        ("field", "name"), [("é", "é"), (b"raw", "raw"), (7, "7"), (1.5, "1.5"), ("", "")]
    )
    def test_fields_are_text(self, cache: Caller, field: Any, name: str) -> None:
        cache.hset("h", field, 1)
        assert cache.hkeys("h") == [name]
        assert cache.hget("h", name) == cache.hget("h", field) == 1
        assert cache.hgetall("h") == {name: 1}

    def test_a_field_that_is_not_utf8_is_found_again(self, cache: Caller) -> None:
        client, full = cache.raw("h")
        client.hset(full, b"\xff\xfe", b"1")
        [name] = cache.hkeys("h")
        assert cache.hget("h", name) == cache.hgetall("h")[name] == 1
        assert cache.hdel("h", name) == 1

    def test_hincrby_counts(self, cache: Caller) -> None:
        assert cache.hincrby("h", "n") == 1
        assert cache.hincrby("h", "n", 10) == 11
        assert cache.hincrby("h", "n", -12) == -1
        assert cache.hget("h", "n") == -1

    def test_what_cannot_be_counted(self, cache: Caller) -> None:
        cache.hset("h", mapping={"text": "x", "big": 2**63 - 1})
        with pytest.raises(NotANumberError, match="'text'"):
            cache.hincrby("h", "text")
        with pytest.raises(ReplyError, match="overflow"):
            cache.hincrby("h", "big")
        with pytest.raises(ValueError, match="64 bits"):
            cache.hincrby("h", "n", 2**63)
        with pytest.raises(TypeError, match="amount"):
            cache.hincrby("h", "n", 1.5)

    def test_an_empty_mapping_changes_nothing(self, cache: Caller) -> None:
        assert cache.hset("h", mapping={}) == 0
        assert cache.has_key("h") is False

    @pytest.mark.parametrize(
        ("args", "kwargs", "words"),
        [
            ((), {}, "a mapping"),
            (("field",), {}, "needs a value"),
            ((None, 1), {}, "needs a field"),
            ((True, 1), {}, "bool"),
            ((("a",), 1), {}, "tuple"),
            ((), {"mapping": ["a"]}, "list"),
        ],
    )
    def test_wrong_arguments(self, cache: Caller, args: Any, kwargs: Any, words: str) -> None:
        with pytest.raises(TypeError, match=words):
            cache.hset("h", *args, **kwargs)
        assert cache.has_key("h") is False

    def test_hmget_of_a_text_is_a_mistake(self, cache: Caller) -> None:
        with pytest.raises(TypeError, match="hget takes one"):
            cache.hmget("h", "field")

    def test_what_cannot_be_read_is_left_out(self, cache: Caller) -> None:
        client, full = cache.raw("h")
        client.hset(full, mapping={"bad": b"\x80garbage", "good": b"1"})
        assert cache.hgetall("h") == {"good": 1}
        assert cache.hvals("h") == [1]
        assert cache.hmget("h", ["bad", "good"]) == [None, 1]
        assert cache.hget("h", "bad", default="d") == "d"

    def test_versions_and_prefixes_are_apart(self, cache: Caller, make: Any) -> None:
        other = make()
        cache.hset("h", "f", 1)
        cache.hset("h", "f", 2, version=2)
        other.hset("h", "f", 3)
        assert cache.hgetall("h") == {"f": 1}
        assert cache.hgetall("h", version=2) == {"f": 2}
        assert other.hgetall("h") == {"f": 3}

    def test_another_data_type(self, cache: Caller) -> None:
        cache.set("k", "text")
        with pytest.raises(WrongTypeError):
            cache.hset("k", "f", 1)
        with pytest.raises(WrongTypeError):
            cache.hgetall("k")
