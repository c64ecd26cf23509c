"""A site moves from one server to a cluster while it works.

Threads and tasks of several processes read, write, delete, count and lock, each process with the
phase that it has read last; an operator runs the commands of the docs page meanwhile. No reader
may see a value that was replaced before it asked, no count may be lost, no lock be held twice, and
what is there must be found: of each thousand entries that were asked for one after the other 980,
in each phase and between them. All that is asked for there lives longer than the test, so how fast
the machine is makes no difference.

``MIRROR_SECONDS`` is how long the site works in each phase: the longer, the more there is to find.
"""

from __future__ import annotations

import asyncio
import os
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from typing import Any

import django
import pytest
from django.apps import apps
from django.core.cache import caches
from django.core.management import call_command
from django.test import override_settings

from django_redis_core.management.commands.redis_cache import Command
from django_redis_core.testing.clients import wait_until
from django_redis_core.testing.cluster import Cluster
from django_redis_core.testing.servers import Server

SECONDS = float(os.environ.get("MIRROR_SECONDS", "0.5"))

#: Entries that are asked for, one after the other, for one hit ratio, and how many are asked for at
#: least in each phase where a site stays.
WINDOW, LEAST = 1000, 2000

#: Entries that are there from the beginning, those that are written, and counters.
STABLE = [f"stable:{number}" for number in range(200)]
WRITTEN = [f"written:{number}" for number in range(12)]
COUNTERS = [f"counter:{number}" for number in range(4)]
BACKEND = "django_redis_core.cache.RedisCache"


