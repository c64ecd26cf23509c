"""A replica that is silent costs its readers nothing but a part of one operation's time: another
server answers, and whether it is well again is found out behind the callers' backs."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.signals import setting_changed

from django_redis_core import signals
from django_redis_core.cache import RedisCache
from django_redis_core.exceptions import ConnectionInterrupted
from django_redis_core.testing.busy import HeldUp, quickest, seconds
from django_redis_core.testing.clients import PATIENCE, wait_until
from django_redis_core.testing.cluster import cluster
from django_redis_core.testing.proxy import FaultProxy
from django_redis_core.testing.servers import Server
from django_redis_core.testing.topologies import Replicated, replicated, sentinels

KIND = os.environ.get("DRC_TEST_SERVER", "valkey")

#: What is more than a read takes on a machine that is slow, and less than a silent replica costs of
#: an operation's time: a half, or a fifth where it takes no connection. Seconds.
TIMES, WAITS = {"SOCKET_TIMEOUT": 2.0, "SOCKET_CONNECT_TIMEOUT": 2.0}, 0.3

Read = Callable[[RedisCache, str], Any]


@pytest.fixture(scope="module")
def group() -> Iterator[Replicated]:
    with replicated(2, kind=KIND) as group:
        yield group


@pytest.fixture(params=["blocking", "asyncio"])
def read(request: pytest.FixtureRequest) -> Iterator[Read]:
    """``get`` and ``get_many`` in turn, each a way of its own through the core."""
    turn = iter(range(1_000_000))
    if request.param == "blocking":

        def blocking(cache: RedisCache, key: str) -> Any:
            return cache.get(key) if next(turn) % 2 else cache.get_many([key])[key]

        yield blocking
        return
    with asyncio.Runner() as runner:

        async def native(cache: RedisCache, key: str) -> Any:
            return await cache.aget(key) if next(turn) % 2 else (await cache.aget_many([key]))[key]

        yield lambda cache, key: runner.run(native(cache, key))


def silence(proxy: FaultProxy, how: str) -> None:
    if how == "black hole":
        proxy.black_hole()
    else:
        proxy.stall_connects()
        proxy.reset_all()


def slowest(read: Read, cache: RedisCache, until: Callable[[float], bool]) -> float:
    """What the slowest one took, of the reads until ``until`` says so of that; none may fail: the
    other server has answered in the rest of the operation's time."""
    slow = 0.0

    def once() -> None:
        assert read(cache, "k") == "v"

    while not until(slow):
        slow = max(slow, seconds(once))
        time.sleep(0.005)
    return slow


def within(spell: float) -> Callable[[float], bool]:
    end = time.monotonic() + spell
    return lambda slow: time.monotonic() > end


def one_waits(read: Read, cache: RedisCache) -> None:
    """And nobody else: not one a second, say."""
    end = within(30)
    with HeldUp() as held:
        first = slowest(read, cache, lambda slow: slow > WAITS or end(slow))
    assert WAITS < first < 0.8 * TIMES["SOCKET_TIMEOUT"] + held.seconds
    nobody_waits(read, cache)


def nobody_waits(read: Read, cache: RedisCache) -> None:
    assert quickest(lambda: slowest(read, cache, within(2.2)), below=WAITS) < WAITS


@contextmanager
def back_at_once() -> Iterator[list[str]]:
    """The servers that were found to be well again."""
    closed: list[str] = []

    def heard(sender: str, **details: Any) -> None:
        closed.append(sender)

    signals.circuit_closed.connect(heard)
    try:
        yield closed
    finally:
        signals.circuit_closed.disconnect(heard)


@pytest.mark.parametrize("how", ["black hole", "no connection"])
@pytest.mark.parametrize(
    "options",
    [{}, {"READ_FROM": "nearest"}, {"REPLICA_MAX_LAG": 1.0}],
    ids=["replicas", "nearest", "max lag"],
)
def test_of_a_single_server(
    group: Replicated, read: Read, how: str, options: dict[str, Any]
) -> None:
    with FaultProxy(*group.replicas[0].address) as proxy, back_at_once() as back:
        urls = [group.primary.url, proxy.url, group.replicas[1].url]
        cache = RedisCache(urls, {"OPTIONS": {**TIMES, **options}})
        cache.set("k", "v", None)
        group.wait_in_sync()
        for _ in range(20):
            assert read(cache, "k") == "v"
        silence(proxy, how)
        if how == "black hole" and not options:
            one_waits(read, cache)
        else:  # a lost connection is told at once, and measurements may meet it first
            nobody_waits(read, cache)
        if options:
            return  # the next measurement finds it
        proxy.heal()

        def found() -> bool:
            assert read(cache, "k") == "v"
            return any(str(proxy.port) in name for name in back)

        wait_until(found, "it is read from again", timeout=30)


def test_with_a_single_replica(read: Read) -> None:
    with replicated(1, kind=KIND) as group, FaultProxy(*group.replicas[0].address) as proxy:
        urls = [group.primary.url, proxy.url]
        cache = RedisCache(urls, {"OPTIONS": {**TIMES}})
        cache.set("k", "v", None)
        group.wait_in_sync()
        assert read(cache, "k") == "v"
        proxy.black_hole()
        one_waits(read, cache)


def test_a_replica_has_all_the_time_of_a_client_of_ones_own(group: Replicated) -> None:
    cache = RedisCache(group.urls, {"OPTIONS": {"SOCKET_TIMEOUT": 0.8}})
    client = cache._engine.raw_clients(write=False, key=None).client()
    assert client.connection_pool.connection_kwargs["port"] != group.primary.port
    assert client.connection_pool.connection_kwargs["socket_timeout"] == 0.8


def test_of_a_service(read: Read) -> None:
    with sentinels(replicas=2, kind=KIND, down_after=30) as service:
        options = {
            **service.options,
            "READ_FROM": "replicas",
            **TIMES,
        }
        cache = RedisCache(f"redis://{service.service}/0", {"OPTIONS": options})
        cache.set("k", "v", None)
        service.data.wait_in_sync()
        for _ in range(20):
            assert read(cache, "k") == "v"
        silent = service.data.replicas[0]
        silent.pause()
        try:
            one_waits(read, cache)
        finally:
            silent.resume()


def test_of_a_cluster(read: Read) -> None:
    with cluster(1, 2, kind=KIND, node_timeout=30) as nodes:
        options = {
            "CONNECTION_FACTORY": "cluster",
            "READ_FROM": "replicas",
            **TIMES,
        }
        cache = RedisCache(nodes.urls[0], {"OPTIONS": options})
        cache.set("k", "v", None)
        nodes.wait_ok()
        for _ in range(20):
            assert read(cache, "k") == "v"
        silent = nodes.replicas[0]
        silent.pause()
        try:
            one_waits(read, cache)
        finally:
            silent.resume()


@pytest.fixture(autouse=True)
def without_a_past() -> Iterator[None]:
    yield
    setting_changed.send(sender=None, setting="CACHES", value=None, enter=True)


def test_who_has_no_other_server_tries_it(read: Read) -> None:
    with Server(KIND) as server, FaultProxy(*server.address) as proxy:
        cache = RedisCache(proxy.url, {"OPTIONS": {**PATIENCE, "BREAKER_INTERVAL": 0.2}})
        cache.set("k", "v")
        proxy.refuse()
        proxy.reset_all()
        for _ in range(3):
            with pytest.raises(ConnectionInterrupted):
                read(cache, "k")
        proxy.heal()
        time.sleep(0.25)
        assert read(cache, "k") == "v"
