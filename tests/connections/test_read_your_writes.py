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
from django_redis_core.commands import GET, SET
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


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent, "LIMIT", 10)
    keys = recent.Recent(60)
    keys._note(str(number) for number in range(100))
    assert list(keys._until) == [str(number) for number in range(90, 100)]
    old = recent.Recent(0.01)
    old._note(["old"])
    time.sleep(0.02)
    old._note(["new"])
    assert list(old._until) == ["new"]


def test_a_key_that_is_written_again_is_known_at_every_moment() -> None:
    """Another thread may read it while it is noted."""
    keys, read = recent.Recent(60), GET("key")
    keys.routed(SET("key", b"1"))
    looks: list[bool] = []

    def look(frame: FrameType, event: str, argument: object) -> Any:
        if frame.f_code is recent.Recent._note.__code__:
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
    keys = recent.Recent(60)

    def write() -> None:
        signal.alarm(20)  # a child that hangs ends by it
        keys.routed(SET("key", b"1"))

    with keys._lock:
        assert in_child(write) == 0
