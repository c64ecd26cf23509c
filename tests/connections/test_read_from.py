"""``READ_FROM``: which of several servers answers a read."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from django_redis_core.cache import RedisCache
from django_redis_core.exceptions import ConnectionInterrupted
from django_redis_core.testing.clients import PATIENCE
from django_redis_core.testing.proxy import FaultProxy
from django_redis_core.testing.servers import Server
from django_redis_core.testing.topologies import Replicated, replicated


@pytest.fixture(scope="module")
def group() -> Iterator[Replicated]:
    with replicated(2, kind=os.environ.get("DRC_TEST_SERVER", "valkey")) as group:
        yield group


def reads(server: Server) -> int:
    return int(server.info("commandstats").get("cmdstat_get", {}).get("calls", 0))


def cache_on(location: Any, **options: Any) -> RedisCache:
    return RedisCache(location, {"OPTIONS": options})


def asked(group: Replicated, cache: RedisCache, count: int = 60) -> list[int]:
    """How many GETs the primary and each replica have had, of ``count`` in blocking code and as
    many on asyncio."""
    cache.set("k", 1)
    group.wait_in_sync()
    before = [reads(server) for server in group.servers]

    async def on_asyncio() -> None:
        for _ in range(count):
            assert await cache.aget("k") == 1

    for _ in range(count):
        assert cache.get("k") == 1
    asyncio.run(on_asyncio())
    return [reads(server) - seen for server, seen in zip(group.servers, before, strict=True)]


@pytest.mark.parametrize("options", [{}, {"READ_FROM": "replicas"}, {"READ_FROM": None}])
def test_the_replicas_by_chance(group: Replicated, options: dict[str, Any]) -> None:
    primary, *replicas = asked(group, cache_on(group.urls, **options))
    assert primary == 0
    assert all(count > 20 for count in replicas)


def test_the_primary_alone(group: Replicated) -> None:
    assert asked(group, cache_on(group.urls, READ_FROM="primary")) == [120, 0, 0]


@pytest.mark.parametrize("near", [0, 1, 2])
def test_the_nearest(group: Replicated, near: int) -> None:
    with ExitStack() as stack:
        urls = []
        for place, server in enumerate(group.servers):
            proxy = stack.enter_context(FaultProxy(*server.address))
            if place != near:
                proxy.latency(0.15)  # more than a busy machine holds up a PING by
            urls.append(proxy.url)
        counts = asked(group, cache_on(urls, READ_FROM="nearest", **PATIENCE), 10)
    assert [place for place, count in enumerate(counts) if count] == [near]


def test_the_nearest_is_looked_for_again(
    group: Replicated, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django_redis_core.connections import replicas

    cache = cache_on(group.urls, READ_FROM="nearest", SOCKET_TIMEOUT=4.9)
    cache.get("k")
    topology: Any = cache._engine.topology
    assert topology.ready
    monkeypatch.setattr(topology._readers, "until", time.monotonic() - 1)
    assert not topology.ready
    began = time.monotonic()
    cache.get("k")
    assert topology._readers.until >= began + replicas.MEASURED_FOR


@pytest.mark.parametrize("read_from", ["replicas", "nearest"])
def test_a_dead_replica_costs_no_read(read_from: str) -> None:
    with replicated(1) as group:
        cache = cache_on(group.urls, READ_FROM=read_from)
        cache.set("k", 1)
        group.wait_in_sync()
        assert cache.get("k") == 1
        group.replicas[0].kill()
        assert [cache.get("k") for _ in range(50)] == [1] * 50
        group.primary.kill()
        with pytest.raises(ConnectionInterrupted):
            cache.get("k")


def test_another_word_is_refused() -> None:
    with pytest.raises(ImproperlyConfigured, match="READ_FROM must be 'replicas' or 'nearest'"):
        cache_on("redis://localhost/0", READ_FROM="replica")
