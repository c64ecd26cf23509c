"""What a call costs where keys live in several places, beside the same call of one server.

    python benchmarks/topologies.py [--rounds 31]

CPU time, all on this machine: one server, a service of three sentinels, a cluster of three
primaries, a ring of four shards. Each round does a batch of each (see interleaved.py). ``get_many``
of a hundred keys is one command on the first two and four on the ring. On the cluster it is nearly
a hundred, for no command may name keys of two slots, sent together to three nodes: so a column of
redis-py's own cluster client, which does the same with ``mget_nonatomic``, stands beside it.
"""

from __future__ import annotations

import argparse
import pickle
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any

from django.conf import settings
from interleaved import Outcome, compare

from django_redis_core.testing.cluster import cluster
from django_redis_core.testing.servers import Server
from django_redis_core.testing.topologies import sentinels, shards

MANY = {f"user:{number}:profile": "x" * 100 for number in range(100)}


class RedisPy:
    """redis-py's cluster client with pickle, as the calls below want it."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def get(self, key: str) -> Any:
        return pickle.loads(self._client.get(key))

    def set(self, key: str, value: Any) -> None:
        self._client.set(key, pickle.dumps(value, 5), px=300_000)

    def get_many(self, keys: Any) -> dict[str, Any]:
        found = self._client.mget_nonatomic(list(keys))
        return {key: pickle.loads(data) for key, data in zip(keys, found, strict=True)}

    def set_many(self, data: Any) -> list[str]:
        pipe = self._client.pipeline()
        for key, value in data.items():
            pipe.set(key, pickle.dumps(value, 5), px=300_000)
        pipe.execute()
        return []


CALLS: dict[str, Callable[[Any], object]] = {
    "get 100 B": lambda cache: cache.get("user:7:profile"),
    "set 100 B": lambda cache: cache.set("user:7:profile", "x" * 100),
    "get_many 100": lambda cache: cache.get_many(MANY),
    "set_many 100": lambda cache: cache.set_many(MANY),
}


def caches(stack: ExitStack) -> dict[str, Any]:
    from django_redis_core.cache import RedisCache

    service = stack.enter_context(sentinels(replicas=1, down_after=30.0))
    nodes = stack.enter_context(cluster(3, 0))
    ring = stack.enter_context(shards(4))
    return {
        "one server": RedisCache(stack.enter_context(Server()).url, {}),
        "sentinel": RedisCache(f"redis://{service.service}/0", {"OPTIONS": service.options}),
        "cluster": RedisCache(nodes.urls, {"OPTIONS": {"CONNECTION_FACTORY": "cluster"}}),
        "cluster, redis-py": RedisPy(nodes.client()),
        "shard": RedisCache([one.url for one in ring], {"OPTIONS": {"CLIENT": "shard"}}),
    }


def row(name: str, outcome: Outcome) -> str:
    mark = "" if outcome.trustworthy else " (noisy: repeat)"
    ratios = " | ".join(f"{ratio:.2f}" for ratio in outcome.ratios.values())
    return f"| {name} | {outcome.base_microseconds:.1f} | {ratios} | {outcome.control:.2f}{mark} |"


def main(rounds: int) -> None:
    with ExitStack() as stack:
        found = caches(stack)
        for cache in found.values():
            assert cache.set_many(MANY) == []
        base = found.pop("one server")
        print(f"| call | one server, µs | {' | '.join(found)} | control |")
        print(f"| --- | --- | {' | '.join('---' for _ in found)} | --- |")
        for name, call in CALLS.items():
            of = {title: partial(call, cache) for title, cache in found.items()}
            print(row(name, compare(partial(call, base), of, rounds=rounds)), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=31)
    settings.configure(CACHES={})
    main(parser.parse_args().rounds)
