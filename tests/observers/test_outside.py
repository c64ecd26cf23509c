"""An observer of other people, installed beside the core: it counts what was called."""

from __future__ import annotations

import json
from pathlib import Path

from django_redis_core.testing.servers import Server

from ..registry.conftest import Site

SOURCE = '''\
from collections import Counter

from django_redis_core import hookimpl
from django_redis_core.interfaces import Observer

class Counts(Observer):
    """``wanted``: what is counted."""

    name = "counts"
    counts = Counter()

    def __init__(self, *, wanted):
        self.wanted = wanted

    def operation(self, call):
        return self.ended if "calls" in self.wanted else None

    def ended(self, call):
        self.counts.update(calls=1, hits=call.hits, misses=call.misses)
        self.counts[call.source or "nobody"] += 1

    def round_trip(self, trip):
        self.counts.update(trips=1, commands=len(trip.commands))

@hookimpl
def register_observer():
    return Counts
'''

USE = """
    import asyncio, json, sys, time
    from django.conf import settings
    settings.configure(CACHES={"default": {
        "BACKEND": "django_redis_core.cache.RedisCache", "LOCATION": sys.argv[1],
        "KEY_PREFIX": "outside",
        "OPTIONS": {"OBSERVERS": {"NAME": "counts", "OPTIONS": {"wanted": ["calls"]}},
                    "CLIENT": "near", "NEAR_TTL": 60},
    }})
    from django.core.cache import caches
    cache = caches["default"]
    from acme_counts import Counts
    cache.set_many({"a": 1, "b": 2})
    while not cache.client.near_info().hits:                    # the server is heard, and "a" kept
        cache.get("a")
        time.sleep(0.01)
    Counts.counts.clear()
    cache.set("b", 2)                                           # a call, a trip
    cache.get("a"), cache.get("a"), cache.get("none")           # three, one
    with cache.pipeline() as pipe:                              # three, one of two commands
        pipe.get("b"), pipe.get("none")
    async def go():
        await cache.aget("a")                                   # one from memory
        async with cache.apipeline() as pipe:                   # two, one trip
            pipe.get("none")
    asyncio.run(go())
    print(json.dumps(Counts.counts))
"""


def test_its_figures_equal_what_was_called(tmp_path: Path, redis_server: Server) -> None:
    site = Site(tmp_path)
    site.install("counts", SOURCE)
    said = json.loads(site.run(USE, redis_server.url))
    commands = said.pop("commands")
    assert said == {
        "calls": 10, "hits": 4, "misses": 3, "trips": 4, "server": 5, "copy": 3, "nobody": 2,
    }  # fmt: skip
    assert commands >= 6  # near asks for the time that is left of an entry, too
