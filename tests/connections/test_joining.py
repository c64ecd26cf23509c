"""SETs of one batch go as MSETEX to a server that knows it, and as SETs to any other."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from django_redis_core.cache import RedisCache
from django_redis_core.exceptions import ConnectionInterrupted, ServerRefused
from django_redis_core.testing.servers import Server

KIND = os.environ.get("DRC_TEST_SERVER", "valkey")
PASSWORD = "s3cret"
USERS = {
    "all": f"on >{PASSWORD} ~* &* +@all",
    "without": f"on >{PASSWORD} ~* &* -@all +@connection +set +get +mget",
    "some": f"on >{PASSWORD} ~:1:mine* &* +@all",
}
DATA = {f"key{number}": ("value", number) for number in range(300)}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(KIND, users=USERS) as own:
        yield own


@pytest.fixture
def calls(server: Server) -> Any:
    """How often the server has run SET and MSETEX since the test began."""
    server.cli("FLUSHALL")
    server.cli("CONFIG", "RESETSTAT")

    def count() -> dict[str, int]:
        stats = server.info("commandstats")
        return {
            name: stats.get(f"cmdstat_{name}", {}).get("calls", 0) for name in ("set", "msetex")
        }

    return count


@pytest.fixture
def knows(server: Server) -> bool:
    return server.cli("COMMAND", "INFO", "MSETEX") not in ([None], [])


def cache_of(server: Server, user: str = "all", **options: Any) -> RedisCache:
    cache = RedisCache(server.url, {"OPTIONS": {"USERNAME": user, "PASSWORD": PASSWORD, **options}})
    cache._engine.topology.single.reset()  # type: ignore[union-attr]  # a process' first call
    return cache


async def stored(cache: RedisCache, way: str, data: dict[str, Any], seconds: Any = 60) -> Any:
    if way == "blocking":
        return cache.set_many(data, seconds)
    return await cache.aset_many(data, seconds)


ways = pytest.mark.parametrize("way", ["blocking", "asyncio"])


@ways
async def test_many_keys_are_a_few_commands(
    server: Server, calls: Any, knows: bool, way: str
) -> None:
    cache = cache_of(server)
    assert await stored(cache, way, DATA) == []
    assert cache.get_many(DATA) == DATA
    assert all(50_000 < cache.pttl(key) <= 60_000 for key in ("key0", "key150", "key299"))
    assert calls() == ({"set": 0, "msetex": 3} if knows else {"set": 300, "msetex": 0})
    assert await stored(cache, way, DATA, None) == []
    assert cache.ttl("key7") is None


@ways
async def test_a_server_that_refuses_it_is_asked_once(server: Server, calls: Any, way: str) -> None:
    cache = cache_of(server, "without")
    assert await stored(cache, way, DATA) == []
    assert cache._engine.topology.single.without_msetex is True  # type: ignore[union-attr]
    assert await stored(cache, way, DATA) == []
    assert cache.get_many(DATA) == DATA
    assert calls() == {"set": 600, "msetex": 0}


@ways
async def test_what_is_refused_for_one_key_is_stored_for_the_others(
    server: Server, knows: bool, way: str
) -> None:
    """An access list forbids one key of three: MSETEX would store none."""
    cache = cache_of(server, "some")
    data = {"mine1": 1, "theirs": 2, "mine2": 3}
    assert await stored(cache, way, data) == ["theirs"]
    assert cache.get_many(["mine1", "mine2"]) == {"mine1": 1, "mine2": 3}


@ways
async def test_a_full_server_refuses_each_key(server: Server, knows: bool, way: str) -> None:
    """Which says nothing of MSETEX."""
    cache = cache_of(server)
    server.cli("CONFIG", "SET", "maxmemory", "1")
    try:
        with pytest.raises(ServerRefused, match="OOM"):
            await stored(cache, way, DATA)
    finally:
        server.cli("CONFIG", "SET", "maxmemory", "0")
    assert cache._engine.topology.single.without_msetex is not knows  # type: ignore[union-attr]


def test_a_pipeline_keeps_the_order_of_its_commands(server: Server, calls: Any) -> None:
    cache = cache_of(server)
    pipeline = cache.pipeline()
    results = [pipeline.set("key", 1, 60), pipeline.set("key", 2, 60), pipeline.set("key", 3, 60)]
    pipeline.execute()
    assert [result.value for result in results] == [True] * 3
    assert cache.get("key") == 3
    pipeline.set("key", 4, 60)
    before = pipeline.get("key")
    pipeline.set("key", 5, 60)
    pipeline.execute()
    assert (before.value, cache.get("key")) == (4, 5)


def test_expiries_of_their_own_and_conditions_stay_commands_of_their_own(
    server: Server, calls: Any
) -> None:
    cache = cache_of(server)
    with cache.pipeline() as pipeline:
        pipeline.set("short", 1, 10)
        pipeline.set("long", 1, 1000)
        pipeline.set("new", 1, 10, nx=True)
    assert calls() == {"set": 3, "msetex": 0}
    assert cache.ttl("short") <= 10 < cache.ttl("long")


def test_large_values_do_not_travel_in_one_command(server: Server, calls: Any) -> None:
    cache = cache_of(server)
    assert cache.set_many({"a": b"x" * 600_000, "b": b"y" * 600_000}) == []
    assert calls() == {"set": 2, "msetex": 0}
    assert len(cache.get("b")) == 600_000


def test_a_server_that_is_gone_is_trouble_for_all_keys(server: Server) -> None:
    with Server(KIND) as own:
        cache = RedisCache(own.url, {"OPTIONS": {"IGNORE_EXCEPTIONS": True}})
        assert cache.set_many(DATA) == []
        own.kill()
        assert cache.set_many(DATA) == list(DATA)
        loud = RedisCache(own.url, {})
        with pytest.raises(ConnectionInterrupted):
            loud.set_many(DATA)
