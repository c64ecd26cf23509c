"""A primary is replaced while 8 threads and 50 tasks write."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.core.signals import setting_changed

from django_redis_core.cache import RedisCache
from django_redis_core.exceptions import ConnectionInterrupted, ServerRefused
from django_redis_core.testing.busy import HeldUp
from django_redis_core.testing.clients import wait_until
from django_redis_core.testing.servers import Server
from django_redis_core.testing.topologies import Sentinels, sentinels

SERVICE = "Failing"
PASSWORD = "secret"

#: Seconds before a primary's death in which what it acknowledged may not have left it.
UNSENT = 0.05


@dataclass
class Writers:
    """What writers of one kind did: which keys were acknowledged, and when calls failed."""

    acknowledged: list[tuple[str, float]] = field(default_factory=list)  # and when
    failed: list[float] = field(default_factory=list)
    errors: set[str] = field(default_factory=set)
    longest: float = 0.0  # seconds that one call took
    broken: list[BaseException] = field(default_factory=list)

    @property
    def outage(self) -> float:
        """Seconds between the first failed call and the last."""
        return self.failed[-1] - self.failed[0] if self.failed else 0.0

    def lost(
        self, servers: list[Server], died: float = float("-inf"), unsent: float = UNSENT
    ) -> int:
        """How many acknowledged writes none of the servers has, but for those that the primary may
        not have sent on when it ``died``."""
        there: set[str] = set()
        for server in servers:
            there |= set(server.cli("KEYS", "*"))
        return sum(
            key not in there and abs(when - died) > unsent for key, when in self.acknowledged
        )


class Load:
    """8 threads and 50 tasks that set one key after the other, each a new one."""

    def __init__(self, cache: RedisCache, threads: int = 8, tasks: int = 50) -> None:
        self.cache = cache
        self.counts = (threads, tasks)
        self.threads = Writers()
        self.tasks = Writers()
        self._stop = threading.Event()
        self.held = HeldUp()

    @contextmanager
    def running(self) -> Iterator[Load]:
        count, tasks = self.counts
        workers = [
            threading.Thread(target=self._guarded, args=(self._thread, number))
            for number in range(count)
        ]
        workers.append(threading.Thread(target=self._guarded, args=(self._loop, tasks)))
        with self.held:
            for worker in workers:
                worker.start()
            try:
                yield self
            finally:
                self._stop.set()
                for worker in workers:
                    worker.join()
        for writers in (self.threads, self.tasks):
            assert writers.broken == []

    def report(self, what: str, switched: float, after: Server) -> None:
        """Prints the figures of docs/sentinel.md: ``pytest -rP`` shows them."""
        for of, writers in (("threads", self.threads), ("tasks", self.tasks)):
            later = max(0.0, writers.failed[-1] - switched) if writers.failed else 0.0
            print(  # noqa: T201  # figures for a reader
                f"{what}, {of}: {len(writers.acknowledged)} acknowledged, "
                f"{writers.lost([after])} of them lost, {len(writers.failed)} failed within "
                f"{writers.outage:.2f} s (until {later:.2f} s after the switch), "
                f"the longest call took {writers.longest:.2f} s"
            )

    def _guarded(self, work: object, number: int) -> None:
        try:
            work(number)  # type: ignore[operator]
        except BaseException as error:  # an assertion in a thread would be lost
            self.threads.broken.append(error)

    def _thread(self, number: int) -> None:
        turn = 0
        while not self._stop.is_set():
            turn += 1
            key = f"thread-{number}-{turn}"
            began = time.monotonic()
            try:
                assert self.cache.set(key, turn)
            except ConnectionInterrupted as error:
                self._failed(self.threads, error)
            else:
                self.threads.acknowledged.append((self.cache.make_key(key), time.monotonic()))
            self.threads.longest = max(self.threads.longest, time.monotonic() - began)
            time.sleep(0.002)

    def _loop(self, tasks: int) -> None:
        async def all_of_them() -> None:
            await asyncio.gather(*[self._task(number) for number in range(tasks)])

        asyncio.run(all_of_them())

    async def _task(self, number: int) -> None:
        turn = 0
        while not self._stop.is_set():
            turn += 1
            key = f"task-{number}-{turn}"
            began = time.monotonic()
            try:
                assert await self.cache.aset(key, turn)
            except ConnectionInterrupted as error:
                self._failed(self.tasks, error)
            else:
                self.tasks.acknowledged.append((self.cache.make_key(key), time.monotonic()))
            self.tasks.longest = max(self.tasks.longest, time.monotonic() - began)
            await asyncio.sleep(0.02)

    def _failed(self, writers: Writers, error: ConnectionInterrupted) -> None:
        writers.failed.append(time.monotonic())
        writers.errors.add(f"{type(error).__name__}: {error}")


def writes(server: Server) -> int:
    """How many SETs it has executed, its primary's not counted."""
    stats = server.info("commandstats")
    return int(stats.get("cmdstat_set", {}).get("calls", 0))


