"""Locks: redis-py's own, under the cache's keys."""

from __future__ import annotations

from typing import Any

from ..requests import Operation, RawClient
from .declare import Family, operation


class Locks(Family):
    @operation(fallback=None)
    def lock(
        self,
        key: Any,
        version: Any = None,
        timeout: float | None = None,
        sleep: float = 0.1,
        blocking: bool = True,
        blocking_timeout: float | None = None,
        *,
        thread_local: bool = True,
    ) -> Operation[Any]:
        """A lock that workers of all hosts share; ``timeout``, ``sleep`` in seconds.

        It is a ``redis.lock.Lock`` (``redis.asyncio.lock.Lock`` from ``alock``) and lives under
        the cache key itself, as django-redis has it, so that workers of both packages exclude
        each other. ``timeout`` None: held until released, also when the holder has died.
        """
        full = self.naming.make(key, version)
        client = yield RawClient(full)
        return client.lock(
            full,
            timeout=timeout,
            sleep=sleep,
            blocking=blocking,
            blocking_timeout=blocking_timeout,
            thread_local=thread_local,
        )
