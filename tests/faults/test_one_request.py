"""Trouble that belongs to one request, or to this process, says nothing of the server."""

from __future__ import annotations

import asyncio
import os
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import BinaryIO

import pytest
from django.core.signals import setting_changed

from django_redis_core.cache import RedisCache
from django_redis_core.exceptions import ConnectionInterrupted, ServerRefused, ServerTimeout
from django_redis_core.testing.busy import patiently, quickest, seconds
from django_redis_core.testing.clients import PATIENCE
from django_redis_core.testing.proxy import FaultProxy
from django_redis_core.testing.servers import Server

from .scripted import Scripted

KIND = os.environ.get("DRC_TEST_SERVER", "valkey")
BIG = "x" * 15_000_000


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(KIND) as server:
        yield server
    setting_changed.send(sender=None, setting="CACHES", value=None, enter=True)


@pytest.fixture
def slow(server: Server) -> Iterator[RedisCache]:
    with FaultProxy(*server.address) as line:
        line.throttle(10e6)
        cache = RedisCache(line.url, {"OPTIONS": {"SOCKET_TIMEOUT": 1.2}})
        patiently(lambda: cache.set("small", "v", None))
        yield cache


def test_while_a_request_goes_out_others_wait_on_asyncio(slow: RedisCache) -> None:
    async def reads() -> list[str]:
        values = []
        for _ in range(5):
            values.append(await slow.aget("small"))
            await asyncio.sleep(0.1)
        return values

    async def main() -> None:
        assert await slow.aget("small") == "v"
        big = asyncio.create_task(slow.aset("big", BIG))
        await asyncio.sleep(0.02)
        began = time.monotonic()
        for values in await asyncio.gather(*[reads() for _ in range(5)]):
            assert values == ["v"] * 5
        assert await big
        assert time.monotonic() - began > 0.8, "the line was fast, so nothing was tested"

    asyncio.run(main())


