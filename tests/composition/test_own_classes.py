"""A site's connection classes under every connection factory: sentinel, cluster, shards."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
import redis
import redis.asyncio
from django.core.exceptions import ImproperlyConfigured
from redis.asyncio.sentinel import SentinelConnectionPool as AsyncSentinelPool
from redis.sentinel import SentinelConnectionPool

from django_redis_core.cache import RedisCache
from django_redis_core.testing.clients import PATIENCE
from django_redis_core.testing.cluster import cluster
from django_redis_core.testing.servers import Server
from django_redis_core.testing.topologies import sentinels


class Tagged(redis.Connection):
    """Says who it is, by an argument that only this class knows."""

    def __init__(self, *, tag: str, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "client_name": tag})


class AsyncTagged(redis.asyncio.Connection):
    def __init__(self, *, tag: str, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "client_name": f"async-{tag}"})


def tagged(**kwargs: Any) -> Tagged:
    return Tagged(**kwargs)


OWN: dict[str, Any] = {"CONNECTION_POOL_KWARGS": {"connection_class": Tagged, "tag": "mine"}}
BOTH = {**OWN, "ASYNC_CONNECTION_CLASS": AsyncTagged}


@pytest.fixture(scope="module", params=["sentinel", "cluster", "shard"])
def place(request: pytest.FixtureRequest) -> Iterator[tuple[Any, dict[str, Any], list[Server]]]:
    """LOCATION, the OPTIONS that it needs, and the servers."""
    if request.param == "sentinel":
        with sentinels(service="orders", down_after=30) as group:
            yield "redis://orders/0", group.options, list(group.data.servers)
    elif request.param == "cluster":
        with cluster(primaries=2, replicas=0) as nodes:
            yield nodes.urls[0], {"CONNECTION_FACTORY": "cluster"}, list(nodes.nodes)
    else:
        with Server() as first, Server() as second:
            yield [first.url, second.url], {"CLIENT": "shard"}, [first, second]


def names(servers: list[Server]) -> set[str]:
    """Of the connections that are open."""
    return {one["name"] for server in servers for one in server.client().client_list()}


def test_asyncio_without_a_counterpart_is_refused(place: Any) -> None:
    location, options, servers = place
    cache = RedisCache(location, {"OPTIONS": {**PATIENCE, **options, **OWN}})
    cache.set("a", 1)
    assert "mine" in names(servers)
    with pytest.raises(ImproperlyConfigured, match="ASYNC_CONNECTION_CLASS"):
        asyncio.run(cache.aset("a", 2))
    with pytest.raises(ImproperlyConfigured, match="ASYNC_CONNECTION_CLASS"):
        asyncio.run(cache.aget_many(["a", "b", "c"]))
    assert cache.get("a") == 1


def test_the_counterpart_serves_asyncio(place: Any) -> None:
    location, options, servers = place
    cache = RedisCache(location, {"OPTIONS": {**PATIENCE, **options, **BOTH}})

    async def native() -> None:
        await cache.aset_many({"a": 1, "b": 2, "c": 3})
        assert await cache.aget_many(["a", "b", "c"]) == {"a": 1, "b": 2, "c": 3}
        assert "async-mine" in names(servers)

    asyncio.run(native())
    assert cache.get("b") == 2


def test_redis_pys_clients_go_by_the_class_too_or_are_refused(place: Any) -> None:
    location, options, servers = place
    cache = RedisCache(location, {"OPTIONS": {**PATIENCE, **options, **BOTH}})

    async def native() -> None:
        client = cache.async_raw_client(key="a")
        await client.set("raw", 1)
        found = await client.client_list()
        assert any(one["name"] == "async-mine" for one in found)

    if options.get("CONNECTION_FACTORY") == "cluster":
        # redis-py's cluster clients take no connection class.
        with pytest.raises(ImproperlyConfigured, match="cache's own methods"):
            cache.raw_client()
        with pytest.raises(ImproperlyConfigured, match="cache's own methods"):
            asyncio.run(native())
        return
    cache.raw_client(key="a").set("raw", 1)
    for server in servers:
        server.client().client_kill_filter(_type="normal", skipme=True)
    cache.raw_client(key="a").set("raw", 1)
    assert "mine" in names(servers)
    asyncio.run(native())


def test_a_function_serves_the_cache(place: Any) -> None:
    location, options, _ = place
    kwargs = {"connection_class": tagged, "tag": "made"}
    options = {**options, "CONNECTION_POOL_KWARGS": kwargs, "ASYNC_CONNECTION_CLASS": AsyncTagged}
    cache = RedisCache(location, {"OPTIONS": options})
    cache.set("a", 1)
    assert cache.get_many(["a"]) == {"a": 1}
    if options.get("CONNECTION_FACTORY") == "sentinel":
        with pytest.raises(ImproperlyConfigured, match="is a function"):
            cache.raw_client()


class OwnPool(SentinelConnectionPool):
    pass


class AsyncOwnPool(AsyncSentinelPool):
    pass


def test_a_pool_class_of_sentinels() -> None:
    with sentinels(service="orders", down_after=30) as group:
        options: dict[str, Any] = {
            **group.options,
            "CONNECTION_POOL_CLASS": OwnPool,
        }

        async def raw(cache: RedisCache) -> Any:
            await cache.aset("a", 2)
            client = cache.async_raw_client()
            await client.ping()
            return client.connection_pool

        cache = RedisCache("redis://orders/0", {"OPTIONS": options})
        cache.set("a", 1)
        assert isinstance(cache.raw_client().connection_pool, OwnPool)
        with pytest.raises(ImproperlyConfigured, match="ASYNC_CONNECTION_POOL_CLASS"):
            asyncio.run(raw(cache))
        assert cache.get("a") == 2  # the cache's own connections are in no such pool
        options["ASYNC_CONNECTION_POOL_CLASS"] = AsyncOwnPool
        cache = RedisCache("redis://orders/0", {"OPTIONS": options})
        assert isinstance(asyncio.run(raw(cache)), AsyncOwnPool)
