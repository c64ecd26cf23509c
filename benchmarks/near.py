"""A near cache: what a copy in memory costs, what it costs to get one, what writes cost.

    python benchmarks/near.py [--rounds 21] [--stale 5]

Three tables. CPU time ratios as in calls.py, to redis-py's own client doing the same on the server;
the same for what near adds where it has no copy; and how long after a write that another process
had acknowledged a reader still saw the old value. What is worth keeping is near_policy.py's.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import pickle
import statistics
import threading
import time
from collections.abc import Callable
from functools import partial
from itertools import cycle
from typing import Any

import django
import redis
from django.conf import settings
from django.test import override_settings
from interleaved import Outcome, compare

from django_redis_core.testing.servers import Server

BACKEND = "django_redis_core.cache.RedisCache"


def configure(url: str) -> None:
    near = {"CLIENT": "near", "NEAR_TTL": 3600, "NEAR_LEASE": 60}
    options = {
        "near": near,
        "first": {**near, "NEAR_TTL": 3599},  # other options, and so a store of its own
        "fresh": {**near, "NEAR_TTL": 3598},
        "second": {**near, "NEAR_MAX_ENTRIES": 30_000},
        "again": {**near, "NEAR_MAX_ENTRIES": 30_001},
        "plain": {},
    }
    settings.configure(
        CACHES={
            name: {"BACKEND": BACKEND, "LOCATION": url, "OPTIONS": each}
            for name, each in {"default": {}, **options}.items()
        }
    )
    django.setup()


def heard(cache: Any) -> None:
    while not all(state is True for state in cache.client.near_info().tracking.values()):
        cache.get("nothing")
        time.sleep(0.01)


Cases = dict[str, tuple[Callable[[], object], Callable[[], object]]]


def hits(url: str) -> Cases:
    """For each workload redis-py, and near with copies of all."""
    from django.core.cache import caches

    cache = caches["near"]
    raw = redis.Redis.from_url(url, protocol=2)
    heard(cache)
    record = {f"field{number}": "value " * 15 for number in range(20)}
    many = {f"key{number}": f"value {number}" * 5 for number in range(100)}
    cache.set_many({"small": "x" * 100, "number": 12345, "record": record, **many}, None)
    time.sleep(0.2)  # the server's word of these writes would drop what is read before it
    names, raw_names = list(many), [f":1:{key}" for key in many]
    loop = asyncio.new_event_loop()
    araw: Any = redis.asyncio.Redis.from_url(url, protocol=2)

    async def times(function: Callable[[str], Any], key: str) -> None:
        for _ in range(50):
            await function(key)

    cases: Cases = {
        "get 100 B": (lambda: raw.get(":1:small"), lambda: cache.get("small")),
        "get int": (lambda: raw.get(":1:number"), lambda: cache.get("number")),
        "get dict 2 KB (redis-py + pickle)": (
            lambda: pickle.loads(raw.get(":1:record")),  # type: ignore[arg-type]
            lambda: cache.get("record"),
        ),
        "has_key": (lambda: raw.exists(":1:small"), lambda: cache.has_key("small")),
        "get_many 100 (MGET + pickle)": (
            lambda: [pickle.loads(data) for data in raw.mget(raw_names)],  # type: ignore[union-attr]
            lambda: cache.get_many(names),
        ),
        "50 × await aget 100 B (redis.asyncio)": (
            lambda: loop.run_until_complete(times(araw.get, ":1:small")),
            lambda: loop.run_until_complete(times(cache.aget, "small")),
        ),
    }
    while cache.client.near_info().entries < 103:  # of many keys a part is kept at a time
        for _, ours in cases.values():
            ours()
    return cases


#: Keys that the first reads are of, each read once.
ONCE = 60_000


def misses() -> Cases:
    """For each workload the default client, and near where it has no copy."""
    from django.core.cache import caches

    plain, first, second = caches["plain"], caches["first"], caches["second"]
    heard(first)
    heard(second)
    many = {f"key{number}": f"value {number}" * 5 for number in range(100)}
    once = [f"once{number}" for number in range(ONCE)]
    for start in range(0, ONCE, 10_000):
        plain.set_many(dict.fromkeys(once[start : start + 10_000], "x" * 100), None)
    time.sleep(0.5)  # until the server's word of all this is here
    some = [once[start : start + 100] for start in range(0, ONCE, 100)]
    one, many_ones = partial(next, cycle(once)), partial(next, cycle(some))
    other, many_others = partial(next, cycle(once)), partial(next, cycle(some))
    fresh, again = caches["fresh"], caches["again"]
    for cache in (second, fresh, again):
        heard(cache)
    for cache in (second, again):  # as if each key had been read once
        counts = cache._engine.client._store._sketch.counts
        counts[:] = bytes([1]) * len(counts)
    return {
        "get 100 B, first read": (lambda: plain.get(other()), lambda: first.get(one())),
        "get 100 B, second read": (lambda: plain.get(other()), lambda: second.get(one())),
        "get_many 100, first read": (
            lambda: plain.get_many(many_others()),
            lambda: fresh.get_many(many_ones()),
        ),
        "get_many 100, second read": (
            lambda: plain.get_many(many_others()),
            lambda: again.get_many(many_ones()),
        ),
        "set 100 B": (
            lambda: plain.set("written", "x" * 100),
            lambda: first.set("written", "x" * 100),
        ),
        "set_many 100": (lambda: plain.set_many(many), lambda: first.set_many(many)),
    }


def table(head: str, cases: Cases, rounds: int) -> None:
    print(f"\n| {head} | base, µs of CPU | near, µs | near / base | control |")
    print("| --- | --- | --- | --- | --- |")
    first = next(iter(cases.values()))
    compare(first[0], {"near": first[1]}, rounds=3)  # the first of a process is never right
    for name, (base, near) in cases.items():
        print(row(name, compare(base, {"near": near}, rounds=rounds)), flush=True)


def row(name: str, outcome: Outcome) -> str:
    mark = "" if outcome.trustworthy else " (noisy: repeat)"
    base, ratio = outcome.base_microseconds, outcome.ratios["near"]
    return (
        f"| {name} | {base:.1f} | {base * ratio:.2f} | {ratio:.3f} | {outcome.control:.2f}{mark} |"
    )


def write_on(url: str, written: Any, seconds: float) -> None:
    """Another process: counts up, and says when each number was acknowledged."""
    client = redis.Redis.from_url(url, protocol=2)
    number, until = 0, time.monotonic() + seconds
    while time.monotonic() < until:
        number += 1
        client.set(":1:counted", number)
        with written.get_lock():
            written[0], written[1] = number, time.monotonic()
        time.sleep(0.005)


def staleness(url: str, seconds: float) -> None:
    """Reads without a pause, and notes for how long after its acknowledgment a write was unseen."""
    from django.core.cache import caches

    cache = caches["near"]
    written = multiprocessing.get_context("spawn").Array("d", [0, 0])
    writer = multiprocessing.get_context("spawn").Process(
        target=write_on, args=(url, written, seconds + 1)
    )
    writer.start()
    while not written[0] and writer.is_alive():  # it imports, which takes as long as it takes
        time.sleep(0.01)
    until = time.monotonic() + seconds
    stale: list[float] = []
    reads, before = 0, cache.client.near_info().hits
    while time.monotonic() < until:
        number, since = written[:]
        reads += 1
        if (cache.get("counted") or 0) >= number:
            continue
        while (cache.get("counted") or 0) < number:
            reads += 1
        stale.append(time.monotonic() - since)
    writer.join()
    hit = cache.client.near_info().hits - before
    stale = sorted(stale) or [0.0]
    print("\n| writes | reads | of memory | seen late | median, ms | 99%, ms | worst, ms |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    print(
        f"| {written[0]:.0f} | {reads} | {hit / reads:.1%} | {len(stale)} "
        f"| {statistics.median(stale) * 1000:.1f} | {stale[int(len(stale) * 0.99)] * 1000:.1f} "
        f"| {stale[-1] * 1000:.1f} |"
    )


def leave() -> None:
    """Takes the caches out of use, as changed settings do, and waits until nobody listens: a server
    that ends before its listeners is one that failed, and they would say so."""
    with override_settings(CACHES={}):
        for thread in threading.enumerate():
            if thread.name.startswith("near "):
                thread.join()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--stale", type=float, default=5, help="seconds of the last table")
    arguments = parser.parse_args()
    with Server() as server:
        configure(server.url)
        table("a copy is there", hits(server.url), arguments.rounds)
        table("no copy is there", misses(), arguments.rounds)
        staleness(server.url, arguments.stale)
        leave()


if __name__ == "__main__":
    main()
