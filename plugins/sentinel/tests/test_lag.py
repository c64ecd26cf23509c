"""``REPLICA_MAX_LAG``: what the sentinels take for well may still be too far behind."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from django_redis_core.cache import RedisCache
from django_redis_core.testing.clients import wait_until
from django_redis_core.testing.servers import Server
from django_redis_core.testing.topologies import Sentinels

MakeCache = Callable[..., RedisCache]
MAX_LAG = 0.4


def reads(server: Server) -> int:
    return int(server.info("commandstats").get("cmdstat_get", {}).get("calls", 0))


@contextmanager
def held_back(replica: Server) -> Iterator[None]:
    """It answers everybody, hears its primary, and carries out nothing that it hears."""
    # What sentinels publish counts as a write: held back as well, it would hold up their PING.
    replica.cli("ACL", "SETUSER", "sentinel", "-publish")
    replica.cli("CLIENT", "PAUSE", 60_000, "WRITE")
    try:
        yield
    finally:
        replica.cli("CLIENT", "UNPAUSE")
        replica.cli("ACL", "SETUSER", "sentinel", "+publish")


@pytest.fixture
def replica(service: Sentinels) -> Server:
    primary = service.current_primary()
    return next(server for server in service.data.servers if server is not primary)


@pytest.mark.parametrize("read_from", ["replicas", "nearest"])
def test_a_replica_that_is_behind_leaves_and_comes_back(
    service: Sentinels, cache_on: MakeCache, replica: Server, read_from: str
) -> None:
    cache = cache_on(READ_FROM=read_from, REPLICA_MAX_LAG=MAX_LAG, SOCKET_TIMEOUT=5)
    topology: Any = cache._engine.topology

    def read_there() -> bool:
        cache.get("k")
        return any(f":{replica.port}/" in node.name for node in topology._found.readers.nodes)

    cache.set("k", "old", None)
    wait_until(read_there, "it is read from")
    with held_back(replica):
        cache.set("k", "new", None)
        time.sleep(MAX_LAG)
        before = reads(replica)
        for _ in range(30):
            assert cache.get("k") == "new"
            assert asyncio.run(cache.aget("k")) == "new"
            time.sleep(0.01)
        assert reads(replica) == before
        assert any(f":{replica.port}/" in node.name for node in topology.nodes()), (
            "the sentinels take it for well, so without the option it would be read from"
        )
        raw = cache.raw_client(write=False)
        assert {int(raw.info("server")["tcp_port"]) for _ in range(4)} & {replica.port} == set()
    wait_until(read_there, "it is read from again", timeout=30)


def test_the_sentinels_are_not_asked_each_time(service: Sentinels, cache_on: MakeCache) -> None:
    """The replicas are asked every tenth of a second here, and the sentinels every five seconds."""
    cache = cache_on(READ_FROM="replicas", REPLICA_MAX_LAG=MAX_LAG, SOCKET_TIMEOUT=5)
    cache.set("k", 1)
    cache.get("k")
    time.sleep(0.3)  # a watch that has just begun has the sentinels asked
    cache.get("k")
    topology: Any = cache._engine.topology
    primary = service.current_primary()
    # Sentinels do not count commands by name.
    asked, looks = {topology._asked}, infos(primary)
    assert asked != {float("-inf")}
    for _ in range(12):
        cache.get("k")
        asked.add(topology._asked)
        time.sleep(0.11)
    assert len(asked) <= 3
    assert infos(primary) - looks >= 10


def infos(server: Server) -> int:
    return int(server.info("commandstats")["cmdstat_info"]["calls"])
