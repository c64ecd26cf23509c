"""A connection that is dead is not a server that is: a fresh one is tried before the breaker opens.

Firewalls and load balancers forget what was idle, and say so to nobody; servers close a connection
for what one request asked.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from django_redis_core import signals
from django_redis_core.cache import RedisCache
from django_redis_core.connections import trial
from django_redis_core.exceptions import CircuitOpen, ConnectionInterrupted, ServerTimeout
from django_redis_core.testing.busy import patiently, quickest, seconds
from django_redis_core.testing.proxy import FaultProxy
from django_redis_core.testing.servers import Server

MakeCache = Callable[..., RedisCache]
Get = Callable[[RedisCache], Any]

TIMEOUT = 1.0  # seconds; the trial has a fifth of it


def node_of(cache: RedisCache) -> Any:
    return cache._engine.topology.primaries()[0]


@pytest.fixture(params=["blocking", "asyncio"])
def get(request: pytest.FixtureRequest) -> Iterator[Get]:
    """``get`` of the key "key", always on one loop."""
    if request.param == "blocking":
        yield lambda cache: cache.get("key")
        return
    with asyncio.Runner() as runner:

        async def native(cache: RedisCache) -> Any:
            return await cache.aget("key")

        yield lambda cache: runner.run(native(cache))


@pytest.fixture
def told() -> Iterator[list[str]]:
    """What the breaker's signals say."""
    seen: list[str] = []

    def opened(**kwargs: object) -> None:
        seen.append("opened")

    def closed(**kwargs: object) -> None:
        seen.append("closed")

    signals.circuit_opened.connect(opened)
    signals.circuit_closed.connect(closed)
    yield seen
    signals.circuit_opened.disconnect(opened)
    signals.circuit_closed.disconnect(closed)


@pytest.fixture
def long_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    """For a server that is well and a machine that is busy."""
    monkeypatch.setattr(trial, "_PART", 1.0)


@pytest.mark.usefixtures("long_trial")
def test_a_forgotten_connection_costs_one_caller_and_nobody_else(
    proxy: FaultProxy, cache_at: MakeCache, get: Get, told: list[str]
) -> None:
    cache = cache_at(proxy.url, SOCKET_TIMEOUT=TIMEOUT, BREAKER_INTERVAL=60)
    patiently(lambda: cache.set("key", "value"))
    assert get(cache) == "value"
    proxy.forget()
    with pytest.raises(ServerTimeout):
        get(cache)
    assert node_of(cache).numbers()["breaker_open"] == 0
    assert [get(cache) for _ in range(5)] == ["value"] * 5
    assert told == []
    assert not node_of(cache).breaker.opened


@pytest.mark.usefixtures("long_trial")
def test_threads_whose_connections_were_forgotten_wait_once_each(
    proxy: FaultProxy, cache_at: MakeCache
) -> None:
    cache = cache_at(proxy.url, SOCKET_TIMEOUT=TIMEOUT, BREAKER_INTERVAL=60)
    patiently(lambda: cache.set("key", "value"))
    links = node_of(cache).links
    for link in [links.take() for _ in range(6)]:
        links.give(link)
    proxy.forget()
    raised: list[str] = []

    def work() -> None:
        for _ in range(10):
            try:
                assert cache.get("key") == "value"
            except ConnectionInterrupted as error:
                raised.append(type(error).__name__)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(raised) <= {"ServerTimeout"}
    assert 1 <= len(raised) <= 4


@pytest.mark.usefixtures("long_trial")
async def test_channels_of_one_age_are_dropped_together(
    proxy: FaultProxy, cache_at: MakeCache
) -> None:
    cache = cache_at(proxy.url, SOCKET_TIMEOUT=TIMEOUT, BREAKER_INTERVAL=60, ASYNC_CONNECTIONS=3)
    await cache.aset("key", "value")
    for _ in range(6):
        assert await cache.aget("key") == "value"
    proxy.forget()
    with pytest.raises(ServerTimeout):
        await cache.aget("key")
    assert [await cache.aget("key") for _ in range(6)] == ["value"] * 6


