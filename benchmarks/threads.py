"""Many threads: a connection for each from the free list, eight of it at most, or one that they
share.

    python benchmarks/threads.py [--rounds 5] [--seconds 1]

A connection can be shared in two ways. *In rounds*: whoever finds it free sends everything that
waits, its own command among it, reads all replies and wakes their owners. *At once*: every thread
sends without waiting, and one of those that wait reads for all until it has its own reply. All run
in turn, on loopback and with a server that is 2 ms away.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from asgi import __file__ as proxy_program
from django.conf import settings

from django_redis_core.cache import RedisCache
from django_redis_core.commands import GET, Command
from django_redis_core.connections.resp import INCOMPLETE
from django_redis_core.testing.servers import Server


class Waiting:
    def __init__(self, command: Command) -> None:
        self.command = command
        self.reply: Any = None
        self.answered = threading.Lock()
        self.answered.acquire()

    def wake(self) -> None:
        with suppress(RuntimeError):  # it is awake already
            self.answered.release()


class InRounds:
    """One connection, one batch under way."""

    def __init__(self, node: Any) -> None:
        self.node = node
        self.queue: deque[Waiting] = deque()
        self.busy = threading.Lock()

    def call(self, command: Command) -> Any:
        mine = Waiting(command)
        self.queue.append(mine)
        while self.queue and self.busy.acquire(blocking=False):
            try:
                batch = [self.queue.popleft() for _ in range(len(self.queue))]
                replies = self.node.receive(self.node.send([each.command for each in batch]))
                for each, each.reply in zip(batch, replies, strict=True):
                    each.wake()
            finally:
                self.busy.release()
        mine.answered.acquire()
        return mine.reply


class AtOnce:
    """One connection, many commands under way."""

    def __init__(self, node: Any) -> None:
        self.link = node.links.take()
        self.sending = threading.Lock()
        self.reading = threading.Lock()
        self.under_way: deque[Waiting] = deque()

    def call(self, command: Command) -> Any:
        mine = Waiting(command)
        with self.sending:
            self.under_way.append(mine)
            self.link.send([command.args])
        while mine.reply is None:
            if not self.reading.acquire(blocking=False):
                mine.answered.acquire()  # answered, or to read for all now
                continue
            while mine.reply is None:
                gets = self.link._reader.gets
                reply = gets()
                if reply is INCOMPLETE:
                    reply = self.link._rest(self.link._patience())
                first = self.under_way.popleft()
                first.reply = reply
                if first is not mine:
                    first.wake()
            self.reading.release()
            with suppress(IndexError):
                self.under_way[0].wake()
        return mine.reply


#: As a site may limit its connections; so many seconds one may wait for one of them.
EIGHT = {"max_connections": 8, "timeout": 20}


def measure(call: Callable[[Command], Any], threads: int, seconds: float) -> tuple[float, float]:
    """Operations a second, and microseconds of this process' CPU for each."""
    counts = [0] * threads
    end = time.perf_counter() + seconds

    def work(number: int) -> None:
        while time.perf_counter() < end:
            assert call(GET(":1:key")) == b"value"
            counts[number] += 1

    cpu = time.process_time()
    workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return sum(counts) / seconds, (time.process_time() - cpu) / sum(counts) * 1e6


def main(rounds: int, seconds: float) -> None:
    settings.configure()
    with Server() as server:
        proxy = subprocess.Popen(
            [sys.executable, proxy_program, "--proxy", server.host, str(server.port)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert proxy.stdout is not None
        away = f"redis://127.0.0.1:{proxy.stdout.readline().strip()}/0"
        server.cli("SET", ":1:key", "value")
        print("Operations a second, and microseconds of CPU for each:\n")
        print("| server | threads | free list | free list of 8 | in rounds | at once |")
        print("| --- | --- | --- | --- | --- | --- |")
        for place, url in (("same machine", server.url), ("2 ms away", away)):
            node = RedisCache(url, {})._engine.topology.single
            few = RedisCache(url, {"OPTIONS": {"CONNECTION_POOL_KWARGS": EIGHT}})
            limited = few._engine.topology.single
            assert node is not None
            assert limited is not None
            calls = {
                "free list": node.call,
                "free list of 8": limited.call,
                "in rounds": InRounds(node).call,
                "at once": AtOnce(node).call,
            }
            for threads in (1, 8, 32):
                found: dict[str, list[tuple[float, float]]] = {name: [] for name in calls}
                for _ in range(rounds):
                    for name, call in calls.items():
                        found[name].append(measure(call, threads, seconds))
                cells = []
                for measured in found.values():
                    rate, cpu = (statistics.median(each) for each in zip(*measured, strict=True))
                    cells.append(f"{rate:,.0f} ({cpu:.0f})")
                print(f"| {place} | {threads} | {' | '.join(cells)} |")
        proxy.kill()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1)
    arguments = parser.parse_args()
    main(arguments.rounds, arguments.seconds)
