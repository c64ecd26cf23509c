"""Moving an entry to another version: incr_version and decr_version."""

from __future__ import annotations

import time
from typing import ClassVar

import pytest

from ..._operations import versions
from ..._operations.declare import Family
from ..caller import Caller
from .suite import Make, Suite, lives


class VersionsSuite(Suite):
    covers: ClassVar[type[Family]] = versions.Versions

    def test_incr_version_moves_the_entry(self, cache: Caller) -> None:
        cache.set("k", "value")
        assert cache.incr_version("k") == 2
        assert cache.get("k") is None
        assert cache.get("k", version=2) == "value"
        assert cache.incr_version("k", version=2) == 3
        assert cache.incr_version("k", 4, version=3) == 7
        assert cache.get("k", version=7) == "value"
        assert cache.has_key("k", version=3) is False

    def test_decr_version_moves_it_back(self, cache: Caller) -> None:
        cache.set("k", "value", version=5)
        assert cache.decr_version("k", version=5) == 4
        assert cache.decr_version("k", 3, 4) == 1
        assert cache.get("k") == "value"
        assert cache.has_key("k", version=5) is False

    def test_the_version_of_the_cache_is_where_it_starts(self, make: Make) -> None:
        second = make(VERSION=2)
        second.set("k", "value")
        assert second.incr_version("k") == 3
        assert second.decr_version("k", 2, 3) == 1
        assert second.get("k") is None
        assert second.get("k", version=1) == "value"

    def test_a_missing_key_cannot_change_its_version(self, cache: Caller) -> None:
        with pytest.raises(ValueError, match="missing"):
            cache.incr_version("missing")
        with pytest.raises(ValueError, match="missing"):
            cache.decr_version("missing")

    def test_it_replaces_what_the_new_version_holds(self, cache: Caller) -> None:
        cache.set("k", "moved", 10)
        cache.set("k", "replaced", None, version=2)
        cache.incr_version("k")
        assert cache.get("k", version=2) == "moved"
        assert 0 < cache.pttl("k", version=2) <= 10_000

    def test_by_zero_it_stays(self, cache: Caller) -> None:
        cache.set("k", "value")
        assert cache.incr_version("k", 0) == 1
        assert cache.get("k") == "value"

    def test_the_expiry_goes_with_it(self, cache: Caller) -> None:
        since = time.monotonic()
        cache.set("short", 1, 20.9)
        cache.incr_version("short")
        assert lives(cache.pttl("short", version=2), 20.9, since)
        cache.set("for-ever", 1, None)
        cache.incr_version("for-ever")
        assert cache.pttl("for-ever", version=2) is None

    @pytest.mark.parametrize("key", ["a:b", ":a", "a:", "1:2:3", "{tag}:k"])
    def test_the_key_may_hold_colons(self, cache: Caller, key: str) -> None:
        cache.set(key, "value")
        cache.set("b", "another")
        assert cache.incr_version(key) == 2
        assert cache.get(key, version=2) == "value"
        assert cache.get("b") == "another"
        assert sorted(cache.keys("*", version=2)) == [key]
