"""SETs of one batch go as MSETEX to a server that knows it, and as SETs to any other."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from django_redis_core.cache import RedisCache
from django_redis_core.exceptions import ConnectionInterrupted, ServerRefused, ServerTimeout
from django_redis_core.testing.clients import PATIENCE
from django_redis_core.testing.processes import free_port
from django_redis_core.testing.proxy import FaultProxy
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
    cache = RedisCache(
        server.url, {"OPTIONS": {**PATIENCE, "USERNAME": user, "PASSWORD": PASSWORD, **options}}
    )
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
        cache = RedisCache(own.url, {"OPTIONS": {**PATIENCE, "IGNORE_EXCEPTIONS": True}})
        assert cache.set_many(DATA) == []
        own.kill()
        assert cache.set_many(DATA) == list(DATA)
        loud = RedisCache(own.url, {"OPTIONS": PATIENCE})
        with pytest.raises(ConnectionInterrupted):
            loud.set_many(DATA)


@pytest.fixture
def proxy(server: Server) -> Iterator[FaultProxy]:
    with FaultProxy(*server.address) as proxy:
        yield proxy


def through(proxy: FaultProxy, **options: Any) -> RedisCache:
    every = {"USERNAME": "all", "PASSWORD": PASSWORD, **options}
    return RedisCache(proxy.url, {"OPTIONS": every})


@ways
async def test_a_lost_reply_has_them_sent_again(
    server: Server, proxy: FaultProxy, calls: Any, knows: bool, way: str
) -> None:
    cache = through(proxy)
    assert await stored(cache, way, {"warm": 1, "up": 2}) == []
    before = calls()
    proxy.drop_replies(1)
    assert await stored(cache, way, DATA) == []
    assert cache.get_many(DATA) == DATA
    more = {name: count - before[name] for name, count in calls().items()}
    # The first of three was carried out when its reply was lost, or all of them were.
    assert more["set"] == 0 if knows else more["msetex"] == 0
    assert sum(more.values()) in (range(4, 7) if knows else range(301, 601))


@ways
async def test_a_server_that_is_silent_costs_one_timeout(
    server: Server, proxy: FaultProxy, way: str
) -> None:
    cache = through(proxy, SOCKET_TIMEOUT=0.4, BREAKER_FAILURES=0)
    for _ in range(6):  # on a machine that is busy, once is nothing
        with suppress(ServerTimeout):
            await stored(cache, way, {"warm": 1, "up": 2})
        proxy.black_hole()
        began = time.monotonic()
        with pytest.raises(ServerTimeout):
            await stored(cache, way, DATA)
        took = time.monotonic() - began
        proxy.heal()
        if took < 0.75:
            break
    assert 0.3 < took < 0.75


@ways
async def test_a_server_that_only_reads_refuses_and_is_sent_msetex_again_later(
    server: Server, calls: Any, knows: bool, way: str
) -> None:
    cache = cache_of(server)
    assert await stored(cache, way, DATA) == []
    server.cli("REPLICAOF", "127.0.0.1", free_port())
    try:
        with pytest.raises(ServerRefused, match="READONLY"):
            await stored(cache, way, dict.fromkeys(DATA, "new"))
        assert cache.get_many(DATA) == DATA
    finally:
        server.cli("REPLICAOF", "NO", "ONE")
    server.cli("CONFIG", "RESETSTAT")
    assert await stored(cache, way, dict.fromkeys(DATA, "new")) == []
    assert calls() == ({"set": 0, "msetex": 3} if knows else {"set": 300, "msetex": 0})


def test_a_key_that_is_set_twice_has_the_last_value_also_where_some_are_refused(
    server: Server, calls: Any
) -> None:
    for theirs in (0, 150):  # in the first piece, and in the second one
        cache = cache_of(server, "some")
        pipeline = cache.pipeline()
        for number in range(200):
            pipeline.set("theirs" if number == theirs else "mine", number, 60)
        with pytest.raises(ServerRefused):
            pipeline.execute()
        assert cache.get("mine") == 199


@ways
async def test_a_server_that_is_full_stores_what_it_has_room_for(
    server: Server, calls: Any, way: str
) -> None:
    """Of three MSETEX one is carried out, others are refused, and then each SET of theirs."""
    cache = cache_of(server, "all", IGNORE_EXCEPTIONS=True)
    data = {f"big{number}": os.urandom(5_000) for number in range(300)}
    used = int(server.info("memory")["used_memory"])
    server.cli("CONFIG", "SET", "maxmemory", str(used + 700_000))
    try:
        failed = await stored(cache, way, data)
    finally:
        server.cli("CONFIG", "SET", "maxmemory", "0")
    found = cache.get_many(data)
    assert failed
    assert found
    assert sorted([*failed, *found]) == sorted(data)
    assert {key: data[key] for key in found} == found
