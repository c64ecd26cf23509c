"""Herd on a cluster: one decides what a value's envelope is, the other where it lives."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from django_redis_core.cache import RedisCache
from django_redis_core.testing.cluster import Cluster

DATA = {f"key{number}": number for number in range(300)}


@pytest.fixture
def cache(three_nodes: Cluster) -> Iterator[RedisCache]:
    options = {"CLIENT": "herd", "CONNECTION_FACTORY": "cluster"}
    cache = RedisCache(three_nodes.urls[0], {"KEY_PREFIX": "herd", "OPTIONS": options})
    yield cache
    cache.clear()
    cache._engine.close_idle()


def test_values_are_spread_and_come_back(cache: RedisCache, three_nodes: Cluster) -> None:
    assert cache.set_many(DATA, timeout=100) == []
    assert cache.get_many(list(DATA)) == DATA
    assert all(int(node.cli("DBSIZE")) > 50 for node in three_nodes.nodes)
    assert cache.incr("key7") == 8
    assert cache.delete_many(list(DATA)) == len(DATA)


async def test_on_asyncio_too(cache: RedisCache) -> None:
    assert await cache.aset_many(DATA, timeout=100) == []
    assert await cache.aget_many(list(DATA)) == DATA
    assert await cache.aget_or_set("new", lambda: "made", timeout=100) == "made"
    assert await cache.aget("new") == "made"


def test_an_entry_past_its_time_is_made_anew_by_one(cache: RedisCache) -> None:
    keys = [f"stale{number}" for number in range(12)]
    cache.set_many(dict.fromkeys(keys, "old"), timeout=0.05)
    time.sleep(0.1)
    made: list[str] = []

    def visit(_: int) -> list[object]:
        def make(key: str) -> str:
            made.append(key)
            time.sleep(0.02)
            return "new"

        return [cache.get_or_set(key, lambda key=key: make(key), timeout=100) for key in keys]

    with ThreadPoolExecutor(8) as threads:
        shown = list(threads.map(visit, range(8)))
    assert sorted(made) == sorted(keys)
    assert {value for values in shown for value in values} <= {"old", "new"}
    assert cache.get_many(keys) == dict.fromkeys(keys, "new")
