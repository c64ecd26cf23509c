"""What a key costs in calls of a thousand keys, of ten thousand, and so on up to millions.

    python benchmarks/growth.py [--keys 1000000] [--write docs/growth.md]

``--keys 3000000`` goes on to three millions, which takes 1 GB of the server's memory and 2 GB of
the client's. Each call is in a process of its own, so that its memory is known.
"""

from __future__ import annotations

import argparse
import gc
import json
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from environments import machine
from pages import fill
from stalls import longest_stall
from tables import table

from django_redis_core.testing.servers import Server

BACKEND = "django_redis_core.cache.RedisCache"
STEPS = [1_000, 10_000, 100_000, 1_000_000, 3_000_000]
VALUE = "x" * 100

Call = Callable[[Any, list[str]], Any]
#: Each empties the cache or leaves it as it was.
CALLS: dict[str, Call] = {
    "set_many": lambda cache, keys: cache.set_many(dict.fromkeys(keys, VALUE), 3600) or keys,
    "get_many": lambda cache, keys: cache.get_many(keys),
    "iter_keys": lambda cache, keys: list(cache.iter_keys("key*")),
    "delete_many": lambda cache, keys: cache.delete_many(keys) and keys,
    "delete_pattern": lambda cache, keys: range(cache.delete_pattern("key*")),
    "clear": lambda cache, keys: cache.clear() and keys,
}


def megabytes(what: str) -> float:
    """``VmRSS`` is what this process has now, ``VmHWM`` the most that it had since ``restart``."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{what}:"):
            return int(line.split()[1]) / 1024
    raise ValueError(what)


def measure(call: str, number: int, url: str) -> None:
    """In a process of its own: seconds, CPU seconds, and megabytes that were there for a while."""
    settings.configure(
        CACHES={
            "default": {
                "BACKEND": BACKEND,
                "LOCATION": url,
                "KEY_PREFIX": "growth",
                "OPTIONS": {"SOCKET_TIMEOUT": 30},
            }
        }
    )
    django.setup()
    from django.core.cache import cache

    keys = [f"key{one}" for one in range(number)]
    for start in range(0, number, 10_000):
        cache.set_many(dict.fromkeys(keys[start : start + 10_000], VALUE), 3600)
    gc.collect()
    print("ready", flush=True)
    sys.stdin.readline()
    before = megabytes("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the most begins anew, see proc(5)
    began, cpu = time.perf_counter(), time.process_time()
    done = CALLS[call](cache, keys)
    took, spent = time.perf_counter() - began, time.process_time() - cpu
    assert len(done) == number, (len(done), number)
    more = megabytes("VmHWM") - max(before, megabytes("VmRSS"))
    print(json.dumps([took, spent, max(0.0, more)]), flush=True)


def see(call: str, number: int) -> list[float]:
    """What ``measure`` says, and the server's longest stall meanwhile, in milliseconds."""
    with Server() as server:
        command = [sys.executable, __file__, "--measure", call, str(number), server.url]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            if process.stdout.readline() != "ready\n":
                raise RuntimeError(f"{call} of {number:,} keys ended before it began")
            with longest_stall(server) as stall:
                out = process.communicate("\n")[0]
        return [*json.loads(out), *stall]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--keys", type=int, default=1_000_000, help="at most")
    parser.add_argument("--write", type=Path, help="the page to write the table into")
    parser.add_argument("--measure", nargs=3, metavar=("CALL", "KEYS", "URL"))
    arguments = parser.parse_args()
    if arguments.measure:
        call, number, url = arguments.measure
        measure(call, int(number), url)
        return
    rows = []
    for call in CALLS:
        for number in STEPS:
            if number > arguments.keys:
                continue
            took, spent, more, stall = see(call, number)
            rows.append(
                [
                    call,
                    f"{number:,}",
                    f"{took / number * 1e6:.2f}",
                    f"{spent / number * 1e6:.2f}",
                    f"{more:.0f}",
                    f"{stall:.1f}",
                ]
            )
            print(rows[-1], file=sys.stderr, flush=True)
    head = ["call", "keys", "µs a key", "CPU µs a key", "memory, MB more", "longest stall, ms"]
    text = f"{table(head, rows)}\n\nPython {platform.python_version()}, {machine()}."
    print(text)
    if arguments.write:
        fill(arguments.write, "growth", text)


if __name__ == "__main__":
    main()
