"""Threads, forks and event loops that share one backend: right values, and nothing left open."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
import warnings
from collections.abc import Callable
from typing import Any

import pytest

from django_redis_core.cache import RedisCache
from django_redis_core.connections.channels import Channels
from django_redis_core.exceptions import ConnectionInterrupted
from django_redis_core.testing.forks import in_child
from django_redis_core.testing.proxy import FaultProxy
from django_redis_core.testing.servers import Server

MakeCache = Callable[..., RedisCache]


def connected(server: Server) -> int:
    """Connections that the server sees, the asking one not counted."""
    return int(server.info("clients")["connected_clients"]) - 1


def settles_at(server: Server, count: int, *, or_less: bool = False) -> bool:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found = connected(server)
        if found == count or (or_less and found < count):
            return True
        time.sleep(0.01)
    return False


def test_a_forked_child_never_uses_its_parents_connections(
    server: Server, cache_at: MakeCache
) -> None:
    """With threads that are busy at the moment of the fork."""
    cache = cache_at(server.url)
    for number in range(20):
        cache.set(f"key{number}", number)
    wrong: list[object] = []
    stop = threading.Event()

    def read(rounds: int = 10**9) -> None:
        for turn in range(rounds):
            if stop.is_set():
                return
            number = turn % 20
            value = cache.get(f"key{number}")
            if value != number:
                wrong.append((number, value))

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()

    def work() -> None:
        read(200)
        assert not wrong

    try:
        statuses = [in_child(work) for _ in range(5)]
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert statuses == [0] * 5
    assert not wrong


async def test_a_fork_leaves_the_parents_loop_alone(server: Server, cache_at: MakeCache) -> None:
    cache = cache_at(server.url)
    await cache.aset("key", "value")

    def work() -> None:
        gc.collect()
        assert cache.get("key") == "value"

    assert in_child(work) == 0
    for _ in range(20):
        assert await cache.aget("key") == "value"


def test_connections_of_a_loop_are_closed_with_it(server: Server, cache_at: MakeCache) -> None:
    cache = cache_at(server.url)

    async def work(number: int) -> None:
        await cache.aset(f"key{number}", number)
        assert await cache.aget(f"key{number}") == number
        async with cache.alock(f"lock{number}", timeout=5):
            pass

    for number in range(10):
        asyncio.run(work(number))
    assert settles_at(server, 0)


def test_a_loop_that_is_closed_carelessly_leaks_nothing_for_long(
    server: Server, cache_at: MakeCache
) -> None:
    """loop.close() without the loop's asynchronous generators having been ended."""
    cache = cache_at(server.url)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # asyncio's, for such a loop
        for _ in range(5):
            loop = asyncio.new_event_loop()
            loop.run_until_complete(cache.aset("key", 1))
            loop.close()
        asyncio.run(cache.aget("key"))
        del loop
        gc.collect()
    assert settles_at(server, 0)


def test_loops_in_threads_and_blocking_calls_share_one_backend(
    server: Server, cache_at: MakeCache
) -> None:
    cache = cache_at(server.url)
    wrong: list[object] = []

    async def tasks(name: str) -> None:
        async def one(number: int) -> None:
            key = f"{name}-{number}"
            await cache.aset(key, key)
            value = await cache.aget(key)
            if value != key:
                wrong.append((key, value))

        await asyncio.gather(*[one(number) for number in range(50)])

    def blocking(name: str) -> None:
        for number in range(100):
            key = f"{name}-{number}"
            cache.set(key, key)
            value = cache.get(key)
            if value != key:
                wrong.append((key, value))

    threads = [
        *(threading.Thread(target=lambda n=n: asyncio.run(tasks(f"loop{n}"))) for n in range(4)),
        *(threading.Thread(target=blocking, args=(f"thread{n}",)) for n in range(4)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    cache._engine.close_idle()
    assert settles_at(server, 0)


def test_short_lived_threads_leave_no_connection_each(server: Server, cache_at: MakeCache) -> None:
    cache = cache_at(server.url)
    for _ in range(100):
        thread = threading.Thread(target=cache.get, args=("key",))
        thread.start()
        thread.join()
    assert settles_at(server, 2, or_less=True)


def test_one_pool_for_a_whole_configuration_and_not_for_a_url(
    server: Server, cache_at: MakeCache
) -> None:
    """Another alias with the same URL keeps its own timeouts and limits."""
    one = cache_at(server.url, SOCKET_TIMEOUT=1)
    same = cache_at(server.url, SOCKET_TIMEOUT=1, IGNORE_EXCEPTIONS=True)
    other = cache_at(server.url, SOCKET_TIMEOUT=2)
    limited = cache_at(server.url, CONNECTION_POOL_KWARGS={"max_connections": 5})
    nodes = [cache._engine.topology.primaries()[0] for cache in (one, same, other, limited)]
    assert nodes[0] is nodes[1]
    assert len(set(nodes)) == 3
    assert nodes[2].config.kwargs["socket_timeout"] == 2
    assert nodes[3].config.max_connections == 5


def test_close_connection_closes_what_is_idle_at_the_end_of_a_request(
    server: Server, cache_at: MakeCache
) -> None:
    cache = cache_at(server.url, CLOSE_CONNECTION=True)
    cache.set("key", 1)
    assert connected(server) == 1
    cache.close()
    assert settles_at(server, 0)
    assert cache.get("key") == 1


async def test_tasks_share_as_many_connections_as_the_option_says(
    server: Server, cache_at: MakeCache
) -> None:
    cache = cache_at(server.url, ASYNC_CONNECTIONS=3)
    await cache.aset("key", "value")
    for _ in range(5):
        assert await asyncio.gather(*[cache.aget("key") for _ in range(20)]) == ["value"] * 20
    assert connected(server) == 3
    server.cli("CLIENT", "KILL", "TYPE", "normal")
    assert settles_at(server, 0)
    await asyncio.sleep(0.05)
    for _ in range(10):
        assert await cache.aincr("count", ignore_key_check=True)
    assert await cache.aget("count") == 10


@pytest.mark.parametrize("end", ["closed", "reset"])
async def test_a_connection_that_ends_while_it_is_being_made_holds_up_nobody(
    server: Server, proxy: FaultProxy, cache_at: MakeCache, end: str
) -> None:
    """redis-py had the transport then, and was told. Nobody is told twice, so a call would wait for
    its timeout, and the loop's end for ever."""
    node = cache_at(proxy.url)._engine.topology.primaries()[0]

    class Slow:
        timeout = None
        kwargs = node.config.kwargs

        async def async_connected(self) -> Any:
            connection = await node.config.async_connected()
            if end == "closed":
                server.cli("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            else:
                proxy.reset_all()
            await asyncio.sleep(0.1)
            return connection

    channels = Channels()

    async def called() -> None:
        await (await channels.open(Slow())).call((b"PING",))

    with pytest.raises(ConnectionInterrupted):
        await asyncio.wait_for(called(), 30)
    await asyncio.wait_for(channels.close(), 30)
