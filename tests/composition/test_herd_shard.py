"""``"CLIENT": ["herd", "shard"]``: entries that expire logically, spread over four servers."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from django_redis_core.cache import RedisCache
from django_redis_core.testing.servers import Server

KEYS = [f"key{number}" for number in range(40)]


@pytest.fixture(params=["native", "django-redis"])
def herd_format(request: pytest.FixtureRequest) -> str:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def cache(
    herd_format: str,
    four_servers: list[Server],
    make_cache: Callable[..., RedisCache],
) -> RedisCache:
    return make_cache(
        {"CLIENT": ["herd", "shard"], "HERD_FORMAT": herd_format},
        LOCATION=[server.url for server in four_servers],
    )


@pytest.fixture
def expired(cache: RedisCache, herd_format: str) -> RedisCache:
    """The cache with values that are past their expiry and still there."""
    cache.set_many(dict.fromkeys(KEYS, "old"), 1)
    # django-redis' format knows whole seconds only.
    time.sleep(1.1 if herd_format == "native" else 2.1)
    return cache


def servers_with_keys(four_servers: list[Server]) -> list[int]:
    return [int(server.cli("DBSIZE")) for server in four_servers]


def test_entries_are_on_all_shards(cache: RedisCache, four_servers: list[Server]) -> None:
    data = {key: f"value of {key}" for key in KEYS}
    assert cache.set_many(data) == []
    assert cache.get_many(KEYS) == data
    counts = servers_with_keys(four_servers)
    assert sum(counts) == len(KEYS)
    assert all(counts)
    assert sorted(cache.keys("*")) == sorted(KEYS)
    assert cache.delete_many(KEYS[:5]) == 5
    assert cache.delete_pattern("*") == len(KEYS) - 5


async def test_they_are_on_asyncio_too(cache: RedisCache) -> None:
    data = {key: [key] for key in KEYS}
    assert await cache.aset_many(data) == []
    assert await cache.aget_many(KEYS) == data
    assert await cache.aclear()
    assert await cache.aget_many(KEYS) == {}


def test_one_worker_recomputes_each_expired_key(expired: RedisCache) -> None:
    computed: list[str] = []

    def compute(key: str) -> str:
        computed.append(key)
        time.sleep(0.001)
        return "new"

    def page(_: int) -> list[Any]:
        return [expired.get_or_set(key, lambda key=key: compute(key), 60) for key in KEYS]

    with ThreadPoolExecutor(8) as threads:
        pages = list(threads.map(page, range(8)))
    assert sorted(computed) == sorted(KEYS)
    assert all(value in ("old", "new") for values in pages for value in values)
    assert expired.get_many(KEYS) == dict.fromkeys(KEYS, "new")


def test_get_many_elects_on_every_shard(expired: RedisCache) -> None:
    assert expired.get_many(KEYS) == {}  # this caller is to replace them all
    assert expired.get_many(KEYS) == dict.fromkeys(KEYS, "old")


def test_a_version_moves_between_shards_with_its_expiry(cache: RedisCache) -> None:
    cache.set_many(dict.fromkeys(KEYS, 1.5), 100)
    for key in KEYS:
        assert cache.incr_version(key) == 2
    assert cache.get_many(KEYS) == {}
    assert cache.get_many(KEYS, version=2) == dict.fromkeys(KEYS, 1.5)
    left = [cache.ttl(key, version=2) for key in KEYS]
    assert all(90 <= (seconds or 0) <= 100 for seconds in left)
