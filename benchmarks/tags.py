"""Tags: what they cost where there are none, and where there are; what invalidating costs.

    python benchmarks/tags.py [--rounds 21]

CPU time and wall time of one caller and one server, as ratios to the default client doing the same
without tags, as interleaved.py says. ``get by a script`` is the way that was not taken: one round
trip for entries with tags, by a script that looks for them itself, which every read has to be then
since nobody knows before whether an entry has any; and which one server can run, and no cluster.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import django
from django.conf import settings
from interleaved import Outcome, compare

from django_redis_core.commands import Operation, Script
from django_redis_core.testing.servers import Server

BACKEND = "django_redis_core.cache.RedisCache"

READ = Script(
    r"""
local data = redis.call('GET', KEYS[1])
if not data or string.sub(data, 1, 3) ~= '\193tg' then return data end
local at, stop = 6, 6 + struct.unpack('>H', string.sub(data, 4, 5))
while at < stop do
  local behind = at + 1 + string.byte(data, at)
  local home = ARGV[1] .. string.sub(data, at + 1, behind - 1) .. ARGV[2]
  if redis.call('GET', home) ~= string.sub(data, behind, behind + 7) then return false end
  at = behind + 8
end
return string.sub(data, stop)
"""
)


def configure(url: str) -> None:
    settings.configure(
        CACHES={
            "default": {"BACKEND": BACKEND, "LOCATION": url, "KEY_PREFIX": "default"},
            "tags": {
                "BACKEND": BACKEND,
                "LOCATION": url,
                "KEY_PREFIX": "tags",
                "OPTIONS": {"CLIENT": "tags"},
            },
        }
    )
    django.setup()


Case = tuple[Callable[[], object], Callable[[], object]]


def cases() -> dict[str, Case]:
    """For each workload the default client without tags, and what it is compared with."""
    from django.core.cache import caches

    plain, tagged = caches["default"], caches["tags"]
    client, execute = tagged._engine.client, tagged._engine.driver.execute
    decode = client.codec.decode

    def by_script(key: str) -> Any:
        full = client.naming.make(key)

        def read() -> Operation[Any]:
            return (yield from READ((full,), "tags:1:tag:", ":generation"))

        from django_redis_core.commands.running import run

        data = run(read(), execute)
        return None if data is None else decode(full, data)

    many = {f"key{number}": f"value {number}" * 5 for number in range(100)}
    value = "x" * 100
    for cache in (plain, tagged):
        cache.set("k", value, None)
        cache.set_many(many, None)
    tagged.set("one", value, None, tags=["menu"])
    tagged.set("three", value, None, tags=["menu", "author:3", "front"])
    tagged.set_many({f"t{key}": each for key, each in many.items()}, None, tags=["menu", "front"])
    keys, tagged_keys = list(many), [f"t{key}" for key in many]
    assert by_script("three") == tagged.get("three") == value
    assert by_script("k") == value

    def get() -> Any:
        return plain.get("k")

    def put() -> Any:
        return plain.set("k", value, 300)

    return {
        "get, no tags": (get, lambda: tagged.get("k")),
        "get, 1 tag": (get, lambda: tagged.get("one")),
        "get, 3 tags": (get, lambda: tagged.get("three")),
        "get by a script, no tags": (get, lambda: by_script("k")),
        "get by a script, 3 tags": (get, lambda: by_script("three")),
        "set, no tags": (put, lambda: tagged.set("k", value, 300)),
        "set, 1 tag": (put, lambda: tagged.set("one", value, 300, tags=["menu"])),
        "set, 3 tags": (
            put,
            lambda: tagged.set("three", value, 300, tags=["menu", "author:3", "front"]),
        ),
        "get_many 100, no tags": (lambda: plain.get_many(keys), lambda: tagged.get_many(keys)),
        "get_many 100, 2 tags": (
            lambda: plain.get_many(keys),
            lambda: tagged.get_many(tagged_keys),
        ),
    }


def invalidating() -> None:
    """Milliseconds of ``invalidate_tags`` by how many entries bear the tag: the median of seven,
    each of another tag that all of them bear."""
    from django.core.cache import caches

    cache = caches["tags"]
    tags = [f"all-{number}" for number in range(7)]
    print(f"\n{'entries with the tag':28}{'ms to invalidate':>18}")
    for count in (10, 1_000, 100_000):
        for start in range(0, count, 10_000):
            some = range(start, min(start + 10_000, count))
            cache.set_many({f"e{number}": number for number in some}, 300, tags=tags)
        taken = []
        for tag in tags:
            began = time.perf_counter()
            cache.invalidate_tags(tag)
            taken.append(time.perf_counter() - began)
            assert cache.get(f"e{count - 1}") is None
        print(f"{count:<28}{statistics.median(taken) * 1000:18.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description="What tags cost.")
    parser.add_argument("--rounds", type=int, default=21)
    rounds = parser.parse_args().rounds
    with Server() as server:
        configure(server.url)
        print(f"{'':28}{'CPU time':>10}{'wall time':>11}{'control':>16}")
        for name, (base, ours) in cases().items():
            found: list[Outcome] = [
                compare(base, {"ours": ours}, rounds=rounds, clock=clock)
                for clock in (time.process_time, time.perf_counter)
            ]
            cpu, wall = (f"{one.ratios['ours']:.2f}" for one in found)
            control = " / ".join(f"{one.control:.2f}" for one in found)
            print(f"{name:28}{cpu:>10}{wall:>11}{control:>16}")
        invalidating()


if __name__ == "__main__":
    main()
