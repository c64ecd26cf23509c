"""The promise: with READ_YOUR_WRITES, a process sees what it has just written."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import Iterator
from types import FrameType, SimpleNamespace
from typing import Any

import pytest

from django_redis_core.cache import RedisCache
from django_redis_core.commands import GET, MGET, SCAN, SET, UNLINK
from django_redis_core.connections import recent
from django_redis_core.testing.clients import PATIENCE
from django_redis_core.testing.forks import in_child
from django_redis_core.testing.topologies import Replicated, replicated


@pytest.fixture
def behind() -> Iterator[Replicated]:
    """A primary whose replica has lost it, and goes on serving what it knows."""
    with replicated(1) as group:
        group.primary.client().set(":1:old", b"1")
        group.wait_in_sync()
        group.replicas[0].cli("REPLICAOF", "127.0.0.1", "1")
        yield group


def cache_at(group: Replicated, seconds: float | None) -> RedisCache:
    return RedisCache(group.urls, {"OPTIONS": {**PATIENCE, "READ_YOUR_WRITES": seconds}})


def test_without_it_a_replica_shows_the_past(behind: Replicated) -> None:
    cache = cache_at(behind, None)
    cache.set("old", 2)
    assert cache.get("old") == 1


def test_a_key_that_was_written_is_read_from_the_primary(behind: Replicated) -> None:
    cache = cache_at(behind, 30)
    assert cache.get("old") == 1
    cache.set("old", 2)
    cache.set_many({"many": 3, "more": 4})
    assert cache.get("old") == 2
    assert cache.get_many(["old", "many"]) == {"old": 2, "many": 3}
    assert cache.has_key("more")
    assert cache.ttl("more")
    with cache.pipeline() as pipe:
        pipe.incr("old")
        seen = pipe.get("old")
    assert seen.value == 3
    cache.delete_many(["many", "more"])
    assert cache.get_many(["many", "more"]) == {}

    async def native() -> None:
        await cache.aset("native", 1)
        assert await cache.aget("native") == 1

    asyncio.run(native())


def test_it_ends_after_its_seconds(behind: Replicated, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = cache_at(behind, 30)
    cache.set("old", 2)
    assert cache.get("old") == 2
    later = time.monotonic() + 31
    monkeypatch.setattr(recent, "time", SimpleNamespace(monotonic=lambda: later))
    assert cache.get("old") == 1


def test_other_caches_of_the_process_see_it_too(behind: Replicated) -> None:
    """A copy with other names, and another alias for the same servers."""
    cache, twin = cache_at(behind, 30), cache_at(behind, 20)
    cache.set("old", 2)
    assert twin.get("old") == 2
    cache.version = 5  # type: ignore[assignment]
    assert cache.get("old", version=1) == 2


def test_what_is_moved_is_read_from_the_primary_under_its_new_name(behind: Replicated) -> None:
    cache = cache_at(behind, 30)
    cache.incr_version("old")
    assert cache.get("old") is None
    assert cache.get("old", version=2) == 1


def test_every_key_of_a_command_counts(behind: Replicated) -> None:
    """And not only the first one, which decides where it goes."""
    cache = cache_at(behind, 30)
    cache.sadd("b", 1, 2)
    assert cache.sdiff("a", "b") == set()
    assert cache.sunion("a", "b") == {1, 2}
    cache.sadd("a", 1, 3)
    cache.sdiffstore("d", "a", "b")
    assert cache.smembers("d") == {3}
    cache.smove("a", "c", 3)
    assert cache.smembers("c") == {3}


@pytest.mark.parametrize("how", ["keys", "pattern", "clear", "flush"])
def test_what_a_listing_removed_is_gone(behind: Replicated, how: str) -> None:
    """The keys of a pattern come from the server as bytes; a whole database names none."""
    cache = cache_at(behind, 30)
    assert cache.get("old") == 1
    if how == "keys":
        cache.delete_many(cache.iter_keys("*"))
    elif how == "pattern":
        assert cache.delete_pattern("o*") == 1
    elif how == "clear":
        cache.clear()
    else:
        options = {**PATIENCE, "READ_YOUR_WRITES": 30, "CLEAR": "flushdb"}
        RedisCache(behind.urls, {"OPTIONS": options}).clear()
    assert cache.get("old") is None


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that had to be forgotten may be any key."""
    monkeypatch.setattr(recent, "LIMIT", 10)
    keys, never = recent.Recent(60, "bounded"), GET("never")
    for number in range(10):
        keys.routed(SET(str(number), b""))
    assert keys.routed(never) is never
    keys.routed(UNLINK([str(number) for number in range(10, 100)]))
    assert list(keys.written.at) == [str(number) for number in range(90, 100)]
    assert keys.routed(never).kind.write
    old = recent.Recent(0.01, "aged")
    old.routed(SET("old", b""))
    time.sleep(0.02)
    old.routed(SET("new", b""))
    assert list(old.written.at) == ["new"]
    assert old.routed(never) is never


def test_a_read_of_the_primary_is_no_write() -> None:
    keys = recent.Recent(60, "reads")
    for read in (GET("key"), MGET(["key"]), SCAN(0, "*", 10)):
        assert keys.routed(read.primary()).kind.write
        assert keys.routed(read) is read


def test_a_key_that_is_written_again_is_known_at_every_moment() -> None:
    """Another thread may read it while it is noted."""
    keys, read = recent.Recent(60, "again"), GET("key")
    keys.routed(SET("key", b"1"))
    looks: list[bool] = []

    def look(frame: FrameType, event: str, argument: object) -> Any:
        if frame.f_code is recent.Written.note.__code__:
            looks.append(keys.routed(read) is read)
        return look

    before = sys.gettrace()
    sys.settrace(look)
    try:
        keys.routed(SET("key", b"2"))
    finally:
        sys.settrace(before)
    assert len(looks) > 5
    assert not any(looks)


def test_a_fork_while_a_thread_writes_does_not_hang_the_child() -> None:
    keys = recent.Recent(60, "fork")

    def write() -> None:
        signal.alarm(20)  # a child that hangs ends by it
        keys.routed(SET("key", b"1"))
        recent.Recent(60, "another")

    with keys.written.lock, recent._lock:
        assert in_child(write) == 0