@pytest.fixture
def service() -> Iterator[Sentinels]:
    """A group for one test alone: after a failover it takes long to be as it was."""
    kind = os.environ.get("DRC_TEST_SERVER", "valkey")
    with sentinels(SERVICE, kind=kind, password=PASSWORD) as group:
        yield group
        setting_changed.send(sender=None, setting="CACHES", value=None, enter=True)


@pytest.fixture
def cache(service: Sentinels) -> RedisCache:
    options = {
        "CONNECTION_FACTORY": "sentinel",
        "SENTINELS": service.addresses,
        "PASSWORD": PASSWORD,
    }
    return RedisCache(f"redis://{SERVICE}/0", {"OPTIONS": options})


@contextmanager
def under_load(cache: RedisCache) -> Iterator[Load]:
    with Load(cache).running() as load:
        time.sleep(0.3)
        yield load


def switch(service: Sentinels, before: Server) -> float:
    """When a sentinel first names another primary than ``before``."""

    def named() -> bool:
        return any(service._named(sentinel) != before.port for sentinel in service.sentinels)

    wait_until(named, "another primary is named", timeout=30)
    return time.monotonic()


def test_a_primary_that_is_killed(service: Sentinels, cache: RedisCache) -> None:
    before = service.current_primary()
    with under_load(cache) as load:
        died = time.monotonic()
        before.kill()
        switched = switch(service, before)
        time.sleep(1.5)
    after = service.wait_failover(before)
    load.report("killed", switched, after)
    for writers in (load.threads, load.tasks):
        assert writers.failed[-1] < switched + 1 + load.held.seconds
        assert len(writers.acknowledged) > 100
        assert writers.lost([after], died, UNSENT + load.held.seconds) == 0
        assert writers.longest < 1.95 + load.held.seconds


def test_a_primary_that_no_longer_answers(service: Sentinels, cache: RedisCache) -> None:
    before = service.current_primary()
    with under_load(cache) as load:
        died = time.monotonic()
        before.pause()
        switched = switch(service, before)
        time.sleep(1.5)
    after = service.wait_failover(before)
    before.kill()  # so that what it still has in its buffers is not written there
    load.report("silent", switched, after)
    for writers in (load.threads, load.tasks):
        assert not writers.failed or writers.failed[-1] < switched + 1 + load.held.seconds
        assert writers.lost([after], died, UNSENT + load.held.seconds) == 0
        # A timeout of 1 s, and nobody waits for a second one.
        assert writers.longest < 1.95 + load.held.seconds


