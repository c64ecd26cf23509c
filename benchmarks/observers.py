"""Observers: what each call costs with one more of them, against the same cache without any.

    python benchmarks/observers.py [--rounds 21]

Prints a table of CPU time ratios, kernel included (see interleaved.py). ``counts`` is an observer
of operations, as small as one that counts calls, hits and misses can be; ``begins`` is told of
their beginnings too; ``trips`` is ``counts`` and counts round trips with their bytes; ``nobody``
overrides no method, and must cost nothing.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable
from typing import Any

import django
from django.conf import settings
from interleaved import compare

from django_redis_core.interfaces import Call, Observer, Trip
from django_redis_core.testing.servers import Server

BACKEND = "django_redis_core.cache.RedisCache"
BUDGETS = {"counts": 1.08, "nobody": 1.01}


class Nobody(Observer):
    name = "nobody"


class Counts(Observer):
    name = "counts"

    def __init__(self) -> None:
        self.calls = self.hits = self.misses = 0

    def operation_ended(self, call: Call) -> None:
        self.calls += 1
        self.hits += call.hits
        self.misses += call.misses


class Begins(Observer):
    name = "begins"

    def __init__(self) -> None:
        self.calls = 0

    def operation(self, call: Call) -> Callable[[Call], None]:
        return self.ended

    def ended(self, call: Call) -> None:
        self.calls += 1


class Trips(Counts):
    name = "trips"

    def __init__(self) -> None:
        super().__init__()
        self.trips = self.bytes = 0

    def round_trip_ended(self, trip: Trip) -> None:
        self.trips += 1
        self.bytes += trip.bytes_sent + trip.bytes_received


OBSERVERS: dict[str, Any] = {
    "plain": [],
    "nobody": Nobody,
    "counts": Counts,
    "begins": Begins,
    "trips": Trips,
}


def configure(url: str) -> None:
    settings.configure(
        CACHES={
            "default": {"BACKEND": BACKEND, "LOCATION": url},
            **{
                name: {"BACKEND": BACKEND, "LOCATION": url, "OPTIONS": {"OBSERVERS": observers}}
                for name, observers in OBSERVERS.items()
            },
        }
    )
    django.setup()


Workloads = dict[str, Callable[[Any], Callable[[], object]]]


def workloads(loop: asyncio.AbstractEventLoop) -> Workloads:
    """For each workload what makes its call out of a cache."""
    names = [f"key{number}" for number in range(100)]

    def in_tasks(cache: Any) -> Callable[[], object]:
        async def fifty() -> None:
            await asyncio.gather(*[cache.aget("small") for _ in range(50)])

        return lambda: loop.run_until_complete(fifty())

    def pipelined(cache: Any) -> Callable[[], object]:
        def ten() -> None:
            with cache.pipeline() as pipe:
                for name in names[:10]:
                    pipe.get(name)

        return ten

    return {
        "get 100 B": lambda cache: lambda: cache.get("small"),
        "get miss": lambda cache: lambda: cache.get("nothing"),
        "set 100 B": lambda cache: lambda: cache.set("small", "x" * 100),
        "get_many 100": lambda cache: lambda: cache.get_many(names),
        "pipeline of 10": pipelined,
        "aget, 50 tasks": in_tasks,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--only", help="a part of a workload's name")
    arguments = parser.parse_args()
    with Server() as server, asyncio.Runner() as runner:
        configure(server.url)
        from django.core.cache import caches

        caches["plain"].set_many({"small": "x" * 100, **{f"key{n}": "v" * 50 for n in range(100)}})
        others = [name for name in OBSERVERS if name != "plain"]
        print(f"| workload | plain, µs of CPU | {' | '.join(others)} | control |")
        print(f"| --- | --- |{' --- |' * (len(others) + 1)}")
        for name, make in workloads(runner.get_loop()).items():
            if arguments.only and arguments.only not in name:
                continue
            calls = {one: make(caches[one]) for one in OBSERVERS}
            base = calls.pop("plain")
            compare(base, calls, rounds=1)  # the first of a process is never right
            outcome = compare(base, calls, rounds=arguments.rounds)
            ratios = " | ".join(f"{outcome.ratios[one]:.3f}" for one in others)
            mark = "" if outcome.trustworthy else " (noisy: repeat)"
            print(
                f"| {name} | {outcome.base_microseconds:.0f} | {ratios} "
                f"| {outcome.control:.3f}{mark} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
