"""The locks of a cache whose operations are observed: each method is told as one.

Waiting is a part of acquiring: the looks at a lock that somebody else has are round trips of one
operation.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from .lock_objects import AsyncLock, Lock


class ToldLock(Lock):
    """A ``redis.lock.Lock`` whose methods are told."""

    redis: Any

    def acquire(self, *args: Any, **kwargs: Any) -> Any:
        return self.redis.tell("acquire", partial(super().acquire, *args, **kwargs))

    def release(self) -> Any:
        return self.redis.tell("release", super().release)

    def extend(self, *args: Any, **kwargs: Any) -> Any:
        return self.redis.tell("extend", partial(super().extend, *args, **kwargs))

    def reacquire(self) -> Any:
        return self.redis.tell("reacquire", super().reacquire)

    def locked(self) -> Any:
        return self.redis.tell("locked", super().locked)

    def owned(self) -> Any:
        return self.redis.tell("owned", super().owned)


class ToldAsyncLock(AsyncLock):
    """A ``redis.asyncio.lock.Lock`` whose methods are told."""

    redis: Any

    async def acquire(self, *args: Any, **kwargs: Any) -> Any:
        return await self.redis.tell("acquire", partial(super().acquire, *args, **kwargs))

    async def release(self) -> Any:
        return await self.redis.tell("release", super().release)

    async def extend(self, *args: Any, **kwargs: Any) -> Any:
        return await self.redis.tell("extend", partial(super().extend, *args, **kwargs))

    async def reacquire(self) -> Any:
        return await self.redis.tell("reacquire", super().reacquire)

    async def locked(self) -> Any:
        return await self.redis.tell("locked", super().locked)

    async def owned(self) -> Any:
        return await self.redis.tell("owned", super().owned)
