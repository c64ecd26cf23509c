"""Promises about connections themselves: given back, closed, replaced, counted once."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import time
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from redis.connection import ConnectionPool

from django_redis_core import signals
from django_redis_core.cache import RedisCache
from django_redis_core.commands import GET, SET
from django_redis_core.connections import node
from django_redis_core.connections.breaker import Breaker
from django_redis_core.exceptions import CircuitOpen, ConnectionInterrupted, ServerRefused
from django_redis_core.testing.busy import patiently
from django_redis_core.testing.proxy import FaultProxy
from django_redis_core.testing.servers import Server

MakeCache = Callable[..., RedisCache]


class SmallPool(ConnectionPool):
    """A pool class of a site's own, which refuses a third connection."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "max_connections": 2})


def node_of(cache: RedisCache) -> Any:
    return cache._engine.topology.primaries()[0]


def test_a_pool_class_of_the_sites_own_gets_failed_connections_back(
    proxy: FaultProxy, cache_at: MakeCache
) -> None:
    cache = cache_at(proxy.url, CONNECTION_POOL_CLASS=SmallPool, BREAKER_FAILURES=0)
    cache.set("count", 1)
    for _ in range(5):
        assert cache.get("count") >= 1
        proxy.drop_replies(1)
        with pytest.raises(ConnectionInterrupted):
            cache.incr("count", ignore_key_check=True)
        proxy.heal()
    assert cache.get("count") > 1


@pytest.mark.parametrize("pool", [None, SmallPool], ids=["ours", "the site's"])
def test_a_retired_server_is_not_written_to_on_a_connection_that_was_in_use(
    server: Server, cache_at: MakeCache, pool: Any
) -> None:
    options = {} if pool is None else {"CONNECTION_POOL_CLASS": pool}
    own = node_of(cache_at(server.url, **options))
    flight = own.send([GET(":1:key")])
    own.retire("demoted")
    assert own.receive(flight) == [None]
    with pytest.raises(ConnectionInterrupted, match="demoted"):
        own.call(SET(":1:key", b"late"))
    assert server.client().exists(":1:key") == 0


async def test_asyncio_leaves_a_server_that_became_a_replica(
    server: Server, cache_at: MakeCache
) -> None:
    """The name leads to another server by now, but the old connection does not."""
    cache = cache_at(server.url)
    await cache.aset("key", "value")
    old = node_of(cache).channels.get()
    server.cli("REPLICAOF", "127.0.0.1", "1")
    with pytest.raises(ServerRefused, match="READONLY"):
        await cache.aset("key", "other")
    server.cli("REPLICAOF", "NO", "ONE")
    assert await cache.aset("key", "other")
    assert node_of(cache).channels.get() is not old
    assert old.closed


def test_idle_connections_that_are_dead_cost_one_timeout_together(
    proxy: FaultProxy, cache_at: MakeCache
) -> None:
    """Packets of eight idle connections are dropped from now on; new ones would work."""
    cache = cache_at(proxy.url, SOCKET_TIMEOUT=1, BREAKER_INTERVAL=0.1)
    pool = node_of(cache).links
    for link in [pool.take() for _ in range(8)]:
        pool.give(link)
    assert len(pool._free) == 8
    proxy.black_hole()
    with pytest.raises(ConnectionInterrupted):
        cache.get("key")
    assert not pool._free
    proxy.heal()
    assert patiently(lambda: cache.get("key", "missed")) == "missed"


def test_an_open_breaker_is_always_one_that_a_success_will_close() -> None:
    """Another thread's success sets the count back just while this one opens the breaker."""
    breaker = Breaker("server", 1, 0.01)

    class Meanwhile(ConnectionInterrupted):
        @property
        def reason(self) -> str:
            breaker.succeeded()
            return "lost"

        @reason.setter
        def reason(self, value: str) -> None:
            pass

    breaker.failed(Meanwhile())
    assert breaker.failures or not breaker.opened


