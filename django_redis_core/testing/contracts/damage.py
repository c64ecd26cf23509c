"""Bytes as they come back damaged, and what may then happen: an error, but no crash, no hang and
no use of memory without bounds."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier

from hypothesis import HealthCheck, settings

#: A contract's test runs in many classes, and its time depends on the plugin.
inherited = settings(deadline=None, suppress_health_check=[HealthCheck.differing_executors])

#: Seconds after which reading a few bytes has hung.
HANGS = 30.0


def truncated(data: bytes) -> Iterator[bytes]:
    """``data`` cut at every offset."""
    return (data[:length] for length in range(len(data)))


def flipped(data: bytes) -> Iterator[bytes]:
    """``data`` with each of its bits turned, one at a time."""
    for place in range(len(data)):
        for bit in range(8):
            damaged = bytearray(data)
            damaged[place] ^= 1 << bit
            yield bytes(damaged)


@contextmanager
def memory_within(limit: int) -> Iterator[None]:
    """Fails when Python's memory grows by more than ``limit`` bytes inside the block."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        yield
        grown = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    assert grown <= limit, f"took {grown} bytes of memory, and {limit} are allowed"


@contextmanager
def soon() -> Iterator[None]:
    """Fails when the block takes as long as something that hangs."""
    began = time.monotonic()
    yield
    taken = time.monotonic() - began
    assert taken < HANGS, f"took {taken:.1f} s"


@contextmanager
def address_space_within(size: int) -> Iterator[None]:
    """Lets no allocation take the process past ``size`` more bytes: so a damaged length costs a
    MemoryError, and not the machine. Without effect where the system has no such limit."""
    try:
        import resource

        with open("/proc/self/statm") as statm:
            used = int(statm.read().split()[0]) * resource.getpagesize()
    except (ImportError, OSError):
        yield
        return
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def in_threads(work: Callable[[int], None], count: int = 8) -> None:
    """``work(0)`` to ``work(count - 1)``, all at once; the first error is raised."""
    barrier = Barrier(count)

    def start(number: int) -> None:
        barrier.wait(30)
        work(number)

    with ThreadPoolExecutor(count) as threads:
        for done in [threads.submit(start, number) for number in range(count)]:
            done.result()
