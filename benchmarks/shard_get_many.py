"""``get_many`` of 200 keys on a ring of four shards: wall time against four raw MGETs in a row.

    python benchmarks/shard_get_many.py [--rounds 21]

The base is redis-py's own client for each shard, asked one after the other for keys that were
sorted by shard beforehand, and ``pickle.loads`` of each value. Ours has to find each key's shard,
asks all four at once, and puts the values in the order of the keys. (See interleaved.py.)

Twice: with the servers on this machine, where a request takes so little that both are only as quick
as Python, and the servers share the processors with the client; and a network away, which a proxy
in another process plays: there three of four waits are saved. Budget: 0.60.
"""

from __future__ import annotations

import argparse
import multiprocessing
import pickle
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection
from typing import Any

import redis
from django.conf import settings
from interleaved import Outcome, compare

from django_redis_core.testing.proxy import FaultProxy
from django_redis_core.testing.topologies import shards

KEYS = 200
SHARDS = 4
LATENCY = 0.0005  # seconds each way
BUDGET = 0.60


def stand_between(addresses: Sequence[tuple[str, int]], parent: Connection) -> None:
    with ExitStack() as stack:
        proxies = [stack.enter_context(FaultProxy(*address)) for address in addresses]
        for proxy in proxies:
            proxy.latency(LATENCY)
        parent.send([proxy.url for proxy in proxies])
        parent.recv()


@contextmanager
def far_away(addresses: Sequence[tuple[str, int]]) -> Iterator[list[str]]:
    """The URLs of the servers behind proxies, which run in a process of their own."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=stand_between, args=(addresses, theirs))
    process.start()
    try:
        yield ours.recv()
        ours.send("done")
    finally:
        process.join(10)


def calls(urls: Sequence[str]) -> tuple[Callable[[], object], Callable[[], object]]:
    """The base and ours."""
    from django_redis_core.cache import RedisCache

    names = [f"shard-{number}" for number in range(SHARDS)]
    options = {"CLIENT": "shard", "SHARD_NAMES": names}
    cache = RedisCache(list(urls), {"OPTIONS": options})
    values = {f"user:{number}:profile": f"value {number}" * 10 for number in range(KEYS)}
    keys = list(values)
    assert cache.set_many(values, None) == []
    clients: list[Any] = [redis.Redis.from_url(url, protocol=2) for url in urls]
    found = [client.keys("*") for client in clients]
    assert sum(map(len, found)) == KEYS

    def in_a_row() -> list[Any]:
        return [
            pickle.loads(data)
            for client, names in zip(clients, found, strict=True)
            for data in client.mget(names)
        ]

    assert cache.get_many(keys) == values
    assert sorted(in_a_row()) == sorted(values.values())
    return in_a_row, lambda: cache.get_many(keys)


def row(name: str, outcome: Outcome) -> str:
    mark = "" if outcome.trustworthy else " (noisy: repeat)"
    return (
        f"| {name} | {outcome.base_microseconds:.0f} | {outcome.ratios['ours']:.2f} "
        f"| {BUDGET:.2f} | {outcome.control:.2f}{mark} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=21)
    arguments = parser.parse_args()
    settings.configure()
    with shards(SHARDS) as servers, far_away([server.address for server in servers]) as far:
        places = {
            f"{SHARDS} shards on this machine": [server.url for server in servers],
            f"{SHARDS} shards, {2 * LATENCY * 1000:.0f} ms or more away": far,
        }
        print(
            "| get_many of 200 keys | four MGETs in a row, µs | ours / theirs | budget | control |"
        )
        print("| --- | --- | --- | --- | --- |")
        for name, urls in places.items():
            base, ours = calls(urls)
            compare(base, {"ours": ours}, rounds=3, clock=time.perf_counter)
            outcome = compare(
                base, {"ours": ours}, rounds=arguments.rounds, clock=time.perf_counter
            )
            print(row(name, outcome), flush=True)


if __name__ == "__main__":
    main()
