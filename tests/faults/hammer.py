"""Interrupts calls at random moments by signals, in a process of its own; see test_interrupts.py.

    python hammer.py URL INTERRUPTS THREADS [LIMIT]

With a LIMIT (max_connections) connections are closed and opened all the time, and at the end it is
counted how many of the LIMIT can still be had.

An exception that a signal raises may strike anywhere, also in a finalizer, where Python drops it,
or in whatever else runs in this thread: so nothing else runs in this process. Prints what was
counted, as JSON.
"""

from __future__ import annotations

import faulthandler
import json
import random
import signal
import sys
import threading
from contextlib import suppress
from types import FrameType
from typing import Any

from django.conf import settings

from django_redis_core.cache import RedisCache
from django_redis_core.exceptions import ConnectionInterrupted, NotANumberError
from django_redis_core.testing.clients import PATIENCE

KEYS = [f"key{number}" for number in range(50)]


class Interrupt(BaseException):
    """What a task's time limit, a greenlet's timeout or Ctrl-C raises: not an Exception."""


class Struck:
    """Ends a block at an interrupt, or at an error in its place: redis-py 5 has a ``finally`` that
    fails where its ``try`` was cut off."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> bool:
        while error is not None and not isinstance(error, Interrupt):
            error = error.__context__
        return error is not None


class Hammer:
    def __init__(self, cache: RedisCache, closing: bool) -> None:
        self.cache = cache
        self.closing = closing
        self.reads = 0
        self.struck = False
        self.wrong: list[str] = []

    def strike(self, number: int, frame: FrameType | None) -> None:
        if not self.struck:
            self.struck = True
            raise Interrupt

    def check(self, key: str, value: object) -> None:
        self.reads += 1
        if value != f"value of {key}":
            self.wrong.append(f"{key} gave {value!r}")

    def one_operation(self, key: str) -> None:
        """A read of one kind or another, checked, or a write."""
        cache, kind = self.cache, random.randrange(5)
        if self.closing and random.random() < 0.5:
            cache._engine.close_idle()
        if kind == 0:
            self.check(key, cache.get(key))
        elif kind == 1:
            for name, value in cache.get_many([key, random.choice(KEYS)]).items():
                self.check(name, value)
        elif kind == 2:
            with cache.pipeline() as pipe:
                first, second = pipe.get(key), pipe.ttl(key)
            self.check(key, first.value)
            if not 0 < (second.value or 0) <= 300:
                self.wrong.append(f"{key} lives for {second.value!r}")
        elif kind == 3:
            cache.set(key, f"value of {key}")
        else:
            try:
                cache.incr(key)
            except NotANumberError:
                return
            self.wrong.append(f"{key} was counted")

    def interrupted(self) -> None:
        """Operations until the alarm strikes. Where Python drops what it raises, ``struck`` says
        that it has."""
        self.struck = False
        with Struck():
            signal.setitimer(signal.ITIMER_REAL, random.uniform(0.0001, 0.003))
            while not self.struck:
                self.one_operation(random.choice(KEYS))

    def beside(self, stop: threading.Event) -> None:
        """What the other threads do meanwhile."""
        while not stop.is_set():
            self.one_operation(random.choice(KEYS))


def left_of(cache: RedisCache, limit: int) -> int:
    """How many connections can be had at one time."""
    links, taken = cache._engine.topology.primaries()[0].links, []
    with suppress(ConnectionInterrupted):
        while len(taken) < limit:
            taken.append(links.take())
    return len(taken)


def main(url: str, interrupts: int, threads: int, limit: int = 0) -> dict[str, Any]:
    settings.configure()
    kwargs = {"max_connections": limit, "timeout": 30}
    pool = {"CONNECTION_POOL_KWARGS": kwargs} if limit else {}
    cache = RedisCache(url, {"OPTIONS": {**PATIENCE, **pool}})
    cache.set_many({key: f"value of {key}" for key in KEYS})
    hammer, stop = Hammer(cache, closing=bool(limit)), threading.Event()
    failures: list[str] = []
    threading.excepthook = lambda args: failures.append(f"{args.exc_type}: {args.exc_value}")
    sys.unraisablehook = lambda unraisable: None
    signal.signal(signal.SIGALRM, hammer.strike)
    others = [threading.Thread(target=hammer.beside, args=(stop,)) for _ in range(threads)]
    for other in others:
        other.start()
    for _ in range(interrupts):
        with Struck():  # it may strike where the inner one no longer or not yet holds
            hammer.interrupted()
        key = random.choice(KEYS)
        hammer.check(key, cache.get(key))
    stop.set()
    for other in others:
        other.join()
    return {
        "reads": hammer.reads,
        "wrong": hammer.wrong,
        "failures": failures,
        "left": left_of(cache, limit),
    }


if __name__ == "__main__":
    faulthandler.enable()
    sys.stdout.write(json.dumps(main(sys.argv[1], *map(int, sys.argv[2:]))))
