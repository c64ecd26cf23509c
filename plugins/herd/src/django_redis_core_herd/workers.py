"""Work that nobody waits for: threads and tasks, few of them, each of which ends with its work.

A fork, a change of settings and the end of the process leave none behind: a child has no threads of
its parent's, ``close`` waits for those that run, and they are daemons.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
import weakref
from collections.abc import Awaitable, Callable
from contextvars import Context
from typing import Any

from asgiref.sync import AsyncToSync

from django_redis_core.connections import in_background

logger = logging.getLogger(__name__)

#: All that were made, for a child.
_made: weakref.WeakSet[Workers] = weakref.WeakSet()


class Worker:
    """A place among the few: taken by ``Workers.reserve``, and given back once, by whoever ends."""

    __slots__ = ("begun", "ended", "loop", "owner", "task", "thread")

    def __init__(self, owner: Workers) -> None:
        self.owner = owner
        self.begun = False
        self.ended = threading.Event()
        self.thread: int | None = None
        self.loop: asyncio.AbstractEventLoop | None = None
        self.task: asyncio.Task[None] | None = None

    def release(self, *_: Any) -> None:
        self.owner.running.discard(self)
        self.ended.set()


class Workers:
    """The background work of one cache, at most ``limit`` at a time."""

    def __init__(self, alias: str, limit: int, patience: float) -> None:
        self.alias = alias
        self.limit = limit
        #: Seconds that ``close`` waits, and after which failed work is done again.
        self.patience = patience
        self.closed = False
        self.running: set[Worker] = set()
        self._lock = threading.Lock()
        _made.add(self)

    def reserve(self) -> Worker | None:
        """A place, or None where all are taken."""
        with self._lock:
            # Of a copy: who is done goes without the lock, at any moment.
            for worker in list(self.running):
                if worker.loop is not None and worker.loop.is_closed():
                    worker.release()  # its loop has ended without it
            if self.closed or len(self.running) >= self.limit:
                return None
            worker = Worker(self)
            self.running.add(worker)
            return worker

    def in_thread(self, worker: Worker, work: Callable[[], Any], what: str) -> bool:
        """Does ``work`` in a thread of its own. False: there is none to be had."""
        from django.db import connections

        def do() -> None:
            worker.thread = threading.get_ident()
            try:
                try:
                    if not self.closed:
                        work()
                except BaseException as error:  # a time limit of this thread's as well
                    self.failed(what, error)
                    if not isinstance(error, Exception):
                        raise
                finally:
                    connections.close_all()  # of this thread, whose end nobody else notices
            finally:
                worker.release()

        worker.begun = True
        begun = in_background(do, f"herd {self.alias}")
        worker.begun = begun
        return begun

    def in_task(self, worker: Worker, work: Callable[[], Awaitable[Any]], what: str) -> None:
        """Does ``work`` in a task of the running loop, in a context of its own, for the caller's
        has what ends with its request."""

        async def do() -> None:
            try:
                await work()
            except asyncio.CancelledError:
                raise
            except BaseException as error:
                self.failed(what, error)
                if not isinstance(error, Exception):
                    raise

        worker.loop = asyncio.get_running_loop()
        worker.task = worker.loop.create_task(do(), context=Context())
        worker.task.add_done_callback(worker.release)

    def failed(self, what: str, error: BaseException) -> None:
        """Tells of it once: until the lease ends nobody tries again."""
        logger.error(
            "%s failed in the background for the cache %r; the old value stays, and the next who "
            "asks in %g seconds has it computed again",
            what,
            self.alias,
            self.patience,
            exc_info=error,
        )

    def close(self) -> None:
        """Begins nothing more, ends the tasks, and waits for the threads, for as long as their work
        is trusted to take. What they compute after this is not stored."""
        self.closed = True
        until = time.monotonic() + self.patience
        for worker in list(self.running):
            if worker.loop is not None:
                if not worker.loop.is_closed() and worker.task is not None:
                    worker.loop.call_soon_threadsafe(worker.task.cancel)
            elif (
                worker.begun
                and worker.thread != threading.get_ident()
                and not worker.ended.wait(max(until - time.monotonic(), 0))
            ):
                logger.warning(
                    "A value of the cache %r is still being computed in the background, although "
                    "its settings have changed; it will not be stored",
                    self.alias,
                )


def ends_with_the_call(loop: asyncio.AbstractEventLoop) -> bool:
    """Whether a loop is one that ``async_to_sync`` made for a single call, so that what is begun on
    it is cancelled when that returns."""
    return loop in getattr(AsyncToSync, "loop_thread_executors", ())


def _after_fork() -> None:
    for workers in list(_made):
        workers._lock = threading.Lock()
        workers.running = set()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
