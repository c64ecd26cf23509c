"""Reads that replicas serve."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from django.core.signals import setting_changed

from django_redis_core.cache import RedisCache
from django_redis_core.exceptions import ServerRefused
from django_redis_core.testing.busy import HeldUp
from django_redis_core.testing.clients import PATIENCE, wait_until
from django_redis_core.testing.servers import Server
from django_redis_core.testing.topologies import Sentinels

MakeCache = Callable[..., RedisCache]


def reads(server: Server) -> int:
    return int(server.info("commandstats").get("cmdstat_get", {}).get("calls", 0))


def asked(service: Sentinels, work: Callable[[], Any]) -> dict[int, int]:
    """How many GETs each server has had of ``work``."""
    before = {server.port: reads(server) for server in service.data.servers if server.answers}
    work()
    return {
        server.port: reads(server) - before[server.port]
        for server in service.data.servers
        if server.port in before
    }


@pytest.fixture
def two_locations(service: Sentinels) -> list[str]:
    return [f"redis://{service.service}/0?is_master={role}" for role in (1, 0)]


@pytest.mark.parametrize("form", ["client", "locations", "option"])
def test_reads_are_spread_over_the_replicas(
    service: Sentinels, cache_on: MakeCache, two_locations: list[str], form: str
) -> None:
    if form == "client":
        cache = cache_on(
            CONNECTION_FACTORY=None,
            CLIENT_CLASS="django_redis.client.SentinelClient",
            CONNECTION_POOL_CLASS="redis.sentinel.SentinelConnectionPool",
        )
    elif form == "locations":
        cache = cache_on(two_locations)
    else:
        cache = cache_on(READ_FROM="replicas")
    assert cache.set("k", 1)
    service.data.wait_in_sync()
    primary = service.current_primary()
    counts = asked(service, lambda: [cache.get("k") for _ in range(60)])
    assert counts.pop(primary.port) == 0
    assert len(counts) == 2
    assert all(count > 10 for count in counts.values())


async def test_so_it_is_on_asyncio(
    service: Sentinels, cache_on: MakeCache, two_locations: list[str]
) -> None:
    cache = cache_on(two_locations)
    await cache.aset("k", 1)
    service.data.wait_in_sync()
    before = {server.port: reads(server) for server in service.data.servers}
    for _ in range(30):
        assert await cache.aget("k") == 1
    primary = service.current_primary()
    counts = {server.port: reads(server) - before[server.port] for server in service.data.servers}
    assert counts.pop(primary.port) == 0
    assert sum(counts.values()) == 30


def test_a_cache_that_only_reads(service: Sentinels, cache_on: MakeCache) -> None:
    cache_on().set("k", "value")
    service.data.wait_in_sync()
    cache = cache_on(f"redis://{service.service}/0?is_master=0")
    primary = service.current_primary()
    counts = asked(service, lambda: cache.get("k"))
    assert counts[primary.port] == 0
    assert cache.get("k") == "value"
    assert "k" in cache.keys("k*")
    with pytest.raises(ServerRefused, match="only reads: its LOCATION says is_master=0"):
        cache.set("k", 2)
    assert (
        cache_on(f"redis://{service.service}/0?is_master=0", IGNORE_EXCEPTIONS=True).set("k", 2)
        is False
    )
    assert cache.raw_client().info("replication")["role"] == "slave"


def test_raw_clients_of_both_roles(
    service: Sentinels, cache_on: MakeCache, two_locations: list[str]
) -> None:
    cache = cache_on(two_locations)
    assert cache.raw_client(write=True).info("replication")["role"] == "master"
    assert cache.raw_client(write=False).info("replication")["role"] == "slave"
    assert cache.raw_client() is cache.raw_client()
    first = cache.raw_client(write=True)
    connection = first.client_id()
    setting_changed.send(sender=None, setting="CACHES", value=None, enter=True)
    assert first.client_id() != connection  # it was idle, and nobody may ever collect it
    only = cache_on()
    assert only.raw_client(write=False).info("replication")["role"] == "master"


def test_the_nearest(service: Sentinels, cache_on: MakeCache) -> None:
    cache = cache_on(READ_FROM="nearest")
    cache.set("k", 1)
    service.data.wait_in_sync()
    counts = asked(service, lambda: [cache.get("k") for _ in range(20)])
    assert sorted(counts.values()) == [0, 0, 20]


@pytest.mark.parametrize("fault", ["kill", "pause"])
def test_a_replica_leaves_and_comes_back(
    service: Sentinels, cache_on: MakeCache, two_locations: list[str], fault: str
) -> None:
    # Nobody waits for one that is dead; for one that is silent, as long as the settings say.
    cache = cache_on(two_locations, **(PATIENCE if fault == "kill" else {}))
    cache.set("k", 1)
    service.data.wait_in_sync()
    primary = service.current_primary()
    lost = next(server for server in service.data.servers if server is not primary)
    cache.get("k")

    def listed() -> bool:
        return any(f":{lost.port}/" in node.name for node in cache._engine.topology.nodes())

    def known() -> bool:
        cache.get("k")
        return listed()

    assert known()
    getattr(lost, fault)()
    failed, slowest, least = 0, 0.0, time.monotonic() + 1.2
    until = least + 20
    with HeldUp() as held:
        while time.monotonic() < least or (listed() and time.monotonic() < until):
            began = time.monotonic()
            try:
                assert cache.get("k") == 1
            except Exception:
                failed += 1
            slowest = max(slowest, time.monotonic() - began)
            time.sleep(0.005)
    assert not listed()
    if fault == "kill":
        assert failed == 0
        assert slowest < 2 + held.seconds  # who waits for it does so for half of the timeout
        lost.start()
    else:
        assert failed <= 2  # a timeout of one second is all the time that a call has
        lost.resume()
    wait_until(known, "it is read from again", timeout=30)


def test_a_replica_that_does_not_hear_its_primary_is_not_read_from(
    service: Sentinels, cache_on: MakeCache, two_locations: list[str]
) -> None:
    cache = cache_on(two_locations)
    cache.set("k", 1)
    cache.get("k")
    primary = service.current_primary()
    behind = next(server for server in service.data.servers if server is not primary)
    topology: Any = cache._engine.topology

    def known() -> bool:
        topology.doubt()
        cache.get("k")
        return any(f":{behind.port}/" in node.name for node in topology.nodes())

    assert known()
    service.data.wait_in_sync()
    behind.cli("CONFIG", "SET", "masterauth", "wrong")
    behind.cli("CLIENT", "KILL", "TYPE", "master")
    wait_until(lambda: not known(), "it is left out", timeout=30)
    behind.cli("CONFIG", "SET", "masterauth", primary.password or "")
    wait_until(known, "it is read from again", timeout=30)
