"""Threads, forks and event loops on one cluster: right values, and no connection left open."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import pytest

from django_redis_core.cache import RedisCache
from django_redis_core.exceptions import ConnectionInterrupted
from django_redis_core.testing.cluster import Cluster
from django_redis_core.testing.forks import forked, in_child, status_of
from django_redis_core.testing.proxy import FaultProxy

CacheOn = Callable[..., RedisCache]

pytestmark = pytest.mark.usefixtures("patient_nodes")

DATA = {f"key{number}": number for number in range(90)}


def named(nodes: Cluster, cache_on: CacheOn, name: str) -> RedisCache:
    """A cache whose connections can be told from all others."""
    return cache_on(nodes.urls[0], CONNECTION_POOL_KWARGS={"client_name": name})


def connected(nodes: Cluster, name: str) -> int:
    """The connections of that name which the nodes see."""
    lists = [str(node.cli("CLIENT", "LIST")) for node in nodes.nodes]
    return sum(text.count(f" name={name} ") for text in lists)


def settles_at(nodes: Cluster, name: str, count: int) -> bool:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if connected(nodes, name) == count:
            return True
        time.sleep(0.02)
    return False


def test_a_forked_child_has_connections_of_its_own(cache: RedisCache) -> None:
    """With threads that are busy at the moment of the fork."""
    cache.set_many(DATA)
    stop = threading.Event()
    wrong: list[object] = []

    def read(rounds: int = 10**9) -> None:
        for _ in range(rounds):
            if stop.is_set():
                return
            for key, value in DATA.items():
                if cache.get(key) != value:
                    wrong.append(key)
            if cache.get_many(list(DATA)) != DATA:
                wrong.append("many")

    def read_in_child() -> None:
        read(3)
        asyncio.run(cache.aget_many(list(DATA)))
        with cache.lock("held", timeout=5):
            assert wrong == []

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        statuses = [in_child(read_in_child) for _ in range(3)]
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert statuses == [0, 0, 0]
    assert wrong == []


def test_a_child_does_not_wait_for_an_answer_that_its_parent_waits_for(
    nodes: Cluster, proxies: dict[tuple[str, int], FaultProxy], cache_on: CacheOn
) -> None:
    """A thread asks who serves which slots when the process forks: in the child it is not there."""
    first = proxies[nodes.nodes[0].address]
    remap = {address: proxy.address for address, proxy in proxies.items()}
    cache = cache_on(first.url, ADDRESS_REMAP=remap, SOCKET_TIMEOUT=30)
    first.black_hole()
    ended: list[object] = []

    def ask() -> None:
        with suppress(ConnectionInterrupted):
            cache.set("key", 1)
        ended.append(None)

    def write_in_child() -> None:
        began, written = time.monotonic(), False
        while not written and time.monotonic() - began < 20:
            with suppress(ConnectionInterrupted):  # the proxy closes what it has held
                written = cache.set("child", 1)
        assert written
        assert time.monotonic() - began < 20

    asking = threading.Thread(target=ask)
    asking.start()
    time.sleep(0.2)
    child = forked(write_in_child)
    time.sleep(0.2)  # the child asks as well
    assert not ended
    first.heal()
    assert status_of(child) == 0
    asking.join()


def test_event_loops_leave_nothing_open(nodes: Cluster, cache_on: CacheOn) -> None:
    cache = named(nodes, cache_on, "loops")
    cache.set_many(DATA)

    async def work() -> None:
        assert await cache.aget_many(list(DATA)) == DATA
        found = await asyncio.gather(*[cache.aget(key) for key in DATA])
        assert found == list(DATA.values())
        async with cache.alock("held", timeout=5):
            pass
        assert await asyncio.to_thread(connected, nodes, "loops") >= 3

    def loops() -> None:
        for _ in range(3):
            asyncio.run(work())

    threads = [threading.Thread(target=loops) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    cache._engine.close_idle()
    assert settles_at(nodes, "loops", 0)


def test_fifty_tasks_share_a_connection_a_node(nodes: Cluster, cache_on: CacheOn) -> None:
    cache = named(nodes, cache_on, "tasks")

    async def work() -> int:
        for _ in range(5):
            await asyncio.gather(*[cache.aset(key, value) for key, value in DATA.items()])
        return await asyncio.to_thread(connected, nodes, "tasks")

    # One to each node that was asked: the primaries, and start nodes that are replicas.
    assert 3 <= asyncio.run(work()) <= 6
