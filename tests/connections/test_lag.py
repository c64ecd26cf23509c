"""``REPLICA_MAX_LAG``: a replica that is too far behind is not read from until it has caught up."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from django_redis_core.cache import RedisCache
from django_redis_core.connections.lag import Position, Track
from django_redis_core.exceptions import ConnectionInterrupted, ServerRefused
from django_redis_core.testing.busy import patiently
from django_redis_core.testing.clients import PATIENCE, wait_until
from django_redis_core.testing.proxy import FaultProxy
from django_redis_core.testing.servers import Server
from django_redis_core.testing.topologies import Replicated, replicated, sentinels

KIND = os.environ.get("DRC_TEST_SERVER", "valkey")
MAX_LAG = 0.5
USERS = {"reader": "on >secret ~* +@all -info"}


@pytest.fixture(scope="module")
def group() -> Iterator[Replicated]:
    with replicated(2, kind=KIND, users=USERS) as group:
        yield group


def cache_on(location: Any, max_lag: float | None = MAX_LAG, **options: Any) -> RedisCache:
    return RedisCache(location, {"OPTIONS": {**PATIENCE, "REPLICA_MAX_LAG": max_lag, **options}})


def calls(server: Server, command: str) -> int:
    return int(server.info("commandstats").get(f"cmdstat_{command}", {}).get("calls", 0))


class Clock:
    """Sets a key of the primary to rising numbers, and remembers when each was there."""

    def __init__(self, primary: Server) -> None:
        self.number = 0
        self._primary = primary
        self._written: list[float] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Clock:
        self._thread.start()
        wait_until(lambda: self._written, "the first number is written")
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        with self._primary.client() as client:
            while not self._stop.wait(0.003):
                client.set(":1:clock", len(self._written))
                self._written.append(time.monotonic())

    def number_at(self, when: float) -> int:
        """The number that had been written by that time."""
        return sum(written <= when for written in list(self._written)) - 1


@contextmanager
def held_back(replica: Server) -> Iterator[None]:
    """It answers, hears its primary, and carries out nothing that it hears."""
    replica.cli("CLIENT", "PAUSE", 60_000, "WRITE")
    try:
        yield
    finally:
        replica.cli("CLIENT", "UNPAUSE")


@contextmanager
def late(replica: Server, primary: Server) -> Iterator[None]:
    """It gets every byte two seconds late, and says so in no line of its INFO."""
    with FaultProxy(*primary.address) as proxy:
        replica.cli("REPLICAOF", *proxy.address)
        wait_until(lambda: linked(replica), "it follows through the proxy")
        proxy.latency(2)
        try:
            yield
        finally:
            replica.cli("REPLICAOF", *primary.address)


def linked(replica: Server) -> bool:
    return bool(replica.info("replication")["master_link_status"] == "up")


def fault(name: str, group: Replicated) -> Any:
    replica = group.replicas[0]
    return held_back(replica) if name == "held back" else late(replica, group.primary)


def oldest_read(read: Callable[[], int], clock: Clock, seconds: float, at_least: int = 0) -> float:
    """By how many numbers, of those that were written ``MAX_LAG`` before, reads were behind, so
    many of them."""
    behind, count = 0, 0
    until = time.monotonic() + seconds
    while time.monotonic() < until or count < at_least:
        count += 1
        began = time.monotonic()
        behind = max(behind, clock.number_at(began - MAX_LAG) - read())
        time.sleep(0.002)
    return behind


@pytest.mark.parametrize("asynchronous", [False, True], ids=["blocking", "asyncio"])
@pytest.mark.parametrize("name", ["held back", "late"])
def test_no_read_is_older_and_the_replica_comes_back(
    group: Replicated, name: str, asynchronous: bool
) -> None:
    cache = cache_on(group.urls)
    replica, other = group.replicas
    with Clock(group.primary) as clock, asyncio.Runner() as runner:

        def read() -> int:
            found = runner.run(cache.aget("clock")) if asynchronous else cache.get("clock")
            return int(found)

        def read_here() -> bool:
            read()
            return calls(replica, "get") > seen

        seen = calls(replica, "get")
        wait_until(read_here, "the replica is read from")
        with fault(name, group):
            time.sleep(MAX_LAG)
            assert oldest_read(read, clock, 0.3) <= 0
            before = [calls(server, "get") for server in (replica, other)]
            assert oldest_read(read, clock, 0.5, at_least=60) <= 0
            after = [calls(server, "get") for server in (replica, other)]
            assert after[0] == before[0], "it is read from although it is behind"
            assert after[1] > before[1] + 20, "the replica that is well is not read from"
        seen = calls(replica, "get")
        wait_until(read_here, "it is read from again", timeout=30)
        assert oldest_read(read, clock, 0.2) <= 0


def test_without_the_option_it_shows_the_past(group: Replicated) -> None:
    cache = cache_on([group.primary.url, group.replicas[0].url], None)
    with Clock(group.primary) as clock, held_back(group.replicas[0]):
        time.sleep(2 * MAX_LAG)
        assert oldest_read(lambda: int(cache.get("clock")), clock, 0.1) > 10


def test_one_that_hangs_leaves_and_comes_back_when_it_has_caught_up(group: Replicated) -> None:
    cache = cache_on(group.urls, SOCKET_TIMEOUT=2)
    replica = group.replicas[0]
    with Clock(group.primary) as clock:

        def read() -> int:
            nonlocal failed
            try:
                return int(cache.get("clock"))
            except ConnectionInterrupted:
                failed += 1
                return clock.number_at(time.monotonic())

        failed = 0
        read()
        replica.pause()
        try:
            time.sleep(MAX_LAG)
            assert oldest_read(read, clock, 1) <= 0
        finally:
            replica.resume()
        assert failed == 0, "whoever looks where the replicas are does not fail with one of them"
        seen = calls(replica, "get")

        def read_here() -> bool:
            assert oldest_read(read, clock, 0.01) <= 0
            return calls(replica, "get") > seen

        wait_until(read_here, "it is read from again", timeout=30)


@pytest.mark.parametrize("read_from", ["replicas", "nearest"])
def test_the_primary_answers_where_no_replica_is_near(group: Replicated, read_from: str) -> None:
    cache = cache_on([group.primary.url, group.replicas[0].url], READ_FROM=read_from)
    with held_back(group.replicas[0]):
        for number in range(5):
            cache.set("key", number)
            time.sleep(MAX_LAG / 2)
        assert cache.get("key") == 4
        assert cache.get_many(["key"]) == {"key": 4}
        with cache.pipeline() as pipe:
            found = pipe.get("key")
        assert found.value == 4


def test_one_that_is_near_and_fails_is_not_followed_by_one_that_is_not(group: Replicated) -> None:
    with FaultProxy(*group.replicas[1].address) as proxy:
        cache = cache_on([group.primary.url, group.replicas[0].url, proxy.url], 40)
        with held_back(group.replicas[0]):
            cache_on(group.primary.url).set("key", "new")
            time.sleep(0.1)
            assert [cache.get("key") for _ in range(5)] == ["new"] * 5
            proxy.refuse()
            proxy.reset_all()
            assert [cache.get("key") for _ in range(5)] == ["new"] * 5


@pytest.mark.parametrize("way", ["blocking", "asyncio"])
async def test_while_one_caller_asks_the_others_do_not_rely_on_what_was_known_long_ago(
    group: Replicated, way: str
) -> None:
    max_lag, behind = 2, group.replicas[0]
    with FaultProxy(*group.replicas[1].address) as proxy:
        cache = cache_on([group.primary.url, behind.url, proxy.url], max_lag, SOCKET_TIMEOUT=60)
        cache.set("key", "old")
        group.wait_in_sync()
        assert {await read(cache, "key", way) for _ in range(10)} == {"old"}
        with held_back(behind):
            proxy.black_hole()
            cache_on(group.primary.url).set("key", "new")
            await asyncio.sleep(max_lag + 0.1)
            asks = asyncio.create_task(read(cache, "key", way))  # a replica lets it wait
            await asyncio.sleep(0.1)
            for _ in range(20):
                assert await asyncio.wait_for(read(cache, "key", way), 10) == "new"
            assert not asks.done()
            proxy.heal()
            assert await asks == "new"


async def read(cache: RedisCache, key: str, way: str) -> Any:
    """A read that others may run beside."""
    return await (asyncio.to_thread(cache.get, key) if way == "blocking" else cache.aget(key))


async def test_a_cancelled_caller_leaves_the_question_to_the_next_one(group: Replicated) -> None:
    with FaultProxy(*group.replicas[0].address) as proxy:
        cache = cache_on([group.primary.url, proxy.url], 40)
        cache_on(group.primary.url).set("key", "value")
        group.wait_in_sync()
        proxy.black_hole()
        task = asyncio.create_task(cache.aget("key"))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        proxy.heal()
        seen, until = calls(group.replicas[0], "get"), time.monotonic() + 30
        # The first one may be told of the connection that the proxy has just ended.
        while calls(group.replicas[0], "get") == seen:
            assert await cache.aget("key") == "value"
            assert time.monotonic() < until, "nobody asks where the replica stands"


def test_one_that_dies_while_it_is_asked_is_left_out(group: Replicated) -> None:
    with FaultProxy(*group.replicas[1].address) as proxy:
        cache = cache_on([group.primary.url, group.replicas[0].url, proxy.url], 40)
        cache_on(group.primary.url).set("key", "value")
        group.wait_in_sync()
        proxy.cut_after(100)  # in the midst of the reply to INFO
        seen = calls(group.replicas[0], "get")
        assert [cache.get("key") for _ in range(10)] == ["value"] * 10
        assert calls(group.replicas[0], "get") == seen + 10


def test_a_server_that_does_not_say_where_it_is_is_named() -> None:
    """A sentinel stands for those that speak the protocol and have no replication of this kind."""
    with sentinels("Named", replicas=1, kind=KIND, down_after=30) as watched:
        stranger = watched.sentinels[0]
        for urls in (
            [watched.data.primary.url, stranger.url],
            [stranger.url, watched.data.urls[0]],
        ):
            cache = cache_on(urls)
            with pytest.raises(ServerRefused, match=r"REPLICA_MAX_LAG .* does not say") as refused:
                cache.get("key")
            assert str(stranger.port) in str(refused.value)


def test_a_server_that_replicates_another_one_is_not_read_from(group: Replicated) -> None:
    with Server(KIND) as stranger:
        cache = cache_on([stranger.url, group.replicas[0].url])
        cache.set("key", "stranger's")
        group.primary.cli("SET", ":1:key", 1)
        group.wait_in_sync()
        assert {cache.get("key") for _ in range(20)} == {"stranger's"}


def test_replicas_go_on_without_their_primary() -> None:
    with replicated(2, kind=KIND) as group:
        known, new = cache_on(group.urls), cache_on(group.urls, MAX_LAG * 2)
        known.set("key", "value")
        group.wait_in_sync()
        assert known.get("key") == "value"
        group.primary.kill()
        until = time.monotonic() + MAX_LAG * 1.5
        while time.monotonic() < until:
            assert known.get("key") == "value"
            assert new.get("key") == "value"
            time.sleep(0.01)
        with pytest.raises(ConnectionInterrupted):
            known.set("key", "other")
        group.primary.start()
        patiently(lambda: known.set("key", "new"))  # its breaker has an interval
        wait_until(lambda: known.get("key") == "new", "what is written is read", timeout=30)


def infos(group: Replicated) -> list[int]:
    return [calls(server, "info") for server in group.servers]


def test_nobody_but_one_caller_pays(group: Replicated) -> None:
    """Of 200 reads and 50 tasks, one asks where the servers are."""
    cache = cache_on(group.urls, 3600)
    cache.set("key", 1)
    group.wait_in_sync()

    async def tasks() -> None:
        await asyncio.gather(*[cache.aget("key") for _ in range(50)])

    for server in group.servers:
        server.cli("CONFIG", "RESETSTAT")
    asyncio.run(tasks())
    for _ in range(200):
        cache.get("key")
    assert infos(group) == [0, 0, 0], "the write before has asked"
    cache_on(group.urls, 3601).get("key")
    assert [count >= 1 for count in infos(group)] == [True] * 3


def test_without_the_option_nobody_asks(group: Replicated) -> None:
    cache = cache_on(group.urls, None)
    for server in group.servers:
        server.cli("CONFIG", "RESETSTAT")
    for _ in range(20):
        cache.get("key")
    assert infos(group) == [0, 0, 0]


def test_a_user_who_may_not_ask_is_told_so(group: Replicated) -> None:
    cache = cache_on(group.urls, USERNAME="reader", PASSWORD="secret")
    for _ in range(2):
        with pytest.raises(ServerRefused, match=r"REPLICA_MAX_LAG .* grant it \+info") as refused:
            cache.get("key")
        assert refused.value.code == "NOPERM"
    with pytest.raises(ServerRefused, match="REPLICA_MAX_LAG"):
        asyncio.run(cache.aget("key"))
    cache_on(group.urls, None, USERNAME="reader", PASSWORD="secret").get("key")


@pytest.mark.parametrize("value", [0, -1, "1", True, float("nan")])
def test_what_is_no_time_is_refused(value: Any) -> None:
    with pytest.raises(ImproperlyConfigured, match="REPLICA_MAX_LAG must be a number of seconds"):
        cache_on("redis://localhost/0", value)


def test_a_track() -> None:
    track = Track(2)
    assert not track.reached(Position("one", 100), 0)
    for second, offset in enumerate([100, 200, 300, 400]):
        track.note(second, Position("one", offset))
    # At 1 s there were 200.
    reached = [track.reached(Position("one", offset), 3) for offset in (199, 200, 900)]
    assert reached == [False, True, True]
    assert not track.reached(Position("two", 900), 3)
    # Who asked at 3.5 s wants what was there at 1.5 s, and whoever took long has noted it late.
    track.note(0.5, Position("one", 50))
    assert not track.reached(Position("one", 200), 3.5)
    assert track.reached(Position("one", 300), 3.5)
    track.note(4, Position("two", 10))
    assert not track.reached(Position("one", 900), 4)
    assert not track.reached(Position("two", 9), 4)
    assert track.reached(Position("two", 10), 4)