def test_an_ousted_primary_that_stays_reachable_and_writable(
    service: Sentinels, cache: RedisCache
) -> None:
    before = service.current_primary()
    raw = cache.raw_client()
    assert raw.set("raw", "before")
    with under_load(cache) as load:
        service.isolate(before)
        switched = switch(service, before)
        time.sleep(1)
        seen = writes(before)
        time.sleep(0.7)
        assert writes(before) == seen
        # It would have taken them.
        assert before.cli("ROLE")[0] == "master"
        raw.set("raw", "after")
    after = service.wait_failover(before)
    load.report("ousted and writable", switched, after)
    for writers in (load.threads, load.tasks):
        assert not writers.failed or writers.failed[-1] < switched + 1 + load.held.seconds
        # What the old primary accepted, and had not sent to its replicas when one was promoted.
        assert writers.lost([after]) < 100
        assert writers.lost([before, after]) == 0
    assert (before.cli("GET", "raw"), after.cli("GET", "raw")) == ("before", "after")
    assert open_for_clients(before) == 0


def test_a_failover_that_an_administrator_orders(service: Sentinels, cache: RedisCache) -> None:
    before = service.current_primary()
    with under_load(cache) as load:
        service.sentinels[0].cli("SENTINEL", "FAILOVER", SERVICE)
        switched = switch(service, before)
        time.sleep(1)
    after = service.wait_failover(before)
    load.report("ordered", switched, after)
    for writers in (load.threads, load.tasks):
        assert not writers.failed or writers.failed[-1] < switched + 1 + load.held.seconds
        assert len(writers.failed) < 100
        assert writers.lost([after]) < 100


def open_for_clients(server: Server) -> int:
    """Connections over which a cache has written, the raw client's included."""
    listed = server.cli("CLIENT", "LIST", "TYPE", "normal").splitlines()
    return sum(" cmd=set " in line or " cmd=hello " in line for line in listed)


def test_a_lock_follows_the_primary(service: Sentinels, cache: RedisCache) -> None:
    before = service.current_primary()
    lock = cache.lock("lock", timeout=30)
    assert lock.acquire()
    lock.release()
    service.isolate(before)
    switch(service, before)
    wait_until(lambda: lock.acquire(blocking=False), "the lock is taken at the new primary")
    after = service.wait_failover(before)
    assert after.cli("EXISTS", cache.make_key("lock")) == 1
    assert before.cli("EXISTS", cache.make_key("lock")) == 0


async def test_a_lock_of_asyncio_follows_the_primary(service: Sentinels, cache: RedisCache) -> None:
    before = service.current_primary()
    lock = cache.alock("lock", timeout=30)
    assert await lock.acquire()
    await lock.release()
    service.isolate(before)
    switch(service, before)
    heard = cache.make_key("heard")
    wait_until(
        lambda: (
            cache.set("heard", 1)
            and any(one.cli("EXISTS", heard) for one in service.data.servers if one is not before)
        ),
        "another thread hears of the switch",
    )
    assert await lock.acquire(blocking=False)
    after = service.wait_failover(before)
    assert after.cli("EXISTS", cache.make_key("lock")) == 1


def test_what_surely_was_not_executed_is_sent_to_the_new_primary(
    service: Sentinels, cache: RedisCache
) -> None:
    before = service.current_primary()
    cache.set("n", 1)
    service.data.wait_in_sync()
    before.kill()
    after = service.wait_failover(before)
    # Knowledge that is out of date, as that of a process which was stopped.
    topology: Any = cache._engine.topology
    topology._fresh_until = time.monotonic() + 5
    assert cache.incr("n") == 2
    assert after.cli("GET", cache.make_key("n")) == "2"


@pytest.mark.parametrize("way", ["blocking", "asyncio"])
async def test_a_server_that_is_no_primary_is_not_even_sent_a_write(
    service: Sentinels, cache: RedisCache, way: str
) -> None:
    before = service.current_primary()
    cache.get("k")  # now its place is known
    before.cli("REPLICAOF", "127.0.0.1", service.data.replicas[0].port)
    cache._engine.close_idle()
    seen = writes(before)

    async def write() -> None:
        if way == "blocking":
            cache.set("k", 1)
        else:
            await cache.aset("k", 1)

    with pytest.raises(ServerRefused, match="not a primary any more"):
        await write()
    assert writes(before) == seen
