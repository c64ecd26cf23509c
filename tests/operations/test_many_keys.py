"""A call with very many keys leaves the server time for others: no command has more than a page."""

from __future__ import annotations

import asyncio

import pytest

from django_redis_core.cache import RedisCache
from django_redis_core.testing.fixtures import MakeCache
from django_redis_core.testing.servers import Server

KEYS = [f"key{number}" for number in range(2_500)]


def calls(server: Server, command: str) -> int:
    return int(server.info("commandstats").get(f"cmdstat_{command}", {"calls": 0})["calls"])


@pytest.fixture
def cache(make_cache: MakeCache) -> RedisCache:
    made = make_cache()
    made.set_many({key: key for key in KEYS[::2]})
    return made


def test_get_many_asks_in_pages(cache: RedisCache, redis_server: Server) -> None:
    before = calls(redis_server, "mget")
    assert cache.get_many(KEYS) == {key: key for key in KEYS[::2]}
    assert calls(redis_server, "mget") - before == 3


def test_delete_many_removes_in_pages(cache: RedisCache, redis_server: Server) -> None:
    before = calls(redis_server, "unlink")
    assert cache.delete_many(KEYS) == len(KEYS) // 2
    assert calls(redis_server, "unlink") - before == 3
    assert cache.get_many(KEYS) == {}


def test_a_page_is_one_command(cache: RedisCache, redis_server: Server) -> None:
    before = calls(redis_server, "mget"), calls(redis_server, "unlink")
    assert len(cache.get_many(KEYS[:1_000])) == 500
    assert cache.delete_many(KEYS[:1_000]) == 500
    assert (calls(redis_server, "mget") - before[0], calls(redis_server, "unlink") - before[1]) == (
        1,
        1,
    )


def test_on_asyncio_and_in_a_pipeline(
    cache: RedisCache, cache_loop: asyncio.AbstractEventLoop
) -> None:
    expected = {key: key for key in KEYS[::2]}
    assert cache_loop.run_until_complete(cache.aget_many(KEYS)) == expected
    with cache.pipeline() as queue:
        found, removed = queue.get_many(KEYS), queue.delete_many(KEYS)
    assert (found.value, removed.value) == (expected, len(expected))


def test_herd_removes_in_pages(make_cache: MakeCache, redis_server: Server) -> None:
    cache = make_cache({"CLIENT": "herd"})
    cache.set_many({key: key for key in KEYS[::2]})
    before = calls(redis_server, "unlink")
    assert cache.delete_many(KEYS) == len(KEYS) // 2
    assert calls(redis_server, "unlink") - before == 3
