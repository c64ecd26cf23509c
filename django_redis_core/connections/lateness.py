"""A timer that comes too late may have been kept waiting by the loop itself: somebody's synchronous
code held it up, and the time was over when it came back to look. That says nothing of a server.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import redis.exceptions

T = TypeVar("T")

#: Seconds that a loop is late by when it was held up, and how often that excuses a server.
_LATE, _HELD_UP = 0.02, 2


async def in_its_own_time(work: Callable[[], Awaitable[T]], allowed: float) -> T:
    """What ``work`` gives; done once more where it was out of its ``allowed`` seconds because the
    loop, and not the server, was late."""
    loop = asyncio.get_running_loop()
    for _ in range(_HELD_UP):
        began = loop.time()
        try:
            return await work()
        except (TimeoutError, redis.exceptions.TimeoutError):
            if loop.time() - began < allowed + _LATE:
                raise
    return await work()