def test_a_server_that_is_dead_is_found_out_in_a_part_of_the_time(
    server: Server, cache_at: MakeCache, get: Get, told: list[str]
) -> None:
    def cost() -> float:
        told.clear()
        with FaultProxy(*server.address) as proxy:
            cache = cache_at(proxy.url, SOCKET_TIMEOUT=TIMEOUT, BREAKER_INTERVAL=60)
            patiently(lambda: cache.set("key", "value"))
            patiently(lambda: get(cache))
            proxy.black_hole()
            began = time.monotonic()
            with pytest.raises(ServerTimeout):
                get(cache)
            for _ in range(10):
                with pytest.raises(CircuitOpen, match="failed moments ago"):
                    get(cache)
            took = time.monotonic() - began
        assert told[-1:] == ["opened"]
        return took

    assert quickest(cost, below=1.9 * TIMEOUT) < 1.9 * TIMEOUT  # a second timeout would make it 2
    assert told == ["opened"]


def test_the_first_answer_of_a_fresh_connection_may_not_be_late(
    server: Server, cache_at: MakeCache, get: Get, told: list[str]
) -> None:
    """Nothing tells a fresh connection that is silent from a server that is."""

    def cost() -> float:
        told.clear()
        with FaultProxy(*server.address) as proxy:
            cache = cache_at(proxy.url, SOCKET_TIMEOUT=TIMEOUT, BREAKER_INTERVAL=60)
            proxy.black_hole()
            began = time.monotonic()
            with pytest.raises(ServerTimeout):
                get(cache)
            with pytest.raises(CircuitOpen):
                get(cache)
            took = time.monotonic() - began
        assert told == ["opened"]
        return took

    # Nor is it a loop that was late.
    assert quickest(cost, below=1.9 * TIMEOUT) < 1.9 * TIMEOUT


def test_a_server_that_takes_connections_and_is_silent_is_tried_once(
    proxy: FaultProxy, cache_at: MakeCache, get: Get
) -> None:
    """Also where connecting may take longer than an answer: it is no loop that was late."""
    cache = cache_at(proxy.url, SOCKET_TIMEOUT=0.3, SOCKET_CONNECT_TIMEOUT=5)
    proxy.black_hole()
    with pytest.raises(ServerTimeout):
        get(cache)
    assert proxy.accepted == 1


async def test_a_reply_that_the_server_closes_connections_for_stops_nobody(
    proxy: FaultProxy, cache_at: MakeCache, told: list[str]
) -> None:
    """An output buffer limit, say, which is that of who asked for so much."""
    cache = cache_at(proxy.url, BREAKER_FAILURES=2, BREAKER_INTERVAL=60)
    cache.set("key", "value")
    cache.set("big", "x" * 1_000_000)
    proxy.cut_after(100_000)
    for _ in range(3):
        with pytest.raises(ConnectionInterrupted) as caught:
            cache.get("big")
        assert not isinstance(caught.value, CircuitOpen)
        with pytest.raises(ConnectionInterrupted) as caught:
            await cache.aget("big")
        assert not isinstance(caught.value, CircuitOpen)
    assert cache.get("key") == await cache.aget("key") == "value"
    assert told == []


def test_a_server_that_goes_away_under_many_requests_opens_the_breaker_all_the_same(
    server: Server, cache_at: MakeCache, told: list[str]
) -> None:
    cache = cache_at(server.url, BREAKER_INTERVAL=60)
    links = node_of(cache).links
    flights = [links.take() for _ in range(4)]
    for link in flights:
        links.give(link)
    server.kill()
    for _ in range(3):
        with pytest.raises(ConnectionInterrupted):
            cache.incr("count", ignore_key_check=True)
    with pytest.raises(CircuitOpen):
        cache.get("key")
    assert told == ["opened"]


@pytest.mark.usefixtures("long_trial")
async def test_a_loop_that_is_held_up_during_the_trial_is_not_the_servers_fault(
    proxy: FaultProxy, cache_at: MakeCache
) -> None:
    cache = cache_at(proxy.url, SOCKET_TIMEOUT=TIMEOUT, BREAKER_INTERVAL=60)
    await cache.aset("key", "value")
    proxy.forget()
    with pytest.raises(ServerTimeout):
        await cache.aget("key")
    reading = asyncio.create_task(cache.aget("key"))
    await asyncio.sleep(0)
    await asyncio.sleep(0.0005)
    time.sleep(TIMEOUT)  # noqa: ASYNC251  # that is the fault
    assert await reading == "value"


