"""What a cache costs a process before its first call: milliseconds of CPU.

    python benchmarks/startup.py [--rounds 15]

Each figure is from a process of its own, in which Django, redis-py and asyncio are there and
redis-py has made a connection object (which reads redis-py's version from its metadata). The scan
of entry points is what happens besides when settings name a plugin that is not built in.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys

PROCESS = """
import asyncio, sys, time
started = time.process_time()
import redis, redis.asyncio
redis.Connection()
redis_py = time.process_time() - started
import django
from django.conf import settings
settings.configure(CACHES={"default": {"BACKEND": sys.argv[1], "LOCATION": "redis://127.0.0.1:1"}})
django.setup()
import django.core.cache
started = time.process_time()
from django.core.cache import cache
cache.make_key("key")
made = time.process_time() - started
started = time.process_time()
from importlib.metadata import entry_points
list(entry_points(group="django_redis_core"))
print(redis_py * 1e3, made * 1e3, (time.process_time() - started) * 1e3)
"""
BACKENDS = {
    "django-redis-core": "django_redis_core.cache.RedisCache",
    "Django": "django.core.cache.backends.redis.RedisCache",
}


def main(rounds: int) -> None:
    found: dict[str, list[list[float]]] = {name: [] for name in BACKENDS}
    for number in range(rounds + 1):
        for name, backend in BACKENDS.items():
            command = [sys.executable, "-c", PROCESS, backend]
            figures = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            if number:  # the first one may have compiled modules
                found[name].append([float(figure) for figure in figures.split()])
    for name, measured in found.items():
        redis_py, made, scan = (statistics.median(each) for each in zip(*measured, strict=True))
        print(
            f"{name}: the first cache {made:.1f} ms "
            f"(import redis {redis_py:.1f}, a scan of entry points {scan:.1f})"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    main(parser.parse_args().rounds)
