"""Locks: redis-py's own, under the cache's keys."""

from __future__ import annotations

from typing import Any

from ..commands import Operation, WantRunner
from .declare import Family, operation
from .lock_objects import AsyncLock, Lock, LockClient


class Locks(Family):
    @operation(fallback=None, immediate=True)
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
    ) -> Operation[Lock]:
        """A lock that workers of all hosts share; ``timeout``, ``sleep`` in seconds.

        It is a ``redis.lock.Lock`` (``redis.asyncio.lock.Lock`` from ``alock``) and lives under
        the cache key itself, as django-redis has it, so that workers of both packages exclude
        each other. ``timeout`` None: held until released, also when the holder has died. Making
        it costs no I/O; its methods raise ``ConnectionInterrupted``, and redis-py's ``LockError``.
        """
        runner = yield WantRunner()
        kind: Any = AsyncLock if runner.asynchronous else Lock
        return kind(  # type: ignore[no-any-return]
            LockClient(runner),
            self.naming.make(key, version),
            timeout=timeout,
            sleep=sleep,
            blocking=blocking,
            blocking_timeout=blocking_timeout,
            thread_local=thread_local,
        )
