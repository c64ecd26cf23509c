"""The promise: whatever interrupts a call between sending and reading, nobody gets another's value.

A connection that still owes a reply would give it to the next caller. So connections go back to
the pool only on the way of success; these tests interrupt calls at random moments and then look
for one wrong value.
"""

from __future__ import annotations

import asyncio
import functools
import gc
import itertools
import json
import random
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from redis.connection import Connection

from django_redis_core.cache import RedisCache
from django_redis_core.connections.config import ServerConfig
from django_redis_core.exceptions import ConnectionInterrupted
from django_redis_core.testing.proxy import FaultProxy
from django_redis_core.testing.servers import Server

KEYS = [f"key{number}" for number in range(50)]
INTERRUPTS = 600


def filled(cache: RedisCache) -> RedisCache:
    cache.set_many({key: f"value of {key}" for key in KEYS})
    return cache


def check(key: str, value: object) -> None:
    assert value == f"value of {key}", f"{key} gave {value!r}"


@pytest.mark.parametrize("threads", [0, 4], ids=["alone", "beside four threads"])
def test_a_signal_at_a_random_moment_never_leaves_a_reply_for_the_next_caller(
    server: Server, proxy: FaultProxy, threads: int
) -> None:
    """What a task's time limit and Ctrl-C do, hundreds of times at random moments. In a process of
    its own: such an exception may strike anywhere, and must not strike pytest."""
    if not threads:
        proxy.latency(0.0003)  # so that most interrupts fall between sending and reading
    outcome = hammered(server.url if threads else proxy.url, INTERRUPTS, threads)
    assert outcome["wrong"] == []
    assert outcome["failures"] == []
    assert outcome["reads"] >= INTERRUPTS


@pytest.mark.parametrize("threads", [0, 3], ids=["alone", "beside three threads"])
def test_a_signal_at_a_random_moment_never_takes_a_connection_from_the_limit(
    server: Server, threads: int
) -> None:
    """While connections are opened, closed and waited for: at the end all of them can be had, and
    no thread hangs on a lock that nobody lets go of."""
    outcome = hammered(server.url, INTERRUPTS, threads, 3)
    assert outcome["wrong"] == []
    assert outcome["failures"] == []
    assert outcome["left"] == 3


class Interrupt(BaseException):
    """What a signal's handler raises."""


def struck(at: int, function: Callable[[], object]) -> bool:
    """Calls ``function``, into which an interrupt strikes at the line of that number, counted over
    all lines of the executor's; False: it has no so many."""
    lines = itertools.count()

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        if "django_redis_core/connections/" not in frame.f_code.co_filename:
            return None
        if event == "line" and next(lines) == at:
            raise Interrupt
        return trace

    sys.settrace(trace)
    try:
        function()
    except Interrupt:
        return True
    finally:
        sys.settrace(None)
    return False


def test_an_interrupt_at_any_line_leaves_the_connections_place_free(
    server: Server, cache_at: Callable[..., RedisCache]
) -> None:
    """At once, and not when the collector comes: it may not, where all wait for a connection."""
    cache = filled(cache_at(server.url, CONNECTION_POOL_KWARGS={"max_connections": 1}))
    links = cache._engine.topology.primaries()[0].links
    gc.disable()
    try:
        for line in itertools.count():
            links.close_idle()
            if not struck(line, lambda: check("key1", cache.get("key1"))):
                break
            check("key2", cache.get("key2"))  # where there is no place: PoolExhausted
    finally:
        gc.enable()
    assert line > 50


async def test_an_interrupt_at_any_line_of_sending_leaves_no_reply_for_another_task(
    server: Server, cache_at: Callable[..., RedisCache]
) -> None:
    """What was sent for nobody, or not sent for somebody, would shift all replies behind it."""
    cache = cache_at(server.url)
    await cache.aset_many({key: f"value of {key}" for key in KEYS})
    for line in itertools.count():
        call = cache.aget("key1")
        interrupted = struck(line, functools.partial(call.send, None))
        call.close()  # like a task that is cancelled while it waits
        async with asyncio.timeout(30):
            check("key2", await cache.aget("key2"))
        if not interrupted:
            break
    assert line > 30


class Striking:
    """A number at whose reading the interrupt comes."""

    def __int__(self) -> int:
        raise Interrupt


def test_an_interrupt_in_redis_pys_constructor_comes_out_as_itself() -> None:
    """And not as the UnboundLocalError that its older versions make of it: a task's time limit
    would pass for an error of the cache's."""
    with pytest.raises(Interrupt):
        ServerConfig(Connection, {"protocol": Striking()}, timeout=None).connection()


