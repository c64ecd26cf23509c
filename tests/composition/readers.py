"""Readers that ask for one counter all the time, and what copies may show them."""

from __future__ import annotations

import contextlib
import threading
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from django_redis_core.cache import RedisCache
from django_redis_core.exceptions import ConnectionInterrupted
from django_redis_core.testing.caller import Caller, new_loop
from django_redis_core.testing.clients import wait_until

WAYS = ("blocking", "async", "pipeline")


def heard(cache: RedisCache) -> bool:
    """Whether copies of all servers' keys are served."""
    return set(cache.client.near_info().tracking.values()) == {True}


def listening(cache: RedisCache) -> RedisCache:
    """``cache``, as soon as its servers are heard."""

    def asked() -> bool:
        cache.get_many([f"is-anybody-there-{number}" for number in range(40)])
        return heard(cache)

    wait_until(asked, "the servers are heard", timeout=30)
    return cache


def kept(cache: RedisCache, key: str, *, read: bool = True) -> bool:
    """Whether there is a copy that is served now; with ``read`` after one more ``get``."""
    if read:
        cache.get(key)
    copy = cache._engine.client._copies.get(cache.make_key(key))
    now = time.monotonic()
    return copy is not None and now < copy.until and now < copy.session.lease


def with_a_copy(cache: RedisCache, key: str = "k") -> RedisCache:
    wait_until(lambda: kept(cache, key), "a copy", timeout=30)
    return cache


class Reader(threading.Thread):
    """Reads ``key``, and notes what came out of copies and when it was asked for.

    What comes from a server is none of near's: one that was ousted may answer what it has.
    """

    def __init__(self, cache: RedisCache, key: str, way: str) -> None:
        super().__init__(daemon=True)
        self.cache, self.key, self.way = cache, key, way
        self.copies: list[tuple[float, int]] = []
        self.last: Any = None
        self.done = threading.Event()

    def run(self) -> None:
        store = self.cache._engine.client._store
        with new_loop() as loop:
            caller = Caller(self.cache, self.way, loop)
            while not self.done.is_set():
                began, before = time.monotonic(), store.hits
                with contextlib.suppress(ConnectionInterrupted):
                    self.last = caller.get(self.key)
                    if store.hits > before:
                        self.copies.append((began, self.last))
                time.sleep(0.0005)

    def late(self, due: Sequence[float]) -> list[tuple[float, int]]:
        """What copies showed although a later number had to be seen: number ``n`` from
        ``due[n - 1]`` on."""
        return [(at, value) for at, value in self.copies if value < bisect_right(due, at)]


@contextlib.contextmanager
def reading(make: Callable[[int], RedisCache], key: str) -> Iterator[list[Reader]]:
    """A reader of each way, each of a cache of its own (``make(number)``), with copies."""
    caches = [make(number) for number in range(len(WAYS))]
    for cache in caches:
        with_a_copy(listening(cache), key)
    readers = [Reader(cache, key, way) for cache, way in zip(caches, WAYS, strict=True)]
    for reader in readers:
        reader.start()
    try:
        wait_until(lambda: all(reader.copies for reader in readers), "copies are read", timeout=30)
        yield readers
    finally:
        for reader in readers:
            reader.done.set()
        for reader in readers:
            reader.join(30)


def wait_for_copies(readers: Sequence[Reader], value: int) -> None:
    """Until all of them are shown ``value`` out of copies."""
    wait_until(
        lambda: all(reader.copies and reader.copies[-1][1] == value for reader in readers),
        "copies of the last value",
        timeout=30,
    )
