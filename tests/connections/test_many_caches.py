"""A site may have a hundred caches of one server: they share its connections, and each takes the
same memory as the one before it."""

from __future__ import annotations

import asyncio
import gc
import os
import tracemalloc
from collections.abc import Iterator

import pytest
from django.core.cache import caches
from django.test import override_settings

from django_redis_core.testing.servers import Server

#: Bytes of the interpreter's own heap. The docs have what the kernel counts, which is not steadier
#: than a page of memory.
EACH = 40 * 1024


def used_until(number: int, begin: int, loop: asyncio.AbstractEventLoop) -> int:
    """Bytes in use after the caches up to ``number`` were used in blocking code and by a task."""

    async def read(one: int) -> None:
        assert await caches[f"cache{one}"].aget("key") == one

    for one in range(begin, number):
        caches[f"cache{one}"].set("key", one)
        loop.run_until_complete(read(one))
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


@pytest.fixture
def a_hundred(redis_server: Server) -> Iterator[None]:
    entry = {
        "BACKEND": "django_redis_core.cache.RedisCache",
        "LOCATION": redis_server.url,
    }
    entries = {f"cache{one}": {**entry, "KEY_PREFIX": f"site{one}"} for one in range(100)}
    with override_settings(CACHES={"default": entry, **entries}):
        yield


@pytest.mark.usefixtures("a_hundred")
def test_the_hundredth_cache_takes_what_the_second_did(
    cache_loop: asyncio.AbstractEventLoop,
) -> None:
    tracemalloc.start()
    try:
        used_until(10, 0, cache_loop)  # what is read and made once
        files = len(os.listdir("/proc/self/fd"))
        steps = [used_until(number, number - 30, cache_loop) for number in (40, 70, 100)]
    finally:
        tracemalloc.stop()
    first, second = (steps[1] - steps[0]) / 30, (steps[2] - steps[1]) / 30
    assert first < EACH
    assert second < EACH
    assert second == pytest.approx(first, rel=0.25)
    assert len(os.listdir("/proc/self/fd")) == files
