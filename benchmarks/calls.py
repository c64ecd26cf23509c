"""Single calls: this backend against redis-py's own client doing the same bytes.

    python benchmarks/calls.py [--rounds 21]

Prints a table of CPU time ratios, kernel included (see interleaved.py). Below 1 is less CPU than
redis-py's client needs for the bare command, without serializing anything.
"""

from __future__ import annotations

import argparse
import pickle
from collections.abc import Callable

import django
import redis
from django.conf import settings
from interleaved import Outcome, compare

from django_redis_core.testing.servers import Server

BACKEND = "django_redis_core.cache.RedisCache"
BUDGETS = {
    "get 100 B": 0.50,
    "get int": 0.50,
    "get miss": 0.50,
    "get dict 2 KB": 0.65,
    "set 100 B": 0.50,
    "touch": 0.50,
    "incr": 0.50,
    "get_many 100": 1.00,
    "set_many 100": 0.50,
}


def cases(url: str) -> dict[str, tuple[Callable[[], object], Callable[[], object]]]:
    """For each workload the base and ours."""
    settings.configure(CACHES={"default": {"BACKEND": BACKEND, "LOCATION": url}})
    django.setup()
    from django.core.cache import caches

    cache = caches["default"]  # what a view holds; the `cache` proxy adds the same to every backend
    raw = redis.Redis.from_url(url, protocol=2)
    small, record = "x" * 100, {f"field{number}": "value " * 15 for number in range(20)}
    small_bytes = pickle.dumps(small)
    many = {f"key{number}": f"value {number}" * 5 for number in range(100)}
    many_bytes = {f":1:{key}": pickle.dumps(value) for key, value in many.items()}
    cache.set_many({"small": small, "number": 12345, "record": record, "count": 0, **many}, None)
    names = list(many)
    raw_names = list(many_bytes)

    def raw_set_many() -> None:
        with raw.pipeline(transaction=False) as pipe:
            for key, value in many.items():
                pipe.set(f":1:{key}", pickle.dumps(value), px=300_000)
            pipe.execute()

    return {
        "get 100 B": (lambda: raw.get(":1:small"), lambda: cache.get("small")),
        "get int": (lambda: raw.get(":1:number"), lambda: cache.get("number")),
        "get miss": (lambda: raw.get(":1:nothing"), lambda: cache.get("nothing")),
        "get dict 2 KB": (
            lambda: pickle.loads(raw.get(":1:record")),
            lambda: cache.get("record"),
        ),
        "set 100 B": (
            lambda: raw.set(":1:small", small_bytes, px=300_000),
            lambda: cache.set("small", small),
        ),
        "touch": (lambda: raw.pexpire(":1:record", 300_000), lambda: cache.touch("record")),
        "incr": (lambda: raw.incrby(":1:count", 1), lambda: cache.incr("count")),
        "get_many 100": (
            lambda: [pickle.loads(data) for data in raw.mget(raw_names)],
            lambda: cache.get_many(names),
        ),
        "set_many 100": (raw_set_many, lambda: cache.set_many(many)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--only", help="a part of a workload's name")
    arguments = parser.parse_args()
    with Server() as server:
        print("| workload | redis-py, µs of CPU | ours / redis-py | budget | control |")
        print("| --- | --- | --- | --- | --- |")
        workloads = cases(server.url)
        first = next(iter(workloads.values()))
        compare(first[0], {"ours": first[1]}, rounds=3)  # the first of a process is never right
        for name, (base, ours) in workloads.items():
            if arguments.only and arguments.only not in name:
                continue
            print(row(name, compare(base, {"ours": ours}, rounds=arguments.rounds)), flush=True)


def row(name: str, outcome: Outcome) -> str:
    mark = "" if outcome.trustworthy else " (noisy: repeat)"
    return (
        f"| {name} | {outcome.base_microseconds:.0f} | {outcome.ratios['ours']:.2f} "
        f"| {BUDGETS[name]:.2f} | {outcome.control:.2f}{mark} |"
    )


if __name__ == "__main__":
    main()
