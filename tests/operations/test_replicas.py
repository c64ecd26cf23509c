"""A primary with two replicas: writes go to the first, reads to the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from django_redis_core.cache import RedisCache
from django_redis_core.testing.servers import Server
from django_redis_core.testing.topologies import Replicated, replicated

KEYS = [f"key-{number}" for number in range(20)]


@pytest.fixture(scope="module")
def group() -> Iterator[Replicated]:
    with replicated(2) as group:
        yield group


@pytest.fixture
def cache(group: Replicated, make_cache: Callable[..., RedisCache]) -> RedisCache:
    for server in group.servers:
        server.cli("CONFIG", "RESETSTAT")
    return make_cache(LOCATION=group.urls)


def calls(server: Server, command: str) -> int:
    """How often a server was sent a command, by its own count."""
    found = server.info("commandstats").get(f"cmdstat_{command}", {})
    return int(found.get("calls", 0))


def test_reads_are_spread_over_the_replicas(group: Replicated, cache: RedisCache) -> None:
    cache.set_many(dict.fromkeys(KEYS, "value"))
    group.wait_in_sync()
    assert [cache.get(key) for key in KEYS] == ["value"] * len(KEYS)
    assert calls(group.primary, "get") == 0
    assert all(calls(replica, "get") > 0 for replica in group.replicas)
    assert cache.get_many(KEYS) == dict.fromkeys(KEYS, "value")
    assert all(cache.has_key(key) for key in KEYS)
    assert calls(group.primary, "mget") == calls(group.primary, "exists") == 0


async def test_the_same_holds_on_asyncio(group: Replicated, cache: RedisCache) -> None:
    assert await cache.aset_many(dict.fromkeys(KEYS, "value")) == []
    group.wait_in_sync()
    assert [await cache.aget(key) for key in KEYS] == ["value"] * len(KEYS)
    assert calls(group.primary, "get") == 0
    assert all(calls(replica, "get") > 0 for replica in group.replicas)
    async with cache.apipeline() as pipeline:
        found = [pipeline.get(key) for key in KEYS]
    assert [result.value for result in found] == ["value"] * len(KEYS)


def test_writes_go_to_the_primary(group: Replicated, cache: RedisCache) -> None:
    cache.set("counter", 1, None)
    assert cache.incr("counter") == 2
    assert cache.touch("counter", 100) is True
    assert cache.touch("counter", None) is True
    assert cache.incr_version("counter") == 2
    assert cache.delete("counter", version=2) is True
    assert cache.add("added", 1) is True
    with cache.lock("lock", timeout=10):
        assert cache.add("lock", 1) is False


def test_a_caller_sees_what_it_has_just_written_where_it_must(cache: RedisCache) -> None:
    """These read and write, so they ask the primary, which is never behind."""
    for number in range(50):
        key = f"fresh-{number}"
        assert cache.get_or_set(key, number) == number
        assert cache.get_or_set(f"{key}-none", None) is None
        cache.set(key, "value", None)
        assert cache.touch(key, None) is True
        assert cache.set(key, "other", 0, nx=True) is False
        assert cache.incr_version(key) == 2


def test_scanning_asks_the_primary(group: Replicated, cache: RedisCache) -> None:
    cache.set_many(dict.fromkeys(KEYS, 1))
    assert sorted(cache.keys("*")) == sorted(KEYS)
    assert cache.delete_pattern("key-1*") == 11
    assert cache.clear() is True
    assert cache.keys("*") == []
    assert all(calls(replica, "scan") == 0 for replica in group.replicas)
