"""How often a popular value is computed when it expires, by client: a table in Markdown.

    python benchmarks/stampede.py [--threads 50] [--seconds 20] [--period 2] [--computing 0.3]

Threads read one key all the time. Who misses computes the value, which takes a while, and stores it
for ``period`` seconds. The count that matters is *at once*: how many computed at the same time.
django-redis' herd client is in the table where that package is installed; it has one global
setting, and keeps values for as long here.
"""

from __future__ import annotations

import argparse
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from django.conf import settings

from django_redis_core.testing.servers import Server

PAUSE = 0.01  # seconds between two reads of a thread
OURS = "django_redis_core.cache.RedisCache"
THEIRS = "django_redis.cache.RedisCache"


@dataclass
class Site:
    """What the threads of one run share."""

    computing: float
    computed: int = 0
    at_once: int = 0
    most_at_once: int = 0
    reads: int = 0
    oldest: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def compute(self) -> float:
        with self.lock:
            self.computed += 1
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        time.sleep(self.computing)
        with self.lock:
            self.at_once -= 1
        return time.time()

    def saw(self, made: float) -> None:
        with self.lock:
            self.reads += 1
            self.oldest = max(self.oldest, time.time() - made)


def entries(url: str) -> dict[str, dict[str, Any]]:
    """The caches of the table, by the words of its first column."""
    found = {
        "no protection": {"BACKEND": OURS, "OPTIONS": {}},
        "herd": {"BACKEND": OURS, "OPTIONS": {"CLIENT": "herd"}},
        'herd, `HERD_FORMAT: "django-redis"`': {
            "BACKEND": OURS,
            "OPTIONS": {"CLIENT": "herd", "HERD_FORMAT": "django-redis"},
        },
    }
    try:
        release = version("django-redis")
    except PackageNotFoundError:  # the import name alone may be that of our extra compat
        pass
    else:
        found[f"django-redis {release}, HerdClient"] = {
            "BACKEND": THEIRS,
            "OPTIONS": {"CLIENT_CLASS": "django_redis.client.HerdClient"},
        }
    for number, entry in enumerate(found.values()):
        entry |= {"LOCATION": url, "KEY_PREFIX": f"stampede-{number}"}
    return found


def crowd(alias: str, threads: int, seconds: float, period: int, computing: float) -> Site:
    """Reads a key of one cache from ``threads`` threads."""
    from django.core.cache import caches

    site = Site(computing)
    caches[alias].set("k", time.time(), period)
    until = time.monotonic() + seconds

    def reader(_: int) -> None:
        cache = caches[alias]  # Django makes one for each thread
        while time.monotonic() < until:
            made = cache.get("k")
            if made is None:
                made = site.compute()
                cache.set("k", made, period)
            site.saw(made)
            time.sleep(PAUSE)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(reader, range(threads)))
    return site


def table(sites: Mapping[str, Site]) -> str:
    lines = [
        "| client | computed | most at once | reads | oldest value seen (s) |",
        "| --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {name} | {site.computed} | {site.most_at_once} | {site.reads} | {site.oldest:.1f} |"
        for name, site in sites.items()
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--threads", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=20, help="for each client")
    parser.add_argument("--period", type=int, default=2, help="seconds that a value is good for")
    parser.add_argument("--computing", type=float, default=0.3, help="seconds")
    arguments = parser.parse_args()
    with Server() as server:
        settings.configure(CACHES={"default": {"BACKEND": OURS, "LOCATION": server.url}})
        caches = entries(server.url)
        settings.CACHES |= caches
        sites = {name: crowd(name, **vars(arguments)) for name in caches}
    print(
        f"{arguments.threads} threads, {arguments.seconds:g} seconds for each client, a value good "
        f"for {arguments.period} s that takes {arguments.computing:g} s to compute:\n"
    )
    print(table(sites))


if __name__ == "__main__":
    main()