async def test_one_lost_connection_is_one_failure_for_all_its_callers(
    proxy: FaultProxy, cache_at: MakeCache
) -> None:
    cache = cache_at(proxy.url)
    await cache.aset("count", 1)
    await cache.aincr("count")
    proxy.drop_replies(1)
    outcomes = await asyncio.gather(
        *[cache.aincr("count") for _ in range(10)], return_exceptions=True
    )
    assert any(isinstance(outcome, ConnectionInterrupted) for outcome in outcomes)
    proxy.heal()
    assert not any(isinstance(outcome, CircuitOpen) for outcome in outcomes)
    assert (await cache.aget("count")) > 1


async def test_a_loop_that_was_held_up_loses_no_reply(server: Server, cache_at: MakeCache) -> None:
    cache = cache_at(server.url, SOCKET_TIMEOUT=0.3)
    value = "x" * 8_000_000
    cache_at(server.url, SOCKET_TIMEOUT=5).set("big", value)
    await cache.aget("small")  # the connection is there: connecting has a time of its own
    task = asyncio.create_task(cache.aget("big"))
    await asyncio.sleep(0.005)
    time.sleep(0.5)  # noqa: ASYNC251  # a task that does not give way is the fault
    assert await task == value


async def test_a_command_that_blocks_has_a_connection_of_its_own(
    server: Server, cache_at: MakeCache
) -> None:
    cache = cache_at(server.url, SOCKET_TIMEOUT=40)
    raw = cache.async_raw_client()
    popped = asyncio.create_task(raw.blpop(["queue"], timeout=30))
    thread = asyncio.create_task(asyncio.to_thread(cache.raw_client().blpop, ["other"], 30))
    await asyncio.sleep(0.1)
    began = time.monotonic()
    for number in range(20):
        assert await cache.aset("key", number)
        assert cache.get("key") == number
    assert time.monotonic() - began < 25  # those that block do so for 30
    assert not popped.done()
    assert not thread.done()
    server.cli("RPUSH", "queue", "a")
    server.cli("RPUSH", "other", "b")
    assert await popped == (b"queue", b"a")
    assert await thread == (b"other", b"b")


def test_a_fork_while_a_thread_holds_the_lock_of_all_servers_does_not_hang_the_child(
    server: Server, cache_at: MakeCache
) -> None:
    cache = cache_at(server.url)
    cache.set("key", 1)
    held, free = threading.Event(), threading.Event()

    def hold() -> None:
        with node._lock:
            held.set()
            free.wait()

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # threads and fork: that is the test
        child = os.fork()
    if child == 0:
        gc.collect()
        another = cache_at(server.url, SOCKET_TIMEOUT=6)
        os._exit(0 if cache.get("key") == another.get("key") == 1 else 1)
    free.set()
    holder.join()
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            assert os.waitstatus_to_exitcode(status) == 0
            return
        time.sleep(0.01)
    os.kill(child, 9)
    os.waitpid(child, 0)
    pytest.fail("the child hangs")


def test_a_receiver_that_raises_does_not_break_a_call(server: Server, cache_at: MakeCache) -> None:
    cache = cache_at(server.url, IGNORE_EXCEPTIONS=True)
    server.kill()

    def receiver(**kwargs: Any) -> None:
        raise RuntimeError("a receiver of the site's")

    for signal in (signals.exception_ignored, signals.circuit_opened):
        signal.connect(receiver)
    try:
        assert [cache.get("key", "default") for _ in range(5)] == ["default"] * 5
    finally:
        for signal in (signals.exception_ignored, signals.circuit_opened):
            signal.disconnect(receiver)


@pytest.mark.parametrize("lock", [False, True])
def test_what_was_computed_and_could_not_be_stored_is_not_computed_again(
    server: Server, cache_at: MakeCache, lock: bool
) -> None:
    cache = cache_at(server.url, IGNORE_EXCEPTIONS=True)
    cache.set("other", 1)
    calls: list[int] = []

    def compute() -> str:
        server.cli("REPLICAOF", "127.0.0.1", "1")  # from here on it refuses writes
        calls.append(1)
        return "computed"

    assert cache.get_or_set("key", compute, lock=lock) == "computed"
    assert len(calls) == 1


def test_get_or_set_leaves_a_lock_that_is_held(server: Server, cache_at: MakeCache) -> None:
    cache = cache_at(server.url)
    with cache.lock("key", timeout=5) as held:
        assert cache.get_or_set("key", lambda: "computed") == "computed"
        assert held.owned()
