"""``REPLICA_MAX_LAG``: a replica of a shard that is too far behind is not read from."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from django_redis_core.cache import RedisCache
from django_redis_core.testing.clients import wait_until
from django_redis_core.testing.cluster import Cluster
from django_redis_core.testing.servers import Server

CacheOn = Callable[..., RedisCache]
KeysOf = Callable[..., dict[Server, list[str]]]
MAX_LAG = 0.4


def calls(node: Server, *names: str) -> int:
    stats = node.info("commandstats")
    return sum(int(stats.get(f"cmdstat_{name}", {}).get("calls", 0)) for name in names)


@contextmanager
def held_back(replica: Server) -> Iterator[None]:
    """It answers everybody, hears its primary, and carries out nothing that it hears."""
    replica.cli("CLIENT", "PAUSE", 60_000, "WRITE")
    try:
        yield
    finally:
        replica.cli("CLIENT", "UNPAUSE")


@pytest.mark.parametrize("read_from", ["replicas", "nearest"])
def test_a_replica_that_is_behind_leaves_and_comes_back(
    nodes: Cluster, cache_on: CacheOn, keys_of: KeysOf, read_from: str
) -> None:
    cache = cache_on(
        nodes.nodes[0].url, READ_FROM=read_from, REPLICA_MAX_LAG=MAX_LAG, SOCKET_TIMEOUT=5
    )
    found = keys_of(cache, 5)
    primary = next(iter(found))
    (replica,) = nodes.replicas_of(primary)
    keys = [key for of_node in found.values() for key in of_node]
    cache.set_many(dict.fromkeys(keys, "old"), None)

    def read() -> None:
        assert cache.get_many(keys) == dict.fromkeys(keys, value)
        assert [cache.get(key) for key in keys] == [value] * len(keys)
        assert asyncio.run(cache.aget_many(keys)) == dict.fromkeys(keys, value)

    def read_there() -> bool:
        cache.get_many(keys)
        topology = cache._engine.topology
        return any(
            node.config.kwargs["port"] == replica.port
            for shard in topology._map.shards  # type: ignore[attr-defined]
            for node in shard.readers.nodes
        )

    wait_until(read_there, "it is read from")
    with held_back(replica):
        value = "new"
        cache.set_many(dict.fromkeys(keys, value), None)
        time.sleep(MAX_LAG)
        before = calls(replica, "get", "mget")
        others = [node for node in nodes.nodes if node not in (*found, replica)]
        reads = sum(calls(node, "get", "mget") for node in others)
        for _ in range(10):
            read()
            time.sleep(0.02)
        assert calls(replica, "get", "mget") == before
        if read_from == "replicas":
            assert sum(calls(node, "get", "mget") for node in others) > reads + 50
    wait_until(read_there, "it is read from again", timeout=30)
    read()


def test_where_they_are_is_asked_of_all_shards_at_once(nodes: Cluster, cache_on: CacheOn) -> None:
    cache = cache_on(nodes.nodes[0].url, READ_FROM="replicas", REPLICA_MAX_LAG=3600)
    for node in nodes.nodes:
        node.cli("CONFIG", "RESETSTAT")
    for number in range(50):
        cache.get(f"key{number}")
    assert [calls(node, "info") for node in nodes.nodes] == [1] * 6