def hammered(*arguments: object) -> dict[str, Any]:
    """What hammer.py counted, with these arguments."""
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("hammer.py")), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    outcome: dict[str, Any] = json.loads(done.stdout)
    return outcome


async def test_cancelling_a_task_never_shifts_the_replies_of_others(
    proxy: FaultProxy, cache_at: Callable[..., RedisCache]
) -> None:
    proxy.latency(0.0003)
    cache = cache_at(proxy.url)
    await cache.aset_many({key: f"value of {key}" for key in KEYS})
    cancelled = 0

    async def reader() -> None:
        while True:
            key = random.choice(KEYS)
            check(key, await cache.aget(key))
            for name, value in (await cache.aget_many([key, random.choice(KEYS)])).items():
                check(name, value)
            async with cache.apipeline() as pipe:
                queued = pipe.get(key)
            check(key, queued.value)

    while cancelled < INTERRUPTS:
        tasks = [asyncio.create_task(reader()) for _ in range(20)]
        await asyncio.sleep(random.uniform(0, 0.003))
        for task in tasks:
            task.cancel()
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            assert isinstance(outcome, asyncio.CancelledError), outcome
            cancelled += 1
        key = random.choice(KEYS)
        check(key, await cache.aget(key))


async def test_a_task_that_is_cancelled_while_connecting_takes_nothing_from_those_who_wait(
    proxy: FaultProxy, cache_at: Callable[..., RedisCache]
) -> None:
    proxy.latency(0.02)
    cache = cache_at(proxy.url)
    first = asyncio.create_task(cache.aget("nothing"))
    await asyncio.sleep(0.01)
    others = [asyncio.create_task(cache.aget("nothing", "default")) for _ in range(5)]
    await asyncio.sleep(0)
    first.cancel()
    assert await asyncio.gather(*others) == ["default"] * 5
    with pytest.raises(asyncio.CancelledError):
        await first


def test_a_reply_that_was_cut_off_is_not_continued_by_the_next_one(
    proxy: FaultProxy, cache_at: Callable[..., RedisCache]
) -> None:
    """Connections that break after n bytes of reply, for many n: right values or errors only."""
    cache = filled(cache_at(proxy.url, BREAKER_FAILURES=0))
    for size in range(1, 120, 3):
        proxy.cut_after(size)
        for key in random.sample(KEYS, 3):
            with suppress(ConnectionInterrupted):
                check(key, cache.get(key))
        proxy.heal()
        check(KEYS[0], cache.get(KEYS[0]))


def test_replies_in_slices_are_put_together(
    proxy: FaultProxy, cache_at: Callable[..., RedisCache]
) -> None:
    # A busy machine may take milliseconds for each slice.
    cache = cache_at(proxy.url, SOCKET_TIMEOUT=10)
    value = "long " * 200
    cache.set("long", value)
    proxy.slice(7)
    started = time.monotonic()
    assert cache.get("long") == value
    assert cache.get_many(["long", "nothing"]) == {"long": value}
    assert time.monotonic() - started < 30


class Double:
    """What answers every GET twice, as a broken proxy may, and other commands once."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self._listener.getsockname()[1]}/0"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError), client:
            while data := client.recv(65536):
                names = re.findall(rb"\*\d+\r\n\$\d+\r\n(\w+)", data)
                twice = b"$1\r\n1\r\n$1\r\n2\r\n"
                client.sendall(b"".join([twice if one == b"GET" else b"+OK\r\n" for one in names]))

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def double() -> Iterator[Double]:
    server = Double()
    yield server
    server.close()


def test_a_reply_that_nobody_asked_for_is_not_the_next_callers(
    double: Double, cache_at: Callable[..., RedisCache]
) -> None:
    cache = cache_at(double.url, BREAKER_FAILURES=0)
    for _ in range(3):
        with pytest.raises(ConnectionInterrupted, match="out of step"):
            cache.get("key")
        with cache.pipeline() as pipe:
            pipe.get("key")
            pipe.get("other")
            with pytest.raises(ConnectionInterrupted, match="out of step"):
                pipe.execute()


async def test_nor_on_asyncio(double: Double, cache_at: Callable[..., RedisCache]) -> None:
    cache = cache_at(double.url, BREAKER_FAILURES=0)
    for _ in range(3):
        with pytest.raises(ConnectionInterrupted, match="out of step"):
            await cache.aget("key")
