"""Locks: redis-py's own, under the cache's keys."""

from __future__ import annotations

from typing import Any

from ..commands import Operation, WantRunner
from .arguments import seconds
from .declare import Family, operation
from .lock_objects import AsyncLock, Lock, LockClient, pause, time_to_live
from .told_locks import ToldAsyncLock, ToldLock


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
        each other. ``timeout`` None or 0: held until released, also when the holder has died.
        Making it costs no I/O; its methods raise ``ConnectionInterrupted``, and redis-py's
        ``LockError``.
        """
        if timeout is not None:
            timeout = time_to_live("lock", timeout)
        if blocking_timeout is not None:
            blocking_timeout = seconds("lock", "blocking_timeout", blocking_timeout)
        runner = yield WantRunner()
        kind: Any = AsyncLock if runner.asynchronous else Lock
        if runner.tell is not None:
            kind = ToldAsyncLock if runner.asynchronous else ToldLock
        return kind(  # type: ignore[no-any-return]
            LockClient(runner, key),
            self.naming.make(key, version),
            timeout=timeout,
            sleep=pause("lock", sleep),
            blocking=blocking,
            blocking_timeout=blocking_timeout,
            thread_local=thread_local,
        )
