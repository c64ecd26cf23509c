"""How long an entry lives: touch, expire, pexpire, expire_at, pexpire_at, persist, ttl, pttl."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest

from ..._operations import expiry
from ..._operations.declare import Family
from ...interfaces import DEFAULT_TIMEOUT
from ..caller import Caller
from .suite import Make, Suite, lives


class ExpirySuite(Suite):
    covers: ClassVar[type[Family]] = expiry.Expiry

    def test_an_entry_is_gone_after_its_time(self, cache: Caller) -> None:
        cache.set("set", 1, 0.05)
        cache.add("add", 1, 0.05)
        cache.get_or_set("get_or_set", 1, 0.05)
        cache.set_many({"set_many": 1}, 0.05)
        cache.set_many({"touch": 1, "pexpire": 1}, None)
        cache.touch("touch", 0.05)
        cache.pexpire("pexpire", 50)
        keys = ["set", "add", "get_or_set", "set_many", "touch", "pexpire"]
        time.sleep(0.08)
        assert cache.get_many(keys) == {}
        assert [key for key in keys if cache.has_key(key)] == []

    def test_ttl_is_in_seconds_and_pttl_in_milliseconds(self, cache: Caller) -> None:
        cache.set("k", 1, 100)
        assert 90 <= cache.ttl("k") <= 100
        assert 90_000 < cache.pttl("k") <= 100_000

    def test_no_expiry_is_none_and_no_key_is_zero(self, cache: Caller) -> None:
        cache.set("k", 1, None)
        assert cache.ttl("k") is cache.pttl("k") is None
        assert cache.ttl("missing") == cache.pttl("missing") == 0

    def test_a_fraction_of_a_second_is_kept_in_milliseconds(self, cache: Caller) -> None:
        since = time.monotonic()
        cache.set("k", 1, 20.9)
        assert lives(cache.pttl("k"), 20.9, since)

    def test_the_default_timeout_is_the_caches(self, make: Make) -> None:
        cache = make(TIMEOUT=100)
        cache.set_many({"touch": 1, "expire": 1, "pexpire": 1}, None)
        cache.set("set", 1)
        cache.add("add", 1)
        cache.get_or_set("get_or_set", 1)
        cache.set_many({"set_many": 1})
        assert cache.touch("touch") is True
        assert cache.expire("expire") is True
        assert cache.pexpire("pexpire") is True
        cache.set("explicit", 1, DEFAULT_TIMEOUT)
        keys = "set add get_or_set set_many touch expire pexpire explicit".split()
        assert {key: round(cache.pttl(key), -4) for key in keys} == dict.fromkeys(keys, 100_000)

    def test_without_a_default_timeout_entries_stay(self, make: Make) -> None:
        cache = make(TIMEOUT=None)
        cache.set("set", 1)
        cache.set("touch", 1, 10)
        assert cache.touch("touch") is True
        assert cache.ttl("set") is cache.ttl("touch") is None

    def test_a_default_timeout_of_zero_stores_nothing(self, make: Make) -> None:
        cache = make(TIMEOUT=0)
        cache.set("k", 1)
        cache.set_many({"a": 1})
        assert cache.get_or_set("b", 1) == 1
        assert cache.get_many(["k", "a", "b"]) == {}

    def test_touch_changes_the_expiry_and_not_the_value(self, cache: Caller) -> None:
        cache.set("k", "value", 10)
        assert cache.touch("k", 100) is True
        assert 90 < cache.ttl("k") <= 100
        assert cache.get("k") == "value"
        assert cache.touch("missing", 100) is False
        assert cache.has_key("missing") is False

    def test_touch_none_takes_the_expiry_away(self, cache: Caller) -> None:
        cache.set("k", 1, 10)
        assert cache.touch("k", None) is True
        assert cache.ttl("k") is None
        assert cache.touch("k", None) is True, "the entry is there, with an expiry or without"
        assert cache.touch("missing", None) is False

    def test_expire_takes_seconds_and_pexpire_milliseconds(self, cache: Caller) -> None:
        cache.set("k", 1, None)
        assert cache.expire("k", 100) is True
        assert 90 < cache.ttl("k") <= 100
        assert cache.pexpire("k", 5_000) is True
        assert 0 < cache.pttl("k") <= 5_000
        assert cache.expire("k", None) is True
        assert cache.ttl("k") is None
        assert cache.pexpire("k", None) is True
        assert cache.expire("missing", 100) is False
        assert cache.pexpire("missing", 500) is False

    def test_expire_at_takes_a_moment(self, cache: Caller) -> None:
        now = time.time()
        moments = {
            "aware": datetime.now(UTC) + timedelta(seconds=100),
            "naive": datetime.now() + timedelta(seconds=100),  # noqa: DTZ005 - local time
            "int": int(now) + 100,
            "float": now + 100,
        }
        cache.set_many(moments, None)
        for key, moment in moments.items():
            assert cache.expire_at(key, moment) is True
            assert 90_000 < cache.pttl(key) <= 101_000
        for key in ("aware", "naive"):
            cache.persist(key)
            assert cache.pexpire_at(key, moments[key]) is True
            assert 90_000 < cache.pttl(key) <= 101_000
        assert cache.pexpire_at("int", int((now + 60) * 1000)) is True
        assert 30_000 < cache.pttl("int") <= 60_000
        assert cache.expire_at("missing", now + 100) is False
        assert cache.pexpire_at("missing", (now + 100) * 1000) is False

    def test_a_moment_in_the_past_deletes(self, cache: Caller) -> None:
        cache.set_many({"a": 1, "b": 1, "c": 1})
        assert cache.expire_at("a", time.time() - 1) is True
        assert cache.pexpire_at("b", (time.time() - 1) * 1000) is True
        assert cache.expire_at("c", datetime(1999, 1, 1, tzinfo=UTC)) is True
        assert cache.get_many("abc") == {}

    def test_persist_says_whether_there_was_an_expiry(self, cache: Caller) -> None:
        cache.set("k", 1, 10)
        assert cache.persist("k") is True
        assert cache.ttl("k") is None
        assert cache.persist("k") is False
        assert cache.persist("missing") is False

    def test_expiry_is_a_versions_own(self, cache: Caller) -> None:
        cache.set("k", 1, None)
        cache.set("k", 2, None, version=2)
        later = time.time() + 100
        assert cache.touch("k", 100, version=2) is True
        assert cache.persist("k", version=2) is True
        assert cache.expire("k", 100, version=2) is True
        assert cache.pexpire("k", 100_000, version=2) is True
        assert cache.expire_at("k", later, version=2) is True
        assert cache.pexpire_at("k", later * 1000, version=2) is True
        assert 90 < cache.ttl("k", version=2) <= 100
        assert 90_000 < cache.pttl("k", version=2) <= 100_000
        assert cache.ttl("k") is cache.pttl("k") is None

    @pytest.mark.parametrize("value", [1, "text", [1]], ids=repr)
    def test_changing_the_expiry_keeps_the_value(self, cache: Caller, value: object) -> None:
        cache.set("k", value, 10)
        later = time.time() + 100
        changes: list[Callable[[], Any]] = [
            lambda: cache.touch("k", 100),
            lambda: cache.expire("k", 100),
            lambda: cache.pexpire("k", 100_000),
            lambda: cache.expire_at("k", later),
            lambda: cache.pexpire_at("k", later * 1000),
            lambda: cache.persist("k"),
        ]
        for change in changes:
            assert change() is True
            assert cache.get("k") == value
