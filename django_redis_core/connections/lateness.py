"""A timer that comes too late may have been kept waiting by the loop itself: somebody's synchronous
code held it up, and the time was over when it came back to look. That says nothing of a server.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import redis.exceptions

from .._interrupts import struck

T = TypeVar("T")

#: Seconds between two looks at the clock, how much of its time a server must have had to be late,
#: and how often a loop that was held up excuses it.
_EVERY, _ENOUGH, _HELD_UP = 0.02, 0.8, 2


class _Clock:
    """The time that has gone by while the loop was there to see it."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._missed = 0.0
        self._look()

    def _look(self) -> None:
        self._due = self._loop.time() + _EVERY
        self._handle = self._loop.call_at(self._due, self._tick)

    def _tick(self) -> None:
        self._missed += self._loop.time() - self._due
        self._look()

    def stop(self) -> float:
        self._handle.cancel()
        now = self._loop.time()
        return now - self._began - self._missed - max(now - self._due, 0.0)


async def in_its_own_time(work: Callable[[], Awaitable[T]], allowed: float) -> T:
    """What ``work`` gives; done once more where its ``allowed`` seconds or more were over because
    the loop, and not the server, was late."""
    for _ in range(_HELD_UP):
        clock = _Clock()
        try:
            return await work()
        except (TimeoutError, redis.exceptions.TimeoutError) as error:
            if struck(error) or clock.stop() >= allowed * _ENOUGH:
                raise
        finally:
            clock.stop()
    return await work()
