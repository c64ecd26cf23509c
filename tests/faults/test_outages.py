"""The promises for a server that is down, hung, restarted or refuses."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from types import SimpleNamespace
from typing import Any, cast

import pytest
from django.core.exceptions import ImproperlyConfigured

from django_redis_core import signals
from django_redis_core.cache import RedisCache
from django_redis_core.connections import breaker
from django_redis_core.exceptions import (
    CircuitOpen,
    ConnectionInterrupted,
    PoolExhausted,
    ServerRefused,
    ServerTimeout,
    WrongTypeError,
)
from django_redis_core.testing.busy import patiently, quickest
from django_redis_core.testing.clients import wait_until
from django_redis_core.testing.proxy import FaultProxy
from django_redis_core.testing.servers import Server

MakeCache = Callable[..., RedisCache]


def page(cache: RedisCache) -> tuple[float, list[str]]:
    """Ten reads, as a page does them: how long they took, and what was raised."""
    started, raised = time.monotonic(), []
    for number in range(10):
        try:
            cache.get(f"key{number}")
        except ConnectionInterrupted as error:
            raised.append(type(error).__name__)
    return time.monotonic() - started, raised


def test_a_hung_server_costs_a_page_one_timeout(server: Server, cache_at: MakeCache) -> None:
    def cost() -> float:
        with FaultProxy(*server.address) as new:
            cache = cache_at(new.url, SOCKET_TIMEOUT=1, BREAKER_INTERVAL=60)
            patiently(lambda: cache.set("key0", 1))
            server.pause()
            try:
                seconds, raised = page(cache)
            finally:
                server.resume()
        assert raised == ["ServerTimeout"] + ["CircuitOpen"] * 9
        return seconds

    assert 1 <= quickest(cost, below=1.99) < 1.99  # two timeouts would be 2


def test_while_the_breaker_is_open_a_call_costs_microseconds(
    server: Server, cache_at: MakeCache
) -> None:
    cache = cache_at(server.url, SOCKET_TIMEOUT=0.5, BREAKER_INTERVAL=60)
    patiently(lambda: cache.set("key0", 1))
    server.pause()
    try:
        page(cache)

        def cost() -> float:
            seconds, raised = page(cache)
            assert set(raised) == {"CircuitOpen"}
            return seconds

        assert quickest(cost, below=0.1) < 0.1  # of ten calls
    finally:
        server.resume()


@pytest.mark.parametrize("fault", ["black_hole", "stall_connects"])
def test_packets_that_are_dropped_cost_a_page_one_timeout(
    server: Server, cache_at: MakeCache, fault: str
) -> None:
    def cost() -> float:
        with FaultProxy(*server.address) as proxy:
            times = {"SOCKET_TIMEOUT": 0.5, "SOCKET_CONNECT_TIMEOUT": 0.4}
            cache = cache_at(proxy.url, **times, BREAKER_INTERVAL=60)
            getattr(proxy, fault)()
            seconds, raised = page(cache)
        assert len(raised) == 10
        return seconds

    # A connect and an operation are 0.9; two of each would be 1.8.
    assert quickest(cost, below=1.75) < 1.75


def test_the_cache_works_again_within_a_second_of_the_servers_return(
    server: Server, cache_at: MakeCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = cache_at(server.url)
    cache.set("key", "value")
    server.kill()
    for _ in range(5):
        with pytest.raises(ConnectionInterrupted):
            cache.get("key")
    server.restart()
    later = time.monotonic() + 1
    monkeypatch.setattr(breaker, "time", SimpleNamespace(monotonic=lambda: later))
    assert cache.set("key", "again")
    assert cache.get("key") == "again"


def test_a_server_that_is_down_answers_in_milliseconds(server: Server, cache_at: MakeCache) -> None:
    server.kill()
    seconds, raised = page(cache_at(server.url, BREAKER_INTERVAL=60))
    assert raised == ["ConnectionInterrupted"] * 3 + ["CircuitOpen"] * 7
    assert seconds < 4  # one wait for a connection would be 5


def test_idle_connections_that_the_server_closed_cost_no_error(
    server: Server, cache_at: MakeCache
) -> None:
    """A restart between two requests: neither what may be repeated nor what may not fails."""
    cache = cache_at(server.url)
    cache.set("key", 1)
    server.restart()
    assert cache.get("key", "gone") in (1, "gone")
    cache.set("count", 1)
    server.restart()
    assert cache.add("count", 5) in (True, False)
    server.cli("CLIENT", "KILL", "TYPE", "normal")
    cache.set("count", 1)
    server.cli("CLIENT", "KILL", "TYPE", "normal")
    assert cache.incr("count") == 2


async def test_the_same_for_asyncio(server: Server, cache_at: MakeCache) -> None:
    cache = cache_at(server.url)
    await cache.aset("count", 1)
    server.cli("CLIENT", "KILL", "TYPE", "normal")
    assert await cache.aget("count") == 1
    server.cli("CLIENT", "KILL", "TYPE", "normal")
    wait_until(lambda: server.info("clients")["connected_clients"] == 1, "only who asks is left")
    await asyncio.sleep(0.05)
    assert await cache.aincr("count") == 2
    server.restart()
    assert await cache.aget("nothing", "default") == "default"


async def test_a_hung_server_costs_a_hundred_tasks_one_timeout(
    server: Server, cache_at: MakeCache
) -> None:
    for _ in range(6):  # on a machine that is busy, once is nothing
        with FaultProxy(*server.address) as new:
            cache = cache_at(new.url, SOCKET_TIMEOUT=1, BREAKER_INTERVAL=60)
            with suppress(ConnectionInterrupted):
                await cache.aset("key", 1)
            server.pause()
            try:
                started = time.monotonic()
                outcomes = await asyncio.gather(
                    *[cache.aget("key") for _ in range(100)], return_exceptions=True
                )
                first = time.monotonic() - started
                with pytest.raises(CircuitOpen):
                    await cache.aget("key")
                second = time.monotonic() - started - first
            finally:
                server.resume()
        assert {type(outcome) for outcome in outcomes} == {ServerTimeout}
        assert first >= 1
        if first < 2 and second < 0.8:
            return
    pytest.fail(f"{first:.1f} s, and then {second:.1f} s")


def test_a_lost_reply_never_counts_twice(proxy: FaultProxy, cache_at: MakeCache) -> None:
    """The server has counted, its answer is lost: sending again would count once more."""
    cache = cache_at(proxy.url, BREAKER_FAILURES=0)
    cache.set("count", 0)
    assert cache.incr("count") == 1  # the server knows the script from here on
    for lost in range(3):
        assert cache.get("count") == 1 + lost  # a connection is there, so its reply is dropped
        proxy.drop_replies(1)
        with pytest.raises(ConnectionInterrupted):
            cache.incr("count")
        proxy.heal()
    assert cache.get("count") == 4


async def test_a_reply_that_trickles_is_cut_off(proxy: FaultProxy, cache_at: MakeCache) -> None:
    """A byte now and then is no answer; a large value that takes its time is one."""
    cache = cache_at(proxy.url, SOCKET_TIMEOUT=0.3, BREAKER_FAILURES=0)
    patiently(lambda: cache.set("key", "x" * 10_000))
    for read in (cache.get, cache.aget):
        proxy.slice(1, pause=0.05)
        started = time.monotonic()
        with pytest.raises(ServerTimeout):
            await cast(Any, read("key"))
        assert time.monotonic() - started < 30  # the whole of it would come in 500
        proxy.heal()


async def test_a_large_value_may_take_longer_than_the_timeout_on_asyncio(
    proxy: FaultProxy, cache_at: MakeCache
) -> None:
    cache = cache_at(proxy.url, SOCKET_TIMEOUT=1)
    patiently(lambda: cache.set("key", "x" * 500_000))
    proxy.slice(20_000, pause=0.05)
    assert await cache.aget("key") == "x" * 500_000


async def test_a_lock_whose_reply_was_lost_is_not_called_somebody_elses(
    proxy: FaultProxy, cache_at: MakeCache
) -> None:
    """The server gave the lock, its answer is lost: asked again, it would say that it is taken."""
    cache = cache_at(proxy.url, BREAKER_FAILURES=0)
    cache.set("key", "value")
    proxy.drop_replies(1)
    with pytest.raises(ConnectionInterrupted):
        cache.lock("lock", timeout=5).acquire(blocking=False)
    proxy.heal()
    assert await cache.aget("key") == "value"
    proxy.drop_replies(1)
    with pytest.raises(ConnectionInterrupted):
        await cache.alock("another", timeout=5).acquire(blocking=False)


def test_a_read_whose_reply_was_lost_is_sent_once_more(
    proxy: FaultProxy, cache_at: MakeCache
) -> None:
    cache = cache_at(proxy.url)
    cache.set("key", "value")
    proxy.drop_replies(1)
    assert cache.get("key") == "value"
    proxy.drop_replies(1)
    assert cache.get_many(["key"]) == {"key": "value"}


def test_the_breaker_says_when_it_opens_and_closes(
    server: Server, cache_at: MakeCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = cache_at(server.url, BREAKER_INTERVAL=60)
    seen: list[tuple[str, str]] = []

    def opened(sender: str, **kwargs: object) -> None:
        seen.append(("opened", sender))

    def closed(sender: str, **kwargs: object) -> None:
        seen.append(("closed", sender))

    signals.circuit_opened.connect(opened)
    signals.circuit_closed.connect(closed)
    try:
        server.kill()
        page(cache)
        server.restart()
        later = time.monotonic() + 60
        monkeypatch.setattr(breaker, "time", SimpleNamespace(monotonic=lambda: later))
        cache.get("key")
    finally:
        signals.circuit_opened.disconnect(opened)
        signals.circuit_closed.disconnect(closed)
    name = f"redis://127.0.0.1:{server.port}/0"
    assert seen == [("opened", name), ("closed", name)]


def test_every_caller_waits_a_bounded_time_for_a_free_connection(
    server: Server, cache_at: MakeCache
) -> None:
    kwargs = {"max_connections": 1, "timeout": 0.2}
    cache = cache_at(server.url, CONNECTION_POOL_KWARGS=kwargs)
    node = cache._engine.topology.primaries()[0]
    taken = node.links.take()
    started = time.monotonic()
    with pytest.raises(PoolExhausted, match="max_connections"):
        cache.get("key")
    assert 0.2 <= time.monotonic() - started < 30
    node.links.give(taken)
    assert cache.get("key", "free") == "free"


def test_a_full_server_refuses_writes_and_the_cache_says_so(
    server: Server, cache_at: MakeCache
) -> None:
    cache = cache_at(server.url)
    cache.set("key", "value")
    server.cli("CONFIG", "SET", "maxmemory", "1mb")
    server.cli("CONFIG", "SET", "maxmemory-policy", "noeviction")
    big = {f"big{number}": "x" * 50_000 for number in range(100)}
    with pytest.raises(ServerRefused) as refused:
        all(cache.set(key, value) for key, value in big.items())
    assert refused.value.code == "OOM"
    assert cache.get("key") == "value"


def test_a_replica_that_is_written_to_refuses(server: Server, cache_at: MakeCache) -> None:
    cache = cache_at(server.url)
    cache.set("key", "value")
    server.cli("REPLICAOF", "127.0.0.1", "1")
    with pytest.raises(ServerRefused) as refused:
        cache.set("key", "other")
    assert refused.value.code == "READONLY"
    server.cli("REPLICAOF", "NO", "ONE")
    assert cache.set("key", "other")


def test_ignored_trouble_gives_each_operation_an_answer_of_its_own_type(
    server: Server, cache_at: MakeCache
) -> None:
    cache = cache_at(server.url, IGNORE_EXCEPTIONS=True)
    server.kill()
    assert cache.get("key") is None
    assert cache.get("key", "default") == "default"
    assert cache.set("key", 1) is False
    assert cache.get_many(["a", "b"]) == {}
    assert cache.get_many(["a"]) is not cache.get_many(["a"])
    assert cache.set_many({"a": 1, "b": 2}) == ["a", "b"]
    assert cache.delete("key") is False
    assert cache.delete_many(["a"]) == 0
    assert cache.has_key("key") is False
    assert cache.touch("key") is False
    assert cache.expire("key", 5) is False
    assert cache.persist("key") is False
    assert cache.ttl("key") == 0
    assert cache.keys("*") == []
    assert list(cache.iter_keys("*")) == []
    assert cache.delete_pattern("*") == 0
    assert cache.clear() is False
    assert cache.get_or_set("key", lambda: "computed") == "computed"
    with cache.pipeline() as pipe:
        value, written = pipe.get("key", "default"), pipe.set("key", 1)
    assert (value.value, written.value) == ("default", False)


def test_what_could_let_two_callers_in_fails_closed_even_when_trouble_is_ignored(
    server: Server, cache_at: MakeCache
) -> None:
    cache = cache_at(server.url, IGNORE_EXCEPTIONS=True)
    server.kill()
    for refused in (
        lambda: cache.add("key", 1),
        lambda: cache.incr("key"),
        lambda: cache.lock("key").acquire(),
    ):
        with pytest.raises(ConnectionInterrupted):
            refused()


def test_a_failed_write_is_signalled_when_trouble_is_ignored(
    server: Server, cache_at: MakeCache
) -> None:
    cache = cache_at(server.url, IGNORE_EXCEPTIONS=True)
    server.kill()
    told: list[tuple[str, BaseException]] = []

    def listen(sender: str, operation: str, exception: BaseException, **kwargs: object) -> None:
        told.append((operation, exception))

    signals.exception_ignored.connect(listen)
    try:
        cache.set("key", 1)
    finally:
        signals.exception_ignored.disconnect(listen)
    [(operation, error)] = told
    assert operation == "set"
    assert isinstance(error, ConnectionInterrupted)


def test_programming_errors_are_raised_even_when_trouble_is_ignored(
    server: Server, cache_at: MakeCache
) -> None:
    cache = cache_at(server.url, IGNORE_EXCEPTIONS=True)
    server.cli("RPUSH", ":1:list", "item")
    with pytest.raises(WrongTypeError):
        cache.get("list")
    with pytest.raises(TypeError):
        cache.set("key", 1, timeout="soon")


def test_ignored_trouble_is_logged_as_django_redis_logs_it(
    server: Server, cache_at: MakeCache, caplog: pytest.LogCaptureFixture
) -> None:
    cache = cache_at(server.url, IGNORE_EXCEPTIONS=True, LOG_IGNORED_EXCEPTIONS=True)
    server.kill()
    cache.get("key")
    [record] = caplog.records
    assert (record.levelname, record.message) == ("ERROR", "Exception ignored")
    assert record.exc_info


def test_ignored_trouble_is_logged_at_the_level_of_the_settings(
    server: Server, cache_at: MakeCache, caplog: pytest.LogCaptureFixture
) -> None:
    options = {"IGNORE_EXCEPTIONS": True, "LOG_IGNORED_EXCEPTIONS": True}
    cache = cache_at(server.url, **options, LOG_IGNORED_LEVEL="WARNING")
    server.kill()
    cache.get("key")
    with cache.pipeline() as queue:
        queue.get("key")
    asyncio.run(cache.aget("key"))
    assert [record.levelname for record in caplog.records] == ["WARNING"] * 3
    with pytest.raises(ImproperlyConfigured, match="LOG_IGNORED_LEVEL must be 'DEBUG' or"):
        cache_at(server.url, LOG_IGNORED_LEVEL="WARN").get("key")


def test_no_password_in_any_error(server: Server, cache_at: MakeCache) -> None:
    url = f"redis://someone:hunter2@127.0.0.1:{server.port}/0"
    with pytest.raises(ConnectionInterrupted) as refused:
        cache_at(url).get("key")
    server.kill()
    with pytest.raises(ConnectionInterrupted) as interrupted:
        cache_at(url).get("key")
    for error in (refused.value, interrupted.value):
        while error is not None:
            assert "hunter2" not in f"{error} {error!r}"
            error = error.__cause__ or error.__context__


def test_a_pipeline_keeps_its_order_on_a_server_that_does_not_know_the_script(
    server: Server, cache_at: MakeCache
) -> None:
    """Just started, failed over, or after SCRIPT FLUSH: ``get`` must see the ``incr`` before it."""
    cache = cache_at(server.url)
    cache.set_many({"one": 1, "two": 10})
    server.cli("SCRIPT", "FLUSH")
    with cache.pipeline() as pipe:
        pipe.incr("one")
        seen = pipe.get("one")
        pipe.incr("one")
        pipe.incr("two")
        last = pipe.get_many(["one", "two"])
    assert seen.value == 2
    assert last.value == {"one": 3, "two": 11}
