"""The faults of faults_site.py that threads meet while they read or write."""

from __future__ import annotations

import sys
import threading
import time
from contextlib import suppress
from itertools import pairwise
from typing import Any

THREADS = 8


def ready() -> str:
    """The fault may come; returns when it is there, with what is told of it."""
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    return sys.stdin.readline().strip()


def _load(cache: Any, seconds: float) -> tuple[float, list[tuple[float, float, bool]]]:
    """``THREADS`` threads that read, the fault comes, and they read on for ``seconds``. When that
    began; and of each call from then on when it began, how long it took, whether it was
    answered."""
    calls: list[tuple[float, float, bool]] = []
    meet = threading.Barrier(THREADS + 1)

    def read(until: float, found: list[tuple[float, float, bool]]) -> None:
        while (began := time.monotonic()) < until:
            try:
                answered = cache.get("key0") is not None
            except Exception:
                answered = False
            found.append((began, time.monotonic() - began, answered))
            time.sleep(0.005)

    def work() -> None:
        read(time.monotonic() + 0.3, [])
        meet.wait()
        meet.wait()
        read(time.monotonic() + seconds, calls)

    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    meet.wait()
    ready()
    began = time.monotonic()
    meet.wait()
    for thread in threads:
        thread.join()
    return began, calls


def hole(cache: Any) -> dict[str, float]:
    """The network loses all packets for three seconds."""
    cache.set("key0", "value", None)
    began, calls = _load(cache, 6)
    healed = began + 3
    late = [at + took for at, took, answered in calls if answered and at + took > healed]
    return {
        "longest": max(took for _, took, _ in calls),
        "waited": sum(took for at, took, _ in calls if at < healed) / THREADS,
        "back": min(late, default=began + 6) - healed,
    }


def half_open(cache: Any) -> dict[str, float]:
    """What is between has forgotten the connections that were idle; new ones work."""
    cache.set("key0", "value", None)
    _, calls = _load(cache, 3)
    return {
        "failed": sum(not answered for _, _, answered in calls),
        "longest": max(took for _, took, _ in calls),
        "calls": len(calls),
    }


def replica(cache: Any) -> dict[str, float]:
    """A replica that is read from says nothing; the primary is well."""
    cache.set("key0", "value", None)
    time.sleep(0.2)
    _, calls = _load(cache, 4)
    return {
        "failed": sum(not answered for _, _, answered in calls),
        "longest": max(took for _, took, _ in calls),
        "calls": len(calls),
    }


def failovers(cache: Any) -> dict[str, float]:
    """Primaries are replaced while threads write, each key once."""
    cache.set("key0", "value", None)  # what is imported at the first call is no outage
    acknowledged: dict[str, float] = {}
    longest = [0.0] * THREADS
    over = threading.Event()

    def write(number: int) -> None:
        turn = 0
        while not over.is_set():
            turn += 1
            key = f"thread{number}-{turn}"
            began = time.monotonic()
            with suppress(Exception):
                if cache.set(key, f"of {key}", None) is not False:
                    acknowledged[key] = time.monotonic()
            longest[number] = max(longest[number], time.monotonic() - began)
            time.sleep(0.005)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    ready()
    over.set()
    for thread in threads:
        thread.join()
    found: dict[str, Any] = {}
    keys = list(acknowledged)
    for at in range(0, len(keys), 500):
        for attempt in range(10):
            try:
                found |= cache.get_many(keys[at : at + 500])
                break
            except Exception:
                time.sleep(0.5 * (attempt + 1))
    times = sorted(acknowledged.values())
    silences = [later - sooner for sooner, later in pairwise(times)]
    return {
        "acknowledged": len(keys),
        "lost": sum(key not in found for key in keys),
        "wrong": sum(value != f"of {key}" for key, value in found.items()),
        "dark": sum(silence for silence in silences if silence > 0.1),
        "longest": max(longest),
    }


def shard(cache: Any) -> dict[str, float]:
    """One of several servers, among which the keys are divided, says nothing."""
    keys = [f"key{number}" for number in range(100)]
    patience = time.monotonic() + 30  # before the fault, a machine that is busy is none
    for key in keys:
        while True:
            try:
                cache.set(key, "value", None)
                break
            except Exception:
                if time.monotonic() > patience:
                    raise
                time.sleep(0.1)
    lost = int(ready())
    began = time.monotonic()
    single = 0
    for key in keys:
        with suppress(Exception):
            single += cache.get(key) == "value"
    took = time.monotonic() - began
    many = 0
    with suppress(Exception):
        many = len(cache.get_many(keys))
    return {"of": len(keys) - lost, "single": single, "many": many, "took": took}
