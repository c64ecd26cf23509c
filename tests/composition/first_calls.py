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

#: An operation, its arguments and its answer. Not through the kit's Caller: it imports pytest, and
#: with it much that a call might import.
CALLS: list[tuple[str, tuple[Any, ...], Any]] = [
    ("set", ("first", [1], 60), True),
    ("get", ("first",), [1]),
    ("set_many", ({"second": "text", "third": 3},), []),
    ("get_many", (["second", "third"],), {"second": "text", "third": 3}),
    ("incr", ("third",), 4),
]


def blocking(cache: Any) -> None:
    for name, args, answer in CALLS:
        assert getattr(cache, name)(*args) == answer
    assert list(cache.iter_keys("f*")) == ["first"]
    with cache.lock("locked", timeout=5):
        pass
    with cache.pipeline() as pipe:
        queued = pipe.get("second")
    assert queued.value == "text"
    assert cache.delete_many(["first", "second", "third"]) == 3


async def on_asyncio(cache: Any) -> None:
    for name, args, answer in CALLS:
        assert await getattr(cache, f"a{name}")(*args) == answer
    assert [key async for key in cache.aiter_keys("f*")] == ["first"]
    async with cache.alock("locked", timeout=5):
        pass
    async with cache.apipeline() as pipe:
        queued = pipe.get("second")
    assert queued.value == "text"
    assert await cache.adelete_many(["first", "second", "third"]) == 3


def main(entry: dict[str, Any]) -> list[str]:
    settings.configure(CACHES={"default": entry}, SECRET_KEY="of this test alone")
    django.setup()
    from django.core.cache import caches

    with asyncio.Runner() as runner:
        cache = caches["default"]
        before = set(sys.modules)
        blocking(cache)
        runner.run(on_asyncio(cache))
        return sorted(set(sys.modules) - before)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(json.loads(sys.argv[1]))))
