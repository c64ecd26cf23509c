"""``client=``: an operation on a redis-py client or pipeline that the caller brings."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator

import pytest
import redis
import redis.asyncio
from django.core.cache import cache as default_cache
from django.test import override_settings

from django_redis_core import get_redis_connection
from django_redis_core.cache import RedisCache
from django_redis_core.exceptions import ConnectionInterrupted, WrongTypeError
from django_redis_core.testing.clients import client
from django_redis_core.testing.servers import Server


@pytest.fixture
def cache(make_cache: Callable[..., RedisCache]) -> RedisCache:
    return make_cache()


@pytest.fixture
def raw(redis_server: Server) -> Iterator[redis.Redis]:
    """A client of another database of the same server: what runs there is not in the cache."""
    with redis_server.client(db=5) as client:
        yield client
        client.flushdb()


@pytest.fixture
async def araw(redis_server: Server, raw: redis.Redis) -> AsyncIterator[redis.asyncio.Redis]:
    async with redis.asyncio.Redis(host=redis_server.host, port=redis_server.port, db=5) as client:
        yield client


def test_an_operation_runs_on_the_client(cache: RedisCache, raw: redis.Redis) -> None:
    assert cache.set("k", {"a": 1}, client=raw) is True
    assert cache.get("k") is None
    assert raw.exists(cache.make_key("k"))
    assert cache.get("k", client=raw) == {"a": 1}
    assert cache.has_key("k", client=raw) is True
    assert cache.touch("k", None, client=raw) is True
    assert cache.ttl("k", client=raw) is None
    assert cache.add("k", 1, client=raw) is False
    assert cache.set_many({"a": 1, "b": 2}, client=raw) == []
    assert cache.get_many(["a", "b"], client=raw) == {"a": 1, "b": 2}
    assert cache.incr("a", client=raw) == 2
    assert cache.incr_version("b", client=raw) == 2
    assert sorted(cache.keys("*", client=raw)) == ["a", "k"]
    assert sorted(cache.iter_keys("*", client=raw)) == ["a", "k"]
    assert cache.delete_pattern("k*", client=raw) == 1
    assert cache.get_or_set("k", lambda: "new", client=raw) == "new"
    with cache.lock("lock", client=raw):
        assert raw.exists(cache.make_key("lock"))
    assert cache.delete_many(["a", "k"], client=raw) == 2


async def test_an_operation_runs_on_an_asyncio_client(
    cache: RedisCache, araw: redis.asyncio.Redis
) -> None:
    assert await cache.aset("k", {"a": 1}, client=araw) is True
    assert await cache.aget("k") is None
    assert await cache.aget("k", client=araw) == {"a": 1}
    assert await cache.aset_many({"a": 1, "b": 2}, client=araw) == []
    assert await cache.aget_many(["a", "b"], client=araw) == {"a": 1, "b": 2}
    assert await cache.aincr("a", client=araw) == 2
    assert sorted([key async for key in cache.aiter_keys("*", client=araw)]) == ["a", "b", "k"]
    assert await cache.adelete_pattern("*", client=araw) == 3


def test_none_is_the_caches_own(cache: RedisCache) -> None:
    cache.set("k", 1, client=None)
    assert cache.get("k", client=None) == 1


def test_a_pipeline_runs_it_with_the_callers_own_commands(
    cache: RedisCache, raw: redis.Redis
) -> None:
    cache.set("gone", 1, client=raw)
    with raw.pipeline() as pipeline:
        cache.set("k", {"a": 1}, 100, client=pipeline)
        pipeline.incr("own")
        cache.expire("k", 50, client=pipeline)
        cache.delete("gone", client=pipeline)
        assert cache.get("k", client=raw) is None, "nothing runs before execute()"
        assert len(pipeline) == 4
        replies = pipeline.execute()
    assert len(replies) == 4
    assert replies[1] == 1
    assert cache.get("k", client=raw) == {"a": 1}
    assert 40 < cache.ttl("k", client=raw) <= 50
    assert cache.has_key("gone", client=raw) is False


async def test_an_asyncio_pipeline_too(cache: RedisCache, araw: redis.asyncio.Redis) -> None:
    async with araw.pipeline() as pipeline:
        await cache.aset("k", "value", client=pipeline)
        pipeline.incr("own")
        assert await cache.aget("k", client=araw) is None
        assert (await pipeline.execute())[1] == 1
    assert await cache.aget("k", client=araw) == "value"


def test_the_raw_client_of_the_cache_serves(redis_server: Server) -> None:
    entry = {"BACKEND": "django_redis_core.cache.RedisCache", "LOCATION": redis_server.url}
    with override_settings(CACHES={"default": {**entry, "KEY_PREFIX": "test-raw"}}):
        raw = get_redis_connection()
        default_cache.set("k", "value", client=raw)
        assert raw.exists("test-raw:1:k")
        assert default_cache.get("k") == "value"
        default_cache.clear()
        raw.close()


def test_errors_are_the_packages_own(cache: RedisCache, raw: redis.Redis) -> None:
    raw.rpush(cache.make_key("k"), "item")
    with pytest.raises(WrongTypeError):
        cache.get("k", client=raw)
    with pytest.raises(ConnectionInterrupted):
        cache.get("k", client=client(port=1))
