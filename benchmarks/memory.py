"""What a cache, a connection and a task under way take: memory, and open files.

    python benchmarks/memory.py [--write docs/growth.md]

Each figure is the difference of two processes of which one has more of a thing, over how many more
it has: resident memory, as the kernel counts it (threads' stacks and C libraries included), and
descriptors. The median of several pairs, for allocators round up.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import platform
import statistics
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from environments import machine
from pages import fill
from tables import table

from django_redis_core.testing.servers import Server

BACKEND = "django_redis_core.cache.RedisCache"
PAIRS = 5


def resident() -> int:
    """Bytes of this process that are in memory."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def configure(url: str, number: int, **options: Any) -> Any:
    entries = {
        f"cache{one}": {
            "BACKEND": BACKEND,
            "LOCATION": url,
            "KEY_PREFIX": f"site{one}",
            "OPTIONS": options,
        }
        for one in range(number)
    }
    settings.configure(CACHES={"default": entries["cache0"], **entries})
    django.setup()
    from django.core.cache import caches

    return caches


def caches(url: str, number: int) -> None:
    """That many caches of one server, each used in blocking code and by a task."""
    known = configure(url, number)

    async def read() -> None:
        for one in range(number):
            assert await known[f"cache{one}"].aget("key") == one

    for one in range(number):
        known[f"cache{one}"].set("key", one)
    with asyncio.Runner() as runner:
        runner.run(read())
        tell()


def connections(url: str, number: int) -> None:
    """That many connections, which as many threads had at once; they are idle now."""
    cache = configure(url, 1, SOCKET_TIMEOUT=60, SOCKET_CONNECT_TIMEOUT=60)["default"]
    pause(url, 3_000)
    threads = [threading.Thread(target=cache.get, args=("nothing",)) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    tell()


def tasks(url: str, number: int) -> None:
    """That many tasks which wait for the server at once."""
    waiting(url, number, lambda cache: cache.aget("key"))


def bare_tasks(url: str, number: int) -> None:
    """That many tasks which wait for something else, as a control."""
    waiting(url, number, lambda cache: asyncio.sleep(60))


def waiting(url: str, number: int, wait: Callable[[Any], Any]) -> None:
    cache = configure(url, 1, SOCKET_TIMEOUT=60)["default"]

    async def main() -> None:
        await cache.aset("key", "x" * 100)
        pause(url, 1_000)
        under_way = [asyncio.ensure_future(wait(cache)) for _ in range(number)]
        await asyncio.sleep(0.2)
        tell()
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)

    asyncio.run(main())


def pause(url: str, milliseconds: int) -> None:
    """The server answers nobody for that long."""
    import redis

    with redis.Redis.from_url(url) as client:
        client.client_pause(milliseconds)


def tell() -> None:
    print(json.dumps([resident(), descriptors()]), flush=True)


#: What one more of each takes: the process, how many, and how many more, in words.
THINGS: dict[str, tuple[Callable[[str, int], None], int, int]] = {
    "a cache, from 1 to 10": (caches, 1, 10),
    "a cache, from 10 to 100": (caches, 10, 100),
    "a connection, idle": (connections, 1, 100),
    "a task that waits for `aget`": (tasks, 1, 5_000),
    "a task that waits for nothing of ours": (bare_tasks, 1, 5_000),
}


def used(thing: str, url: str, number: int) -> tuple[int, int]:
    command = [sys.executable, __file__, "--measure", thing, url, str(number)]
    # One arena: with several, what threads took stays where they took it.
    environment = {**os.environ, "MALLOC_ARENA_MAX": "1"}
    out = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    memory, files = json.loads(out.stdout.splitlines()[-1])
    return memory, files


def measure(pairs: int) -> str:
    rows = []
    for thing, (_, few, many) in THINGS.items():
        with Server(config={"maxclients": "1000"}) as server:
            found = []
            for _ in range(pairs):
                less, more = used(thing, server.url, few), used(thing, server.url, many)
                found.append([(b - a) / (many - few) for a, b in zip(less, more, strict=True)])
        memory, files = (statistics.median(each) for each in zip(*found, strict=True))
        rows.append([thing, f"{memory / 1024:.1f}", f"{files:.2f}"])
        print(rows[-1], file=sys.stderr)
    return table(["one more", "KB of memory", "open files"], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pairs", type=int, default=PAIRS)
    parser.add_argument("--write", type=Path, help="the page to write the table into")
    parser.add_argument("--measure", nargs=3, metavar=("THING", "URL", "NUMBER"))
    arguments = parser.parse_args()
    if arguments.measure:
        thing, url, number = arguments.measure
        THINGS[thing][0](url, int(number))
        return
    text = f"{measure(arguments.pairs)}\n\nPython {platform.python_version()}, {machine()}."
    print(text)
    if arguments.write:
        fill(arguments.write, "memory", text)


if __name__ == "__main__":
    main()
