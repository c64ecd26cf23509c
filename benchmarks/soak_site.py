"""The site that soak.py has in trouble: threads and tasks that call caches without end, and check
each value that comes back."""

from __future__ import annotations

import asyncio
import faulthandler
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Generator
from contextlib import suppress
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from django.conf import settings

from django_redis_core.exceptions import ConnectionInterrupted

KEYS = [f"key{number}" for number in range(200)]
CONNECTIONS = 4  # max_connections, of each cache
CACHES = 3


class Interrupt(BaseException):
    """What Ctrl-C raises."""


class Limit(Exception):
    """What a worker's time limit raises."""


STRUCK = (Interrupt, Limit)


class Failed:
    """Instead of an answer: the server was in trouble, or the call was interrupted."""


FAILED = Failed()


@dataclass
class Tally:
    """What one half of the site, threads or tasks, has seen."""

    calls: int = 0
    failed: int = 0
    struck: int = 0
    checked: int = 0
    wrong: list[str] = field(default_factory=list)

    def check(self, key: str, value: Any) -> None:
        self.checked += 1
        if value is not None and not (isinstance(value, str) and value.startswith(f"{key}#")):
            self.wrong.append(f"{key} gave {str(value)[:60]!r}")

    def surprised(self, call: tuple[Any, ...], error: Exception) -> Failed:
        """An error that no fault explains, as a reply to another command would raise."""
        self.wrong.append(f"{call[0]} raised {error!r}"[:200])
        return FAILED


Work = Generator[tuple[Any, ...], Any, None]


#: Bytes of values; and of those whose replies always come in one piece.
SIZES = [10, 1000, 20_000, 200_000]
SMALL = [10, 1000]


def work(name: str, tally: Tally, generation: Any, sizes: list[int] = SIZES) -> Work:
    """Endless calls of the cache, as name and arguments, whose answers it checks."""
    counting, done, tried = -1, 0, 0
    while True:
        key, kind = random.choice(KEYS), random.random()
        some = random.sample(KEYS, 5)
        if kind < 0.4:
            value = yield "get", key
            if value is not FAILED:
                tally.check(key, value)
        elif kind < 0.5:
            values = yield "get_many", some
            if values is not FAILED:
                for one, value in values.items():
                    tally.check(one, value)
        elif kind < 0.6:
            values = yield "pipeline", some
            if values is not FAILED:
                for one, value in zip(some, values, strict=True):
                    tally.check(one, value)
        elif kind < 0.75:
            yield "set", key, f"{key}#{'x' * random.choice(sizes)}"
        elif kind < 0.8:
            yield "set_many", {one: f"{one}#{random.random()}" for one in some}
        elif kind < 0.85:
            yield random.choice(["delete", "touch", "has_key"]), key
        else:
            # Odd while the server is about to lose its data, and another number afterwards.
            now = generation.value
            if now != counting:
                counting, done, tried = now, 0, 0
            tried += 1
            got = yield "incr", f"count-{name}-{now}"
            if got is FAILED or now % 2 or generation.value != now:
                continue
            tally.checked += 1
            if not done < got <= tried:
                tally.wrong.append(f"a counter gave {got} after {done}, counted {tried} times")
            done = got


def called(cache: Any, name: str, *args: Any) -> Any:
    if name == "pipeline":
        with cache.pipeline() as pipe:
            queued = [pipe.get(key) for key in args[0]]
        return [one.value for one in queued]
    return getattr(cache, name)(*args, **({"ignore_key_check": True} if name == "incr" else {}))


async def acalled(cache: Any, name: str, *args: Any) -> Any:
    if name == "pipeline":
        async with cache.apipeline() as pipe:
            queued = [pipe.get(key) for key in args[0]]
        return [one.value for one in queued]
    more = {"ignore_key_check": True} if name == "incr" else {}
    return await getattr(cache, f"a{name}")(*args, **more)


@dataclass
class Shared:
    """What the site and its tormentor tell each other, between processes."""

    generation: Any
    stop: Any
    busy: Any
    told: Any
    lasts: float