class Pausing(Scripted):
    """Takes half of what is long, then nothing for a while, then the rest."""

    def take(self, lines: BinaryIO, size: int) -> bytes:
        if size < 1_000_000:
            return lines.read(size)
        parts = []
        for _ in range(10):
            time.sleep(0.03)
            parts.append(lines.read(size // 20))
        time.sleep(0.7)
        return b"".join([*parts, lines.read(size - 10 * (size // 20))])


def test_a_pause_of_a_line_is_not_the_end_of_what_was_sent_behind_a_small_request() -> None:
    """What had moved before is progress, and not what moves in the last moment alone."""
    answers = {b"GET": [(0.1, b'$3\r\n"v"\r\n')], b"SET": b"+OK\r\n"}
    with Pausing(lambda args: answers[args[0]]) as server:
        options = {"SOCKET_TIMEOUT": 0.7, "SERIALIZER": "json", "BREAKER_FAILURES": 0}
        cache = RedisCache(server.url, {"OPTIONS": options})

        async def main(tries: int = 5) -> None:
            small = asyncio.create_task(cache.aget("small"))
            await asyncio.sleep(0.05)
            outcomes = await asyncio.gather(small, cache.aset("big", BIG), return_exceptions=True)
            if outcomes == ["v", True] or not tries:
                assert outcomes == ["v", True]
                return
            await main(tries - 1)  # on a machine that is busy, once is nothing

        asyncio.run(main())


def test_a_line_that_takes_nothing_is_not_waited_for(server: Server) -> None:
    """Progress counts, and not that there is something to send."""
    options = {"SOCKET_TIMEOUT": 0.5, "BREAKER_FAILURES": 0}
    cache = RedisCache(server.url, {"OPTIONS": options})

    async def sending() -> float:
        with suppress(ConnectionInterrupted):  # for a connection
            await cache.aset("k", 1)
        server.pause()
        try:
            began = time.monotonic()
            with pytest.raises(ServerTimeout):
                await cache.aset("big", "x" * 20_000_000)
            return time.monotonic() - began
        finally:
            server.resume()

    assert quickest(lambda: asyncio.run(sending()), below=1.4) < 1.4


def test_a_request_that_was_not_sent_in_time_stops_nobody(slow: RedisCache) -> None:

    def after() -> float:
        patiently(lambda: slow.get("small"))  # for a connection
        with pytest.raises(ServerTimeout, match="was not sent within"):
            slow.set("big", 4 * BIG)  # far more than the kernel takes ahead
        return seconds(lambda: slow.get("small"))

    assert quickest(after, below=0.4) < 0.4
    assert slow.get("small") == "v"


@pytest.mark.parametrize("held_up", [0.3, 0.6])
def test_a_loop_that_was_held_up_is_not_the_servers_fault(server: Server, held_up: float) -> None:
    cache = RedisCache(server.url, {"OPTIONS": {**PATIENCE, "SOCKET_CONNECT_TIMEOUT": 0.25}})
    patiently(lambda: cache.set("k", "v"))

    async def main() -> None:
        first = asyncio.create_task(cache.aget("k"))
        await asyncio.sleep(0)
        await asyncio.sleep(0.0005)
        time.sleep(held_up)  # noqa: ASYNC251  # that is the fault
        assert await first == "v"
        assert await cache.aget("k") == "v"

    asyncio.run(main())
    assert cache.get("k") == "v"


@pytest.fixture
def full(server: Server) -> Iterator[Callable[[], None]]:
    """Called, it lets strangers take every connection that the server has left."""
    held: list[socket.socket] = []

    def fill() -> None:
        server.cli("CONFIG", "SET", "maxclients", 4)
        held.extend(socket.create_connection(server.address) for _ in range(8))
        # It tells one that there is no place.
        assert select.select(held, [], [], 30)[0]

    yield fill
    for one in held:
        one.close()


def test_maxclients_has_its_code_and_leaves_the_others_alone(
    server: Server, full: Callable[[], None]
) -> None:
    kwargs = {"timeout": 0.05}
    options = {**PATIENCE, "CONNECTION_POOL_KWARGS": kwargs}
    cache = RedisCache(server.url, {"OPTIONS": options})
    cache.set("k", "v")
    link = cache._engine.topology.single.links.take()  # in use, so that others need new ones
    full()
    for _ in range(6):  # more than open a breaker
        with pytest.raises(ServerRefused) as caught:
            cache.get("k")
        assert caught.value.code == "MAXCLIENTS"
    cache._engine.topology.single.links.give(link)
    assert cache.get("k") == "v"


def test_threads_share_the_connections_that_a_full_server_has_left_them(
    server: Server, full: Callable[[], None]
) -> None:
    cache = RedisCache(server.url, {"OPTIONS": PATIENCE})
    cache.set("k", "v")
    full()
    outcomes: list[object] = []

    def work() -> None:
        for _ in range(20):
            try:
                outcomes.append(cache.get("k"))
            except ServerRefused as error:
                outcomes.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes == ["v"] * 160


def test_maxclients_has_its_code_on_asyncio(server: Server, full: Callable[[], None]) -> None:
    """redis-py's asyncio connection fails to write, and does not read why."""
    cache = RedisCache(server.url, {"OPTIONS": PATIENCE})
    full()

    async def main() -> None:
        for _ in range(6):
            with pytest.raises(ServerRefused) as caught:
                await cache.aget("k")
            assert caught.value.code == "MAXCLIENTS"

    asyncio.run(main())


def test_tasks_share_the_connection_that_a_full_server_has_left_them(
    server: Server, full: Callable[[], None]
) -> None:
    cache = RedisCache(server.url, {"OPTIONS": {**PATIENCE, "ASYNC_CONNECTIONS": 3}})

    async def main() -> None:
        await cache.aset("k", "v")
        full()
        assert await asyncio.gather(*[cache.aget("k") for _ in range(30)]) == ["v"] * 30

    asyncio.run(main())
