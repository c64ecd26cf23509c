"""What a sealer costs: get and set of a value of 350 bytes, against a cache without one.

    python benchmarks/sealers.py [--rounds 21]

Prints a table of CPU time ratios of whole calls, kernel included (see interleaved.py).
"""

from __future__ import annotations

import argparse
import pickle
from collections.abc import Callable
from functools import partial
from typing import Any

import django
from django.conf import settings
from interleaved import Outcome, compare

from django_redis_core.testing.servers import Server

BACKEND = "django_redis_core.cache.RedisCache"
SEALERS = ["none", "signed", "encrypted"]
VALUE = {f"field{number}": f"the value of {number} " for number in range(12)}
KEY = "session:4711"


def caches_of(url: str) -> dict[str, Any]:
    entry = {"BACKEND": BACKEND, "LOCATION": url}
    settings.configure(
        SECRET_KEY="of a benchmark",
        CACHES={
            "default": entry,
            **{
                name: {**entry, "KEY_PREFIX": name, "OPTIONS": {"SEALER": name}} for name in SEALERS
            },
        },
    )
    django.setup()
    from django.core.cache import caches

    return {name: caches[name] for name in SEALERS}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=21)
    rounds = parser.parse_args().rounds
    with Server() as server:
        caches = caches_of(server.url)
        for cache in caches.values():
            cache.set(KEY, VALUE, None)
        gets = {name: partial(cache.get, KEY) for name, cache in caches.items()}
        sets = {name: partial(cache.set, KEY, VALUE) for name, cache in caches.items()}
        many = [f"key{number}" for number in range(100)]
        for cache in caches.values():
            cache.set_many(dict.fromkeys(many, VALUE), None)
        get_manys = {name: partial(cache.get_many, many) for name, cache in caches.items()}
        compare(gets["none"], {}, rounds=3)  # the first of a process is never right
        print(f"{len(pickle.dumps(VALUE))} bytes, pickled\n")
        print("| call | without, µs of CPU | signed | encrypted | control |")
        print("| --- | --- | --- | --- | --- |")
        for name, calls in (("get", gets), ("set", sets), ("get_many 100", get_manys)):
            print(row(name, measured(calls, rounds)), flush=True)


def measured(calls: dict[str, Callable[[], object]], rounds: int) -> Outcome:
    return compare(calls["none"], {name: calls[name] for name in SEALERS[1:]}, rounds=rounds)


def row(name: str, outcome: Outcome) -> str:
    mark = "" if outcome.trustworthy else " (noisy: repeat)"
    ratios = " | ".join(f"{outcome.ratios[sealer]:.2f}" for sealer in SEALERS[1:])
    return f"| {name} | {outcome.base_microseconds:.0f} | {ratios} | {outcome.control:.2f}{mark} |"


if __name__ == "__main__":
    main()
