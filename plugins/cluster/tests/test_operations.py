"""Operations whose keys live on several nodes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from django.core.signals import setting_changed
from redis.asyncio.cluster import RedisCluster as AsyncRedisCluster
from redis.cluster import RedisCluster

from django_redis_core.cache import RedisCache
from django_redis_core.exceptions import CrossNodeError
from django_redis_core.testing.busy import quickest, seconds
from django_redis_core.testing.cluster import Cluster, slot_of
from django_redis_core.testing.servers import Server

KeysOf = Callable[..., dict[Server, list[str]]]
Stored = Callable[[], dict[Server, set[str]]]
CacheOn = Callable[..., RedisCache]

pytestmark = pytest.mark.usefixtures("patient_nodes")
Primaries = Callable[[], list[Server]]

DATA = {f"key{number}": number for number in range(300)}


def test_many_keys_are_spread_and_come_back_in_the_order_of_asking(
    cache: RedisCache, stored: Stored
) -> None:
    assert cache.set_many(DATA) == []
    assert all(len(keys) > 50 for keys in stored().values())
    backwards = list(reversed(DATA))
    assert list(cache.get_many([*backwards, "missing"]).items()) == [
        (key, DATA[key]) for key in backwards
    ]
    assert cache.delete_many([*DATA, "missing"]) == len(DATA)
    assert not any(stored().values())


async def test_the_same_on_asyncio(cache: RedisCache) -> None:
    assert await cache.aset_many(DATA) == []
    assert await cache.aget_many(list(DATA)) == DATA
    assert await cache.adelete_many(list(DATA)) == len(DATA)


def test_many_keys_cost_one_request_a_node(
    through_proxies: RedisCache, proxies: dict[Any, Any]
) -> None:
    """Three hundred keys are about three hundred slots, a command each, but three round trips at
    once: with 300 ms each way they take one latency and not three."""
    cache = through_proxies
    cache.set_many(DATA)
    for proxy in proxies.values():
        proxy.latency(0.3)

    def read() -> None:
        assert cache.get_many(list(DATA)) == DATA

    took = quickest(lambda: seconds(read), below=1.7)
    for proxy in proxies.values():
        proxy.heal()
    assert 0.6 <= took < 1.7


def test_keys_are_found_on_every_node(cache: RedisCache, keys_of: KeysOf) -> None:
    wanted = {key for keys in keys_of(cache, 5).values() for key in keys}
    cache.set_many(dict.fromkeys(wanted, 1))
    cache.set("other", 1)
    assert set(cache.iter_keys("key*", itersize=2)) == wanted
    assert set(cache.keys("key*")) == wanted
    assert cache.delete_pattern("key*", itersize=2) == len(wanted)
    assert cache.keys("*") == ["other"]


async def test_the_same_on_asyncio_as_a_stream(cache: RedisCache) -> None:
    await cache.aset_many(DATA)
    assert {key async for key in cache.aiter_keys("key*")} == set(DATA)
    assert await cache.adelete_pattern("key*") == len(DATA)


def test_clear_empties_every_node_or_only_the_prefix(
    cache: RedisCache, nodes: Cluster, cache_on: CacheOn, stored: Stored
) -> None:
    prefixed = cache_on(nodes.urls[0], KEY_PREFIX="site")
    cache.set_many(DATA)
    prefixed.set_many(DATA)
    assert prefixed.clear()
    assert prefixed.keys("*") == []
    assert cache.get_many(list(DATA)) == DATA
    assert cache.clear()
    assert not any(stored().values())


def test_scripts_run_on_each_keys_node_also_where_they_are_not_known(
    cache: RedisCache, keys_of: KeysOf
) -> None:
    """``incr`` past 64 bits is a script."""
    for node, (key, *_) in keys_of(cache, 1).items():
        node.cli("SCRIPT", "FLUSH")
        cache.set(key, 2**62)
        assert cache.incr(key, 2**62) == 2**63
        assert cache.decr(key) == 2**63 - 1


def test_keys_with_one_tag_live_together(cache: RedisCache, stored: Stored) -> None:
    cache.set_many({f"{{user7}}:{number}": number for number in range(50)})
    assert sorted(map(len, stored().values())) == [0, 0, 50]


def test_a_pipeline_is_split_by_node(cache: RedisCache, keys_of: KeysOf) -> None:
    keys = [key for of_node in keys_of(cache, 3).values() for key in of_node]
    with cache.pipeline() as pipe:
        for key in keys:
            pipe.set(key, key)
        read = [pipe.get(key) for key in keys]
        together = pipe.get_many(keys)
        pipe.incr_version(keys[0])
    assert [result.value for result in read] == keys
    assert together.value == dict(zip(keys, keys, strict=True))
    assert cache.get(keys[0], version=2) == keys[0]


async def test_an_asyncio_pipeline_too(cache: RedisCache) -> None:
    async with cache.apipeline() as pipe:
        for key, value in DATA.items():
            pipe.set(key, value)
        found = pipe.get_many(list(DATA))
    assert found.value == DATA


@pytest.mark.parametrize(("timeout", "least", "most"), [(100, 99_000, 100_000), (0.9, 300, 900)])
def test_incr_version_moves_to_another_node_with_its_time_to_live(
    cache: RedisCache, timeout: float, least: int, most: int
) -> None:
    key = next(
        key
        for key in DATA
        if slot_of(cache.make_key(key, 1)) // 6000 != slot_of(cache.make_key(key, 2)) // 6000
    )
    cache.set(key, "value", timeout=timeout)
    assert cache.incr_version(key) == 2
    assert cache.get(key) is None
    assert cache.get(key, version=2) == "value"
    left = cache.pttl(key, version=2)
    assert left is not None
    assert least <= left <= most
    with pytest.raises(ValueError, match="not found"):
        cache.incr_version(key)


def test_sets_of_several_nodes_are_combined_here(cache: RedisCache, keys_of: KeysOf) -> None:
    one, other, missing = (keys[0] for keys in keys_of(cache, 1).values())
    cache.sadd(one, 1, 2, 3)
    cache.sadd(other, 2, 3, 4)
    assert cache.sinter(one, other) == {2, 3}
    assert cache.sunion(one, other, missing) == {1, 2, 3, 4}
    assert cache.sdiff(one, other) == {1}


@pytest.mark.parametrize("name", ["sinterstore", "sunionstore", "sdiffstore", "smove"])
def test_what_cannot_be_split_between_nodes_says_so(
    cache: RedisCache, keys_of: KeysOf, stored: Stored, name: str
) -> None:
    one, other, third = (keys[0] for keys in keys_of(cache, 1).values())
    cache.sadd(one, 1, 2)
    cache.sadd(other, 2, 3)
    before = stored()
    with pytest.raises(CrossNodeError, match=f"keys of {name} live on several servers"):
        getattr(cache, name)(*((one, other, 2) if name == "smove" else (third, one, other)))
    assert stored() == before


def test_a_tag_makes_it_possible(cache: RedisCache) -> None:
    cache.sadd("{basket}:a", 1, 2)
    cache.sadd("{basket}:b", 2, 3)
    assert cache.sinterstore("{basket}:c", "{basket}:a", "{basket}:b") == 1
    assert cache.smove("{basket}:a", "{basket}:b", 1)
    assert cache.smembers("{basket}:b") == {1, 2, 3}


def test_a_raw_client_is_one_for_the_whole_cluster(cache: RedisCache, keys_of: KeysOf) -> None:
    client = cache.raw_client()
    assert isinstance(client, RedisCluster)
    assert cache.raw_client() is client
    for keys in keys_of(cache, 1).values():
        cache.set(keys[0], 7)
        assert client.get(cache.make_key(keys[0])) == b"7"


def test_its_idle_connections_are_closed_when_settings_change(cache: RedisCache) -> None:
    client = cache.raw_client()

    def connections() -> dict[str, int]:
        return {node.name: client.client_id(target_nodes=node) for node in client.get_primaries()}

    before = connections()
    setting_changed.send(sender=None, setting="CACHES", value=None, enter=True)
    after = connections()
    assert all(before[name] != after[name] for name in before)


def test_an_operation_runs_on_a_client_of_the_callers_own(
    cache: RedisCache, keys_of: KeysOf
) -> None:
    client = cache.raw_client()
    keys = [key for of_node in keys_of(cache, 2).values() for key in of_node]
    for number, key in enumerate(keys):
        assert cache.set(key, number, client=client)
        assert cache.incr(key, client=client) == number + 1
    assert cache.get_many(keys, client=client) == {key: n for n, key in enumerate(keys, start=1)}
    cache.zadd("ranks", {"a": 1.5}, client=client)
    cache.hset("hash", "field", "value", client=client)
    assert cache.zpopmin("ranks", client=client) == ("a", 1.5)
    assert cache.hgetall("hash", client=client) == {"field": "value"}
    assert cache.incr_version("hash", client=client) == 2
    assert cache.delete_many(keys, client=client) == len(keys)
    with pytest.raises(CrossNodeError, match="leave client= out"):
        cache.delete_pattern("*", client=client)


async def test_an_operation_runs_on_an_asyncio_client_of_the_callers_own(
    cache: RedisCache, nodes: Cluster
) -> None:
    async with AsyncRedisCluster(host=nodes.nodes[0].host, port=nodes.nodes[0].port) as client:
        assert await cache.aset_many(DATA, client=client) == []
        assert await cache.aget_many(list(DATA), client=client) == DATA
        assert await cache.adelete_many(list(DATA), client=client) == len(DATA)


def test_a_lock_outlives_the_move_of_its_slot(
    cache: RedisCache, nodes: Cluster, primaries: Primaries
) -> None:
    slot = slot_of(cache.make_key("held"))
    home = nodes.owner(slot)
    target = next(node for node in primaries() if node is not home)
    lock = cache.lock("held", timeout=10)
    assert lock.acquire()
    nodes.move_slot(slot, target)
    try:
        assert not cache.lock("held", blocking=False).acquire()
        lock.release()
        assert not cache.has_key("held")
    finally:
        nodes.move_slot(slot, home)


async def test_asyncio_locks_take_turns(cache: RedisCache) -> None:
    inside: list[int] = []

    async def turn() -> int:
        async with cache.alock("turns", timeout=10, sleep=0.01):
            inside.append(1)
            await asyncio.sleep(0.01)
            inside.pop()
            return len(inside)

    assert await asyncio.gather(*[turn() for _ in range(5)]) == [0] * 5
