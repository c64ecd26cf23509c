"""Hours in trouble: load from threads and asyncio tasks, and a fault every few seconds.

    python benchmarks/soak.py [--seconds 60] [--every 3] [--threads 4] [--tasks 20] [--seed 1]

A process of its own plays the site: threads, one of which is interrupted by signals all the time,
and tasks, of which one is cancelled every few milliseconds. They check every value that comes back:
each names its key, and a counter may grow by what was sent and no more. Between them and the server
is a proxy; server and proxy are broken in turn in every way that FAULTS lists. Prints what was
seen, in Markdown, and ends with 1 where a value was wrong, the site did not work afterwards, or
descriptors, clients or memory grew.
"""

from __future__ import annotations

import argparse
import asyncio
import faulthandler
import multiprocessing
import os
import queue
import random
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from django.conf import settings

from django_redis_core.exceptions import ConnectionInterrupted
from django_redis_core.testing.proxy import FaultProxy
from django_redis_core.testing.servers import Server

KEYS = [f"key{number}" for number in range(200)]
LASTS = 0.7  # seconds of a fault
CONNECTIONS = 6  # max_connections
SETTLE = 3.0  # seconds between the last fault and the last look


class Interrupt(BaseException):
    """What a time limit or Ctrl-C raises."""


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


def work(name: str, tally: Tally, generation: Any) -> Work:
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
            size = random.choice([10, 1000, 20_000, 200_000])
            yield "set", key, f"{key}#{'x' * size}"
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


class Site:
    """The process that has the load."""

    def __init__(self, url: str, generation: Any, stop: Any) -> None:
        settings.configure()
        from django_redis_core.cache import RedisCache

        pool = {"max_connections": CONNECTIONS, "timeout": 1}
        self.cache = RedisCache(url, {"OPTIONS": {"CONNECTION_POOL_KWARGS": pool}})
        self.generation = generation
        self.stop = stop
        self.threads, self.tasks = Tally(), Tally()
        self.struck = True

    def thread(self, name: str) -> None:
        """The calls of one thread."""
        tally = self.threads
        steps = work(name, tally, self.generation)
        call = next(steps)
        while not self.stop.is_set():
            tally.calls += 1
            try:
                answer = called(self.cache, *call)
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
            except Interrupt:
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
            answer = called(self.cache, *call)
        except ConnectionInterrupted:
            self.threads.failed += 1
            time.sleep(0.001)
        except Exception as error:
            answer = self.threads.surprised(call, error)
        self.struck = True
        return answer

    def strike(self, number: int, frame: FrameType | None) -> None:
        if not self.struck:
            self.struck = True
            raise Interrupt

    async def task(self, name: str) -> None:
        tally = self.tasks
        steps = work(name, tally, self.generation)
        call = next(steps)
        while True:
            tally.calls += 1
            try:
                answer = await acalled(self.cache, *call)
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


def site(url: str, threads: int, tasks: int, generation: Any, stop: Any, told: Any) -> None:
    """The site's life, from its first call to its report."""
    faulthandler.register(signal.SIGUSR1)
    own = Site(url, generation, stop)
    broken: list[str] = []
    threading.excepthook = lambda args: broken.append(f"{args.exc_type.__name__}: {args.exc_value}")
    others = [
        threading.Thread(target=own.thread, args=(f"thread{number}",)) for number in range(threads)
    ]
    others.append(threading.Thread(target=asyncio.run, args=(own.loop(tasks),)))
    for other in others:
        other.start()
    own.interrupted_thread()
    for other in others:
        other.join(10)
    hanging = [f"{other.name} hangs" for other in others if other.is_alive()]
    if hanging:
        faulthandler.dump_traceback()  # it shows where
    broken += hanging
    with suppress(ConnectionInterrupted):
        own.cache.set("last", "last#")
        own.threads.check("last", own.cache.get("last"))
    told.put((vars(own.threads), vars(own.tasks), broken))
    stop.clear()  # what is measured last is a site at rest
    stop.wait(60)
    os._exit(0)


Fault = Callable[[Server, FaultProxy, Any], None]


def on_server(*commands: tuple[Any, ...]) -> Fault:
    """Commands that break it, the last of which mends it."""

    def fault(server: Server, proxy: FaultProxy, admin: Any) -> None:
        for command in commands[:-1]:
            admin.execute_command(*command)
        time.sleep(LASTS)
        admin.execute_command(*commands[-1])

    return fault


def on_proxy(name: str, *args: Any) -> Fault:
    def fault(server: Server, proxy: FaultProxy, admin: Any) -> None:
        getattr(proxy, name)(*args)
        time.sleep(LASTS)
        proxy.heal()

    return fault


def restart(server: Server, proxy: FaultProxy, admin: Any) -> None:
    server.kill()
    time.sleep(LASTS)
    server.restart(keep_data=False)


def hang(server: Server, proxy: FaultProxy, admin: Any) -> None:
    server.pause()
    time.sleep(LASTS * 2)  # longer than a timeout
    server.resume()