class Site:
    """The process that has the load."""

    def __init__(self, urls: list[str], shared: Shared) -> None:
        settings.configure()
        from django_redis_core.cache import RedisCache

        pool = {"max_connections": CONNECTIONS, "timeout": 1}

        options = {"SOCKET_TIMEOUT": shared.lasts * 1.4}
        server, replica, line = urls
        kwargs = {"CONNECTION_POOL_KWARGS": pool}
        self.cache = RedisCache(server, {"OPTIONS": options | kwargs})
        #: Both have the same entries.
        self.caches = [self.cache, RedisCache([server, replica], {"OPTIONS": options | kwargs})]
        # What comes too many behind a part of a reply, or while several commands are under way, as
        # tasks send them, cannot be told from a reply: so it has small values, and threads alone.
        kwargs = {"CONNECTION_POOL_KWARGS": pool | {"protocol": 3}}
        self.line = RedisCache(line, {"KEY_PREFIX": "line", "OPTIONS": options | kwargs})
        self.generation = shared.generation
        self.stop = shared.stop
        self.busy = shared.busy
        self.lasts = shared.lasts
        self.threads, self.tasks = Tally(), Tally()
        self.struck = True

    def thread(self, name: str, on_line: bool = False) -> None:
        """The calls of one thread."""
        tally = self.threads
        steps = work(name, tally, self.generation, SMALL if on_line else SIZES)
        caches = [self.line] if on_line else self.caches
        call = next(steps)
        while not self.stop.is_set():
            tally.calls += 1
            try:
                answer = called(random.choice(caches), *call)
            except ConnectionInterrupted:
                tally.failed += 1
                answer = FAILED
                time.sleep(0.001)
            except Exception as error:
                answer = tally.surprised(call, error)
            call = steps.send(answer)

    def interrupted_thread(self) -> None:
        """The same in the main thread, where a signal strikes again and again."""
        tally = self.threads
        signal.signal(signal.SIGALRM, self.strike)
        sys.unraisablehook = lambda unraisable: None
        steps = work("main", tally, self.generation)
        call = next(steps)
        while not self.stop.is_set():
            try:
                answer = self.until_struck(call)
            except STRUCK:
                answer = FAILED
                tally.struck += 1
            tally.calls += 1
            call = steps.send(answer)

    def until_struck(self, call: tuple[Any, ...]) -> Any:
        """A call under a time limit. A function of its own: in 3.13 the jump back of a loop is
        outside of the ``try`` around it."""
        answer: Any = FAILED
        self.struck = False
        signal.setitimer(signal.ITIMER_REAL, random.uniform(0.0005, 0.02))
        try:
            answer = called(random.choice(self.caches), *call)
        except ConnectionInterrupted:
            self.threads.failed += 1
            time.sleep(0.001)
        except Limit:
            raise
        except Exception as error:
            answer = self.threads.surprised(call, error)
        self.struck = True
        return answer

    def strike(self, number: int, frame: FrameType | None) -> None:
        if not self.struck:
            self.struck = True
            raise random.choice(STRUCK)

    async def task(self, name: str) -> None:
        tally = self.tasks
        steps = work(name, tally, self.generation)
        call = next(steps)
        while True:
            tally.calls += 1
            try:
                answer = await acalled(random.choice(self.caches), *call)
            except ConnectionInterrupted:
                tally.failed += 1
                answer = FAILED
                await asyncio.sleep(0.01)
            except Exception as error:
                answer = tally.surprised(call, error)
            call = steps.send(answer)

    async def loop(self, count: int) -> None:
        running = [asyncio.create_task(self.task(f"task{at}-0")) for at in range(count)]
        turn = 0
        while not self.stop.is_set():
            await asyncio.sleep(random.uniform(0.002, 0.02))
            if self.busy.is_set():
                time.sleep(self.lasts)  # noqa: ASYNC251 - somebody's code does that
            turn += 1
            at = random.randrange(count)
            running[at].cancel()
            outcome = (await asyncio.gather(running[at], return_exceptions=True))[0]
            if not isinstance(outcome, asyncio.CancelledError):
                self.tasks.wrong.append(f"a task ended by itself: {outcome!r}")
            self.tasks.struck += 1
            running[at] = asyncio.create_task(self.task(f"task{at}-{turn}"))
        for one in running:
            one.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await self.cache.aset("last", "last#")
        self.tasks.check("last", await self.cache.aget("last"))


def site(urls: list[str], threads: int, tasks: int, shared: Shared) -> None:
    """The site's life, from its first call to its report."""
    faulthandler.register(signal.SIGUSR1)
    own = Site(urls, shared)
    broken: list[str] = []
    threading.excepthook = lambda args: broken.append(f"{args.exc_type.__name__}: {args.exc_value}")
    others = [
        threading.Thread(target=own.thread, args=(f"thread{number}",)) for number in range(threads)
    ]
    others += [
        threading.Thread(target=own.thread, args=(f"line{number}", True)) for number in range(2)
    ]
    others.append(threading.Thread(target=asyncio.run, args=(own.loop(tasks),)))
    for other in others:
        other.start()
    own.interrupted_thread()
    for other in others:
        other.join(20)
    hanging = [f"{other.name} hangs" for other in others if other.is_alive()]
    if hanging:
        faulthandler.dump_traceback()  # it shows where
    broken += hanging
    with suppress(ConnectionInterrupted):
        own.cache.set("last", "last#")
        own.threads.check("last", own.cache.get("last"))
    shared.told.put((vars(own.threads), vars(own.tasks), broken))
    shared.stop.clear()  # what is measured last is a site at rest
    shared.stop.wait(300)
    os._exit(0)
