"""The first calls of a process, and what they import; run by test_first_calls.py.

    python first_calls.py CACHE

CACHE is an entry of CACHES as JSON. In a process of its own, where nothing has been imported for
another's sake. Prints the names of the modules that came in with calls, as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import django
from django.conf import settings


async def every_sort(cache: Any) -> None:
    assert await cache.aset("first", [1], timeout=60)
    assert await cache.aget("first") == [1]
    assert await cache.aset_many({"second": "text", "third": 3}) == []
    assert await cache.aget_many(["second", "third"]) == {"second": "text", "third": 3}
    assert await cache.aincr("third") == 4
    async with cache.apipeline() as pipe:
        queued = pipe.get("second")
    assert queued.value == "text"
    assert [key async for key in cache.aiter_keys("f*")] == ["first"]
    async with cache.alock("locked", timeout=5):
        pass
    assert await cache.adelete_many(["first", "second", "third"]) == 3


def every_sort_blocking(cache: Any) -> None:
    assert cache.set("first", [1], timeout=60)
    assert cache.get("first") == [1]
    assert cache.set_many({"second": "text", "third": 3}) == []
    assert cache.get_many(["second", "third"]) == {"second": "text", "third": 3}
    assert cache.incr("third") == 4
    with cache.pipeline() as pipe:
        queued = pipe.get("second")
    assert queued.value == "text"
    assert list(cache.iter_keys("f*")) == ["first"]
    with cache.lock("locked", timeout=5):
        pass
    assert cache.delete_many(["first", "second", "third"]) == 3


def main(entry: dict[str, Any]) -> list[str]:
    settings.configure(CACHES={"default": entry}, SECRET_KEY="of this test alone")
    django.setup()
    from django.core.cache import caches

    with asyncio.Runner() as runner:
        cache = caches["default"]
        before = set(sys.modules)
        every_sort_blocking(cache)
        runner.run(every_sort(cache))
        return sorted(set(sys.modules) - before)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(json.loads(sys.argv[1]))))