class Site:
    """What the site's processes have done, and what of it was wrong."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.wrong: list[str] = []
        self.begun = dict.fromkeys(WRITTEN, 0)
        self.done = dict.fromkeys(WRITTEN, 0)
        self.counted: dict[str, list[int]] = {name: [] for name in COUNTERS}
        self.inside = 0
        self.locked = 0
        #: What the site is in or goes to, what was asked for, and what was found: windows of
        #: ``WINDOW``, the last one of each phase with less.
        self.windows: list[tuple[str, list[int]]] = []
        self.counting = threading.Lock()
        self.enter("old")

    def enter(self, phase: str) -> None:
        with self.counting:
            self.windows.append((phase, [0, 0]))

    def found(self, asked: int, found: int) -> None:
        with self.counting:
            phase, window = self.windows[-1]
            window[0] += asked
            window[1] += found
            if window[0] >= WINDOW:
                self.windows.append((phase, [0, 0]))

    def asked(self, phase: str) -> int:
        with self.counting:
            return sum(window[0] for name, window in self.windows if name == phase)

    def stay(self, phase: str) -> None:
        """Works on until enough was asked for in ``phase``."""
        self.enter(phase)
        time.sleep(SECONDS)
        wait_until(lambda: self.asked(phase) >= LEAST, "entries were asked for", timeout=60)

    def judge(self, key: str, low: int, value: Any, high: int, who: str) -> None:
        """Whether ``value`` is one that the key had between its numbers ``low`` and ``high``."""
        numbers = range(low, high + 1)
        if value is None:
            right = any(number % 5 == 0 for number in numbers)
        else:
            right = value in numbers and value % 5 != 0
        if not right:
            self.wrong.append(f"{who} saw {value!r} under {key}, which had {low} to {high}")

    # Of each key there is one writer, who counts up; each fifth time it is deleted.

    def write(self, cache: Any, keys: list[str]) -> None:
        for key in keys:
            number = self.begun[key] = self.begun[key] + 1
            if number % 5 == 0:
                cache.delete(key)
            elif number % 3 == 0:
                cache.set_many({key: number}, 600)
            elif number % 3 == 1:
                with cache.pipeline() as pipeline:
                    pipeline.set(key, number, None)
            else:
                cache.set(key, number, random.choice([None, 30, 600]))
            self.done[key] = number

    def read(self, cache: Any) -> None:
        keys = random.sample(WRITTEN, 3)
        low = {key: self.done[key] for key in keys}
        found = cache.get_many(keys) if random.random() < 0.5 else {}
        if not found:
            found = {key: cache.get(key) for key in keys}
        for key in keys:
            self.judge(key, low[key], found.get(key), self.begun[key], "a thread")
        some = random.sample(STABLE, 10)
        there = cache.get_many(some)
        self.found(10, len(there))
        key = random.choice(STABLE)
        self.found(1, cache.get(key) == key)

    def count(self, cache: Any) -> None:
        name = random.choice(COUNTERS)
        self.counted[name].append(cache.incr(name))
        with cache.lock("lock", timeout=30, blocking_timeout=60):
            self.inside += 1
            if self.inside != 1:
                self.wrong.append("two were inside of the lock")
            self.locked += 1
            self.inside -= 1

    async def aread(self, cache: Any) -> None:
        key = random.choice(WRITTEN)
        low = self.done[key]
        self.judge(key, low, await cache.aget(key), self.begun[key], "a task")
        async with cache.apipeline() as pipeline:
            results = [pipeline.get(name) for name in random.sample(STABLE, 5)]
        self.found(5, sum(result.value is not None for result in results))
        name = random.choice(COUNTERS)
        self.counted[name].append(await cache.aincr(name))

    def work(self, task: Callable[[], None]) -> None:
        while not self.stop.is_set():
            try:
                task()
            except Exception as error:
                self.wrong.append(f"{task}: {error!r}")
                raise

    def tasks(self, cache: Any) -> None:
        async def several() -> None:
            await asyncio.gather(*[one() for _ in range(4)])

        async def one() -> None:
            while not self.stop.is_set():
                await self.aread(cache)

        try:
            asyncio.run(several())
        except Exception as error:
            self.wrong.append(f"a task: {error!r}")
            raise


@pytest.mark.filterwarnings("error")
def test_a_site_moves_to_a_cluster_under_load(three_nodes: Cluster) -> None:
    nodes = three_nodes
    patience = {"SOCKET_TIMEOUT": 30, "SOCKET_CONNECT_TIMEOUT": 30}
    if not apps.ready:
        django.setup()
    with Server() as server, override_settings(CACHES=_settings(server, nodes, patience)):
        old: Any = caches["old"]
        old.set_many({key: key for key in STABLE}, 3600)
        for name in COUNTERS:
            old.set(name, 0)
        site = Site()
        mirrors: list[Any] = [caches["default"], caches["web"], caches["tasks"]]
        clients = [cache.built.client for cache in mirrors]
        assert len({id(client) for client in clients}) == 3

        def everywhere(end: str) -> str:
            site.enter(f"on the way to {end}")
            out = StringIO()
            call_command(Command(), "mirror", end, "--alias=default", "--grace=0.3", stdout=out)
            return out.getvalue()

        half = len(WRITTEN) // 2
        new = nodes.client()
        stored = [mirrors[0].make_key(key) for key in STABLE]
        jobs: list[Callable[[], None]] = [
            lambda: site.work(lambda: site.write(mirrors[0], WRITTEN[:half])),
            lambda: site.work(lambda: site.write(mirrors[1], WRITTEN[half:])),
            lambda: site.work(lambda: site.read(mirrors[0])),
            lambda: site.work(lambda: site.read(mirrors[1])),
            lambda: site.work(lambda: site.count(mirrors[0])),
            lambda: site.work(lambda: site.count(mirrors[1])),
            lambda: site.tasks(mirrors[2]),
        ]
        with ThreadPoolExecutor(len(jobs)) as threads:
            working = [threads.submit(job) for job in jobs]
            try:
                site.stay("old")
                assert not any(new.exists(key) for key in stored), "nothing has begun"
                everywhere("both")
                site.stay("both")
                everywhere("new")
                site.stay("new")
                wait_until(
                    lambda: all(new.exists(key) for key in stored), "all are taken over", timeout=60
                )
                told = everywhere("alone")
                assert "phase: alone" in told
                server.kill()
                site.stay("alone")
            finally:
                site.stop.set()
            for job in working:
                job.result()
        assert not site.wrong, site.wrong[:5]
        plain: Any = caches["plain"]  # the release after, without the mirror
        for name, returned in site.counted.items():
            assert sorted(returned) == list(range(1, len(returned) + 1)), name
            assert plain.get(name) == len(returned) > 10
        assert site.locked > 10
        for phase, (asked, found) in site.windows:
            assert asked - found <= 0.02 * max(asked, WINDOW), f"{found} of {asked}: {phase}"
        assert all(site.asked(phase) >= LEAST for phase in ("old", "both", "new", "alone"))
        assert sum(client.mirror_counts["taken_over"] for client in clients) >= len(STABLE)
        assert sum(client.mirror_counts["old"] for client in clients) > 0


def _settings(server: Server, nodes: Any, patience: dict[str, Any]) -> dict[str, Any]:
    new = {"BACKEND": BACKEND, "LOCATION": nodes.urls, "KEY_PREFIX": "site"}
    factory = {"CONNECTION_FACTORY": "cluster", **patience}
    mirror = {**factory, "CLIENT": "mirror", "MIRROR_OF": "old", "MIRROR_AGE": 0.2}
    return {
        "default": {**new, "OPTIONS": mirror},
        # What other processes have built from the same entry.
        "web": {**new, "OPTIONS": {**mirror, "LOGGER": "web"}},
        "tasks": {**new, "OPTIONS": {**mirror, "LOGGER": "tasks"}},
        "plain": {**new, "OPTIONS": factory},
        "old": {
            "BACKEND": BACKEND,
            "LOCATION": server.url,
            "KEY_PREFIX": "site-of-old",
            "OPTIONS": patience,
        },
    }
