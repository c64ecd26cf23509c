"""A mirror: what a call costs in each phase of a move.

    python benchmarks/mirror.py [--rounds 21]

CPU time of one caller with the old cache and the new one on a server each, as ratios to the new
cache's same call without a mirror, as interleaved.py says. ``get`` and ``get_many`` read what has
been taken over; ``get of nothing`` what neither cache has.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import django
from django.conf import settings
from interleaved import Outcome, compare

from django_redis_core.testing.clients import PATIENCE
from django_redis_core.testing.servers import Server
from django_redis_core_mirror import switch
from django_redis_core_mirror.phases import STOPS

BACKEND = "django_redis_core.cache.RedisCache"


def configure(new: str, old: str) -> None:
    patient = {"OPTIONS": PATIENCE}
    entries: dict[str, Any] = {"default": {"LOCATION": new, "KEY_PREFIX": "plain", **patient}}
    for phase in STOPS:
        name = phase.title
        entries[f"old of {name}"] = {"LOCATION": old, "KEY_PREFIX": name, **patient}
        mirror = {"CLIENT": "mirror", "MIRROR_OF": f"old of {name}", **PATIENCE}
        entries[name] = {"LOCATION": new, "KEY_PREFIX": name, "OPTIONS": mirror}
    settings.configure(CACHES={name: {"BACKEND": BACKEND, **one} for name, one in entries.items()})
    django.setup()


#: For each workload the call without a mirror, and the mirror's by phase.
Cases = dict[str, tuple[Callable[[], object], dict[str, Callable[[], object]]]]


def cases() -> Cases:
    from django.core.cache import caches

    many = {f"key{number}": f"value {number}" * 5 for number in range(100)}
    keys, value = list(many), "x" * 100
    found: dict[str, Any] = {"plain": caches["default"]}
    for phase in STOPS:
        switch.FIRST = phase  # as if an operator had gone there
        found[phase.title] = cache = caches[phase.title]
        cache.get("k")
    for cache in found.values():
        cache.set("k", value, None)
        cache.set("n", 0, None)
        cache.set_many(many, None)
        cache.incr("n")
        assert cache.get("k") == value
        assert cache.get_many(keys) == many
    calls: dict[str, Callable[[Any], object]] = {
        "get": lambda cache: cache.get("k"),
        "get of nothing": lambda cache: cache.get("missing"),
        "get_many 100": lambda cache: cache.get_many(keys),
        "set": lambda cache: cache.set("k", value, 300),
        "set_many 100": lambda cache: cache.set_many(many, 300),
        "delete": lambda cache: cache.delete("gone"),
        "incr": lambda cache: cache.incr("n"),
    }

    def bound(call: Callable[[Any], object], cache: Any) -> Callable[[], object]:
        return lambda: call(cache)

    return {
        name: (
            bound(call, found["plain"]),
            {phase.title: bound(call, found[phase.title]) for phase in STOPS},
        )
        for name, call in calls.items()
    }


def table(of: Cases, rounds: int) -> None:
    names = [phase.title for phase in STOPS]
    print(f"| call | without, µs | {' | '.join(names)} | control |")
    print(f"| --- | --- | {' | '.join('---' for _ in names)} | --- |")
    base, variants = of["get"]
    compare(base, variants, rounds=3)  # the first of a process is never right
    for name, (base, variants) in of.items():
        print(row(name, compare(base, variants, rounds=rounds)), flush=True)


def row(name: str, outcome: Outcome) -> str:
    mark = "" if outcome.trustworthy else " (noisy: repeat)"
    ratios = " | ".join(f"{ratio:.2f}" for ratio in outcome.ratios.values())
    return f"| {name} | {outcome.base_microseconds:.1f} | {ratios} | {outcome.control:.2f}{mark} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=21)
    arguments = parser.parse_args()
    with Server() as new, Server() as old:
        configure(new.url, old.url)
        table(cases(), arguments.rounds)


if __name__ == "__main__":
    main()
