"""Work over many keys: microseconds of wall time a key, growth of memory, the longest stall.

    python benchmarks/bulk.py [--keys 100000]

``iter_keys`` and ``delete_pattern`` of all keys with one prefix among as many others. The stall is
the longest that a second client, which sends PING after PING, had to wait meanwhile; what it waits
while nothing else happens is printed first.
"""

from __future__ import annotations

import argparse
import importlib.util
import resource
import time
from typing import Any

from django.conf import settings
from stalls import longest_stall

from django_redis_core.testing.servers import Server

BACKENDS = {
    "django-redis-core": ("django_redis_core", "django_redis_core.cache.RedisCache"),
    "django-redis": ("django_redis", "django_redis.cache.RedisCache"),
    "django-valkey": ("django_valkey", "django_valkey.cache.ValkeyCache"),
}


def fill(server: Server, keys: int) -> None:
    server.cli("FLUSHALL")
    script = "for i = 1, ARGV[2] do redis.call('set', ARGV[1] .. i, 'x') end"
    for prefix in (":1:here:", ":1:elsewhere:"):
        server.cli("EVAL", script, "0", prefix, str(keys))


def main(keys: int) -> None:
    from django.core.cache import caches

    with Server() as server:
        settings.configure(
            CACHES={
                name: {"BACKEND": backend, "LOCATION": server.url}
                for name, (module, backend) in BACKENDS.items()
                if importlib.util.find_spec(module)
            }
        )
        with longest_stall(server) as quiet:
            time.sleep(1)
        print(f"A PING waits at most {quiet[0]:.1f} ms while nothing happens.")
        print("| backend | work | µs a key | memory, MB more | longest stall, ms |")
        print("| --- | --- | --- | --- | --- |")
        for name in settings.CACHES:
            cache: Any = caches[name]
            for work in ("iter_keys", "delete_pattern"):
                fill(server, keys)
                with longest_stall(server) as stall:
                    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
                    began = time.perf_counter()
                    if work == "iter_keys":
                        done = sum(1 for _ in cache.iter_keys("here:*"))
                    else:
                        done = cache.delete_pattern("here:*")
                    took = time.perf_counter() - began
                    more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
                assert done == keys, done
                each = took / keys * 1e6
                print(f"| {name} | {work} | {each:.1f} | {more:.1f} | {stall[0]:.1f} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--keys", type=int, default=100_000)
    main(parser.parse_args().keys)
