"""Operations over several shards: all shards take part, each key is where the ring says."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from django_redis_core.cache import RedisCache
from django_redis_core.exceptions import CrossNodeError
from django_redis_core.testing.servers import Server

CacheOn = Callable[..., RedisCache]
ShardOf = Callable[[RedisCache, str], int]
KeysOf = Callable[..., list[list[str]]]


def stored(servers: list[Server]) -> list[set[str]]:
    """What lies on each server."""
    return [set(server.cli("KEYS", "*")) for server in servers]


@pytest.fixture
def data(cache: RedisCache, keys_of: KeysOf) -> dict[str, str]:
    """Ten entries on each shard, in the order of nothing."""
    keys = [key for of_shard in keys_of(cache) for key in of_shard]
    random.Random(1).shuffle(keys)
    return {key: f"value of {key}" for key in keys}


def test_each_key_is_stored_on_its_shard_only(
    cache: RedisCache, servers: list[Server], data: dict[str, str], keys_of: KeysOf
) -> None:
    assert cache.set_many(data) == []
    expected = [{cache.make_key(key) for key in of_shard} for of_shard in keys_of(cache)]
    assert stored(servers) == expected


def test_get_many_gives_every_key_its_own_value(cache: RedisCache, data: dict[str, str]) -> None:
    cache.set_many(data)
    assert cache.get_many([*data, "missing"]) == data
    assert list(cache.get_many(list(data))) == list(data)


def test_delete_many_counts_over_all_shards(cache: RedisCache, data: dict[str, str]) -> None:
    cache.set_many(data)
    some = list(data)[:30]
    assert cache.delete_many([*some, "missing"]) == 30
    assert cache.get_many(list(data)) == {key: data[key] for key in list(data)[30:]}


async def test_the_same_on_asyncio(cache: RedisCache, data: dict[str, str]) -> None:
    assert await cache.aset_many(data) == []
    assert await cache.aget_many(list(data)) == data
    assert sorted(await cache.akeys("*")) == sorted(data)
    assert sorted([key async for key in cache.aiter_keys("*")]) == sorted(data)
    assert await cache.adelete_many(list(data)[:5]) == 5
    assert await cache.adelete_pattern("*") == len(data) - 5


def test_a_pipeline_serves_all_shards_in_order(cache: RedisCache, data: dict[str, str]) -> None:
    with cache.pipeline() as pipeline:
        for key, value in data.items():
            pipeline.set(key, value)
        for key in data:
            pipeline.get(key)
        pipeline.get_many(list(data))
        pipeline.delete_many(list(data))
        values = pipeline.execute()
    count = len(data)
    assert values == [True] * count + list(data.values()) + [data, count]


def test_keys_are_found_on_all_shards(cache: RedisCache, data: dict[str, str]) -> None:
    cache.set_many(data)
    assert sorted(cache.keys("*")) == sorted(data)
    assert sorted(cache.iter_keys("*", itersize=3)) == sorted(data)
    assert cache.keys("key1") == ["key1"]


@pytest.mark.parametrize("itersize", [None, 2])
def test_delete_pattern_deletes_on_all_shards(
    cache: RedisCache, data: dict[str, str], itersize: int | None
) -> None:
    cache.set_many(data)
    cache.set("other", 1)
    assert cache.delete_pattern("key*", itersize=itersize) == len(data)
    assert cache.keys("*") == ["other"]


def test_delete_pattern_names_a_key_only_to_the_server_that_has_it(
    cache: RedisCache, servers: list[Server], data: dict[str, str], keys_of: KeysOf
) -> None:
    """django-redis sends every key to every server."""
    cache.set_many(data)
    for server in servers:
        server.cli("CONFIG", "SET", "slowlog-log-slower-than", 0)
        server.cli("SLOWLOG", "RESET")
    cache.delete_pattern("key*")
    for server, of_shard in zip(servers, keys_of(cache), strict=True):
        commands = [entry[3] for entry in server.cli("SLOWLOG", "GET", 100)]
        server.cli("CONFIG", "SET", "slowlog-log-slower-than", 10_000)
        deleted = [command[1:] for command in commands if command[0] == "UNLINK"]
        assert [set(names) for names in deleted] == [{cache.make_key(key) for key in of_shard}]


def test_keys_that_a_resized_ring_puts_elsewhere_are_found_and_deleted(
    cache: RedisCache, servers: list[Server], cache_on: CacheOn, data: dict[str, str]
) -> None:
    urls = [server.url for server in servers]
    cache_on(urls[:3]).set_many(data)
    assert set(cache.keys("*")) == set(data)
    assert cache.delete_pattern("*") == len(data)
    assert stored(servers) == [set()] * 4


def test_clear_empties_every_shard(
    cache: RedisCache, servers: list[Server], cache_on: CacheOn, data: dict[str, str]
) -> None:
    cache.set_many(data)
    prefixed = cache_on([server.url for server in servers], KEY_PREFIX="site")
    prefixed.set_many(data)
    assert prefixed.clear()
    assert prefixed.keys("*") == []
    assert cache.get_many(list(data)) == data
    assert cache.clear()
    assert stored(servers) == [set()] * 4


def across(cache: RedisCache, shard_of: ShardOf) -> str:
    """A key whose next version lives on another shard, its name with ":" in it."""
    topology: Any = cache._engine.topology
    for number in range(1000):
        key = f"a:b{number}"
        if topology.place(cache.make_key(key, 1)) != topology.place(cache.make_key(key, 2)):
            return key
    raise AssertionError("no such key")


def test_incr_version_moves_to_another_shard_under_the_same_name(
    cache: RedisCache, servers: list[Server], shard_of: ShardOf
) -> None:
    """django-redis moves the value of "a:b" to "b"."""
    key = across(cache, shard_of)
    cache.set(key, "value", timeout=100)
    assert cache.incr_version(key) == 2
    assert cache.get(key) is None
    assert cache.get(key, version=2) == "value"
    assert set().union(*stored(servers)) == {f":2:{key}"}


def test_decr_version_moves_back(cache: RedisCache, shard_of: ShardOf) -> None:
    key = across(cache, shard_of)
    cache.set(key, "value", version=2)
    assert cache.decr_version(key, version=2) == 1
    assert cache.get(key) == "value"
    assert cache.get(key, version=2) is None


@pytest.mark.parametrize(("timeout", "least", "most"), [(100, 99_000, 100_000), (0.9, 300, 900)])
def test_incr_version_keeps_the_time_to_live_in_milliseconds(
    cache: RedisCache, shard_of: ShardOf, timeout: float, least: int, most: int
) -> None:
    """django-redis reads it in whole seconds: with less than one left the key is lost."""
    key = across(cache, shard_of)
    cache.set(key, "value", timeout=timeout)
    cache.incr_version(key)
    left = cache.pttl(key, version=2)
    assert left is not None
    assert least <= left <= most


def test_incr_version_keeps_an_entry_without_expiry_for_ever(
    cache: RedisCache, shard_of: ShardOf
) -> None:
    key = across(cache, shard_of)
    cache.set(key, 7, timeout=None)
    cache.incr_version(key)
    assert cache.ttl(key, version=2) is None
    assert cache.incr(key, version=2) == 8


def test_incr_version_replaces_what_was_there(cache: RedisCache, shard_of: ShardOf) -> None:
    key = across(cache, shard_of)
    cache.set(key, "old", version=2)
    cache.set(key, "new")
    cache.incr_version(key)
    assert cache.get(key, version=2) == "new"


def test_incr_version_of_a_missing_key_is_a_value_error(
    cache: RedisCache, shard_of: ShardOf
) -> None:
    with pytest.raises(ValueError, match="not found"):
        cache.incr_version(across(cache, shard_of))


async def test_incr_version_on_asyncio(cache: RedisCache, shard_of: ShardOf) -> None:
    key = across(cache, shard_of)
    await cache.aset(key, [1, 2], timeout=100)
    assert await cache.aincr_version(key) == 2
    assert await cache.aget(key, version=2) == [1, 2]


def test_a_lock_lives_on_its_keys_shard(
    cache: RedisCache, servers: list[Server], keys_of: KeysOf
) -> None:
    for position, (key, *_) in enumerate(keys_of(cache, 1)):
        with cache.lock(key, timeout=10):
            there = [cache.make_key(key) in of_server for of_server in stored(servers)]
            assert there == [place == position for place in range(4)]
            assert not cache.lock(key, blocking=False).acquire()
        assert cache.make_key(key) not in stored(servers)[position]


async def test_an_asyncio_lock_lives_there_too(
    cache: RedisCache, servers: list[Server], keys_of: KeysOf
) -> None:
    for position, (key, *_) in enumerate(keys_of(cache, 1)):
        async with cache.alock(key, timeout=10):
            assert cache.make_key(key) in stored(servers)[position]


def test_tagged_keys_live_together(cache: RedisCache, shard_of: ShardOf) -> None:
    places = {shard_of(cache, f"{{user7}}:{number}") for number in range(50)}
    assert len(places) == 1


def test_counters_count_on_their_shards(cache: RedisCache, keys_of: KeysOf) -> None:
    for key, *_ in keys_of(cache, 1):
        cache.set(key, 2**62)
        assert cache.incr(key, 2**62) == 2**63
        assert cache.decr(key, 1) == 2**63 - 1


@pytest.fixture
def sets(cache: RedisCache, keys_of: KeysOf) -> tuple[str, str, str]:
    """Two sets on different shards, and the name of a third on one more."""
    one, other, third, _ = (of_shard[0] for of_shard in keys_of(cache, 1))
    cache.sadd(one, 1, 2, 3)
    cache.sadd(other, 2, 3, 4)
    return one, other, third


def test_sets_of_several_shards_are_combined(cache: RedisCache, sets: tuple[str, str, str]) -> None:
    one, other, missing = sets
    assert cache.sinter(one, other) == {2, 3}
    assert cache.sunion(one, other, missing) == {1, 2, 3, 4}
    assert cache.sdiff(one, other) == {1}


@pytest.mark.parametrize("name", ["sinterstore", "sunionstore", "sdiffstore", "smove"])
def test_what_cannot_be_split_between_shards_says_so(
    cache: RedisCache, servers: list[Server], sets: tuple[str, str, str], name: str
) -> None:
    one, other, third = sets
    arguments = (one, other, 2) if name == "smove" else (third, one, other)
    before = stored(servers)
    with pytest.raises(CrossNodeError, match=f"keys of {name} live on several servers"):
        getattr(cache, name)(*arguments)
    assert stored(servers) == before
    assert (cache.smembers(one), cache.smembers(other)) == ({1, 2, 3}, {2, 3, 4})


def test_a_tag_makes_it_possible(cache: RedisCache) -> None:
    cache.sadd("{basket}:a", 1, 2)
    cache.sadd("{basket}:b", 2, 3)
    assert cache.sinterstore("{basket}:c", "{basket}:a", "{basket}:b") == 1
    assert cache.smove("{basket}:a", "{basket}:b", 1)
    assert cache.smembers("{basket}:b") == {1, 2, 3}


def test_structures_live_on_their_keys_shard(
    cache: RedisCache, servers: list[Server], keys_of: KeysOf
) -> None:
    """django-redis' shard client has no hashes and no sorted sets."""
    for position, (key, ranked, queue) in enumerate(keys_of(cache, 3)):
        cache.hset(key, "field", {"a": position})
        cache.zadd(ranked, {"member": 1.5})
        cache.rpush(queue, "first")
        assert cache.hget(key, "field") == {"a": position}
        assert cache.zscore(ranked, "member") == 1.5
        assert cache.lrange(queue, 0, -1) == ["first"]
        full = {cache.make_key(name) for name in (key, ranked, queue)}
        assert stored(servers)[position] == full
