"""Many asyncio tasks reading one value: operations a second and CPU a call.

    python benchmarks/tasks.py [--rounds 5]

Interleaved rounds of redis.asyncio's client, this backend, Django's own Redis backend, and those
of django-valkey and django-vcache that are installed
(``pip install 'django-valkey[libvalkey]' django-vcache``). The ratio is of the rounds' medians, to
redis.asyncio in the same run.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import random
import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Any

import django
import redis.asyncio as aioredis
from django.conf import settings

from django_redis_core.testing.servers import Server

BACKENDS = {
    "django-redis-core": ("django_redis_core", "django_redis_core.cache.RedisCache"),
    "Django": ("django", "django.core.cache.backends.redis.RedisCache"),
    "django-valkey (async)": (
        "django_valkey",
        "django_valkey.async_cache.cache.AsyncValkeyCache",
    ),
    "django-vcache": ("django_vcache", "django_vcache.backend.ValkeyCache"),
}
CALLS = {1: 2_000, 50: 10_000, 300: 12_000}

Read = Callable[[], Awaitable[Any]]


async def measure(read: Read, tasks: int, calls: int) -> tuple[float, float]:
    """Operations a second, and microseconds of this process' CPU a call."""

    async def work() -> None:
        for _ in range(calls // tasks):
            await read()

    await asyncio.gather(*[work() for _ in range(min(tasks, 10))])
    started, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*[work() for _ in range(tasks)])
    done = calls // tasks * tasks
    seconds, spent = time.perf_counter() - started, time.process_time() - cpu
    return done / seconds, spent / done * 1e6


async def main(url: str, rounds: int) -> None:
    from django.core.cache import caches

    client = aioredis.Redis.from_url(url, max_connections=400)
    reads: dict[str, Read] = {"redis.asyncio": lambda: client.get("django_redis_core:1:key")}
    for alias in settings.CACHES:
        if alias != "default":
            cache = caches[alias]
            await cache.aset("key", "x" * 100)
            assert await cache.aget("key") == "x" * 100
            reads[alias] = lambda cache=cache: cache.aget("key")
    print("| tasks | backend | operations a second | CPU a call, µs | × redis.asyncio |")
    print("| --- | --- | --- | --- | --- |")
    for tasks, calls in CALLS.items():
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in reads}
        for _ in range(rounds):
            for name in random.sample(list(reads), len(reads)):
                slow = name == "Django" and tasks > 1
                found[name].append(await measure(reads[name], tasks, calls // (5 if slow else 1)))
        base = statistics.median(rate for rate, _ in found["redis.asyncio"])
        for name, rounds_of in found.items():
            rate = statistics.median(rate for rate, _ in rounds_of)
            cpu = statistics.median(cpu for _, cpu in rounds_of)
            print(f"| {tasks} | {name} | {rate:,.0f} | {cpu:.1f} | {rate / base:.1f} |", flush=True)
    await client.aclose()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with Server() as server:
        entries = {
            name: {"BACKEND": backend, "LOCATION": server.url, "KEY_PREFIX": module}
            for name, (module, backend) in BACKENDS.items()
            if importlib.util.find_spec(module)
        }
        dummy = {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}
        settings.configure(CACHES={"default": dummy, **entries})
        django.setup()
        asyncio.run(main(server.url, arguments.rounds))