KILL = ("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
FAULTS: dict[str, Fault] = {
    "connections reset": on_proxy("reset_all"),
    "packets dropped": on_proxy("black_hole"),
    "connections refused": on_proxy("refuse"),
    "connecting stalls": on_proxy("stall_connects"),
    "replies lost": on_proxy("drop_replies", 30),
    "cut after n bytes": on_proxy("cut_after", 777),
    "replies in slices": on_proxy("slice", 50),
    "20 ms latency": on_proxy("latency", 0.02),
    "server killed": restart,
    "server stopped": hang,
    "CLIENT KILL": on_server(KILL, KILL),
    "CLIENT PAUSE": on_server(("CLIENT", "PAUSE", "1300"), ("PING",)),
    "maxclients": on_server(
        ("CONFIG", "SET", "maxclients", "1"), KILL, ("CONFIG", "SET", "maxclients", "1000")
    ),
    "OOM": on_server(("CONFIG", "SET", "maxmemory", "1"), ("CONFIG", "SET", "maxmemory", "0")),
    "READONLY": on_server(("REPLICAOF", "127.0.0.1", "1"), ("REPLICAOF", "NO", "ONE")),
    "FLUSHALL": on_server(("FLUSHALL",), ("SCRIPT", "FLUSH")),
}
LOSES_DATA = {"server killed", "FLUSHALL"}


@dataclass
class Look:
    """The site and the server at one moment."""

    descriptors: int
    clients: int
    memory: float  # MB

    @classmethod
    def at(cls, pid: int, server: Server) -> Look:
        with open(f"/proc/{pid}/statm", encoding="ascii") as file:
            pages = int(file.read().split()[1])
        clients = int(server.info("clients")["connected_clients"]) - 2  # the two that ask
        memory = pages * os.sysconf("SC_PAGE_SIZE") / 2**20
        return cls(len(os.listdir(f"/proc/{pid}/fd")), clients, memory)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--every", type=float, default=3)
    parser.add_argument("--threads", type=int, default=4)
    parser.add_argument("--tasks", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    generation, stop, told = context.Value("i", 0), context.Event(), context.Queue()
    done: Counter[str] = Counter()
    order = list(FAULTS)
    random.Random(asked.seed).shuffle(order)
    with Server() as server, FaultProxy(server.host, server.port) as proxy:
        admin = server.client()
        load = (proxy.url, asked.threads, asked.tasks, generation, stop, told)
        process = context.Process(target=site, args=load, daemon=True)
        process.start()
        assert process.pid is not None
        admin.ping()
        began = time.monotonic()
        while Look.at(process.pid, server).clients < 2 and time.monotonic() - began < 30:
            time.sleep(0.1)
        time.sleep(1)
        began = time.monotonic()
        looks = [Look.at(process.pid, server)]
        while time.monotonic() - began < asked.seconds:
            name = order[done.total() % len(order)]
            loses = name in LOSES_DATA
            generation.value += loses
            FAULTS[name](server, proxy, admin)
            generation.value += loses
            done[name] += 1
            time.sleep(max(asked.every - LASTS, 0.1))
            looks.append(Look.at(process.pid, server))
        time.sleep(SETTLE)
        seconds = time.monotonic() - began
        stop.set()
        try:
            threads, tasks, broken = told.get(timeout=60)
        except queue.Empty:
            os.kill(process.pid, signal.SIGUSR1)  # it shows where it hangs
            time.sleep(1)
            raise
        time.sleep(0.5)
        looks.append(Look.at(process.pid, server))
        stop.set()
        process.join(10)
    return report(seconds, done, looks, Tally(**threads), Tally(**tasks), broken)


def report(
    seconds: float,
    done: Counter[str],
    looks: list[Look],
    threads: Tally,
    tasks: Tally,
    broken: list[str],
) -> int:
    show = sys.stdout.write
    show("| | threads | asyncio tasks |\n| --- | --- | --- |\n")
    rows = {
        "calls": (threads.calls, tasks.calls),
        "a second": (threads.calls / seconds, tasks.calls / seconds),
        "raised that the server is in trouble": (threads.failed, tasks.failed),
        "interrupted, cancelled": (threads.struck, tasks.struck),
        "values checked": (threads.checked, tasks.checked),
        "wrong values": (len(threads.wrong), len(tasks.wrong)),
    }
    for name, (first, second) in rows.items():
        show(f"| {name} | {first:,.0f} | {second:,.0f} |\n")
    show(f"\n{done.total()} faults in {seconds:,.0f} s: ")
    show(", ".join(f"{name} {count}" for name, count in done.items()) + ".\n")
    show("\n| | at the start | after a quarter | most | at the end |\n")
    show("| --- | --- | --- | --- | --- |\n")
    quarter, end = looks[len(looks) // 4], looks[-1]
    for name in ("descriptors", "clients", "memory"):
        values = [getattr(look, name) for look in (looks[0], quarter)]
        values += [max(getattr(look, name) for look in looks), getattr(end, name)]
        unit = " of the server" if name == "clients" else ", MB" if name == "memory" else ""
        show(f"| {name}{unit} | " + " | ".join(f"{value:,.0f}" for value in values) + " |\n")
    problems = [*threads.wrong, *tasks.wrong, *broken]
    if end.clients > CONNECTIONS:  # the loop has ended, and its connection with it
        problems.append(f"{end.clients} clients are left, of {CONNECTIONS} at most")
    if end.descriptors > looks[0].descriptors + 4:
        problems.append(f"{end.descriptors} descriptors, {looks[0].descriptors} at the start")
    if end.memory > quarter.memory * 1.2 + 20:
        problems.append(f"{end.memory:.0f} MB, {quarter.memory:.0f} after a quarter of the time")
    if not (threads.checked and tasks.checked and threads.struck and tasks.struck):
        problems.append("nothing was checked")
    for problem in problems[:20]:
        show(f"\n{problem}")
    show("\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