async def test_an_error_that_many_tasks_wait_for_is_one_of_its_own_for_each(
    server: Server, cache_at: MakeCache
) -> None:
    """What an operation has in spite of an error is noted on it, and nobody else's to see."""
    cache = cache_at(server.url)
    node = node_of(cache)
    node.retire("gone")
    errors = await asyncio.gather(*[cache.aget("key") for _ in range(3)], return_exceptions=True)
    assert {str(error) for error in errors} == {str(errors[0])}
    assert len({id(error) for error in errors}) == 3


CHECKED = {"CONNECTION_POOL_KWARGS": {"health_check_interval": 0.1}}


def pings(server: Server) -> int:
    """How many the server was sent."""
    return int(dict(server.info("commandstats")).get("cmdstat_ping", {}).get("calls", 0))


def test_health_check_interval_finds_a_dead_connection_before_a_request_does(
    proxy: FaultProxy, cache_at: MakeCache, get: Get
) -> None:
    cache = cache_at(proxy.url, SOCKET_TIMEOUT=TIMEOUT, BREAKER_INTERVAL=60, **CHECKED)
    patiently(lambda: cache.set("key", "value"))
    assert get(cache) == "value"
    proxy.forget()
    time.sleep(0.15)
    assert [get(cache) for _ in range(3)] == ["value"] * 3
    assert not node_of(cache).breaker.opened


def test_health_check_interval_asks_what_was_idle_and_nobody_else(
    server: Server, cache_at: MakeCache, get: Get
) -> None:
    cache = cache_at(server.url, **CHECKED)
    for _ in range(2):
        for _ in range(6):  # on a machine that is busy, both may be idle
            get(cache)
            before = pings(server)
            if seconds(lambda: get(cache)) < 0.05:
                break
        assert pings(server) == before
        accepted = node_of(cache).numbers()
        time.sleep(0.15)
        get(cache)
        assert pings(server) == before + 1
        assert node_of(cache).numbers() == accepted  # it was alive, and goes on


async def test_tasks_wait_together_for_the_answer_of_an_idle_connection(
    proxy: FaultProxy, cache_at: MakeCache
) -> None:
    cache = cache_at(proxy.url, SOCKET_TIMEOUT=TIMEOUT, ASYNC_CONNECTIONS=2, **CHECKED)
    await cache.aset("key", "value")
    await cache.aget("key")
    accepted = proxy.accepted
    proxy.forget()
    await asyncio.sleep(0.15)
    assert await asyncio.gather(*[cache.aget("key") for _ in range(20)]) == ["value"] * 20
    assert proxy.accepted == accepted + 2


def test_many_idle_connections_that_are_dead_are_asked_once(
    server: Server, cache_at: MakeCache
) -> None:
    def cost() -> float:
        with FaultProxy(*server.address) as proxy:
            cache = cache_at(proxy.url, SOCKET_TIMEOUT=TIMEOUT, **CHECKED)
            links = node_of(cache).links
            for link in [links.take() for _ in range(6)]:
                links.give(link)
            proxy.forget()
            time.sleep(0.15)
            return seconds(lambda: patiently(lambda: cache.get("key", "missed")))

    assert quickest(cost, below=TIMEOUT) < TIMEOUT  # six of them would be more


def test_a_dead_server_costs_no_more_for_the_question(
    server: Server, cache_at: MakeCache, get: Get
) -> None:
    def cost() -> float:
        with FaultProxy(*server.address) as proxy:
            cache = cache_at(proxy.url, SOCKET_TIMEOUT=TIMEOUT, BREAKER_INTERVAL=60, **CHECKED)
            patiently(lambda: cache.set("key", "value"))
            patiently(lambda: get(cache))
            proxy.black_hole()
            time.sleep(0.15)
            began = time.monotonic()
            with pytest.raises(ServerTimeout):
                get(cache)
            for _ in range(5):
                with pytest.raises(CircuitOpen):
                    get(cache)
            return time.monotonic() - began

    assert quickest(cost, below=1.9 * TIMEOUT) < 1.9 * TIMEOUT
