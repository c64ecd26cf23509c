"""Hours in trouble: load from threads and asyncio tasks, and a fault every few seconds.

    python benchmarks/soak.py [--seconds 60] [--every 3] [--lasts 0.7] [--threads 4] [--tasks 20]
        [--seed 1] [--write docs/faults.md]
    python benchmarks/soak.py --once [--lasts 0.3]  # each fault once, and quickly

A process of its own plays the site (``soak_site.py``): threads, one of which is struck by
interrupts and time limits all the time, and tasks, of which one is cancelled every few
milliseconds. They check every value that comes back: each names its key, and a counter may grow by
what was sent and no more. Between them and the servers, a primary and its replica, are proxies;
servers and proxies are broken in turn in every way that ``soak_faults.py`` lists. Prints what was
seen, in Markdown, and ends with 1 where a value was wrong, the site did not work afterwards, or
descriptors, threads, clients or memory grew.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import queue
import random
import signal
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from pages import fill
from soak_faults import FAULTS, LOSES_DATA, Place
from soak_site import CACHES, CONNECTIONS, Shared, Tally, site

from django_redis_core.testing.proxy import FaultProxy
from django_redis_core.testing.servers import Server
from django_redis_core.testing.topologies import replicated

SETTLE = 3.0  # seconds between the last fault and the last look
REPORT = 180.0  # seconds that the site has for its end; the machine may be busy


@dataclass
class Look:
    """The site and the server at one moment."""

    descriptors: int
    threads: int
    clients: int
    memory: float  # MB

    @classmethod
    def at(cls, pid: int, server: Server) -> Look:
        with open(f"/proc/{pid}/statm", encoding="ascii") as file:
            pages = int(file.read().split()[1])
        clients = int(server.info("clients")["connected_clients"]) - 2  # the two that ask
        memory = pages * os.sysconf("SC_PAGE_SIZE") / 2**20
        descriptors, threads = (len(os.listdir(f"/proc/{pid}/{of}")) for of in ("fd", "task"))
        return cls(descriptors, threads, clients, memory)


UNITS = {"clients": "clients of the server", "memory": "memory, MB"}


@dataclass
class Outcome:
    """All that one run has seen."""

    seconds: float
    done: Counter[str]
    looks: list[Look]
    threads: Tally
    tasks: Tally
    broken: list[str]

    @property
    def quarter(self) -> Look:
        """When the caches have all the connections that they will have."""
        return self.looks[len(self.looks) // 4]

    def problems(self) -> list[str]:
        quarter, end, threads, tasks = self.quarter, self.looks[-1], self.threads, self.tasks
        found = [*threads.wrong, *tasks.wrong, *self.broken]
        if end.clients > CONNECTIONS * CACHES:  # the loop has ended, and its connections with it
            found.append(f"{end.clients} clients are left, of {CONNECTIONS * CACHES} at most")
        if end.descriptors > self.looks[0].descriptors + CONNECTIONS:
            found.append(f"{end.descriptors} descriptors, {self.looks[0].descriptors} at the start")
        if end.threads > self.looks[0].threads:
            found.append(f"{end.threads} threads, {self.looks[0].threads} at the start")
        if end.memory > quarter.memory * 1.2 + 20:
            found.append(f"{end.memory:.0f} MB, {quarter.memory:.0f} after a quarter of the time")
        if not (threads.checked and tasks.checked and threads.struck and tasks.struck):
            found.append("nothing was checked")
        return found

    def page(self) -> str:
        """In Markdown."""
        threads, tasks = self.threads, self.tasks
        rows = {
            "calls": (threads.calls, tasks.calls),
            "a second": (threads.calls / self.seconds, tasks.calls / self.seconds),
            "raised that the server is in trouble": (threads.failed, tasks.failed),
            "struck by interrupts and time limits, cancelled": (threads.struck, tasks.struck),
            "values checked": (threads.checked, tasks.checked),
            "wrong values": (len(threads.wrong), len(tasks.wrong)),
        }
        lines = ["| | threads | asyncio tasks |", "| --- | --- | --- |"]
        lines += [
            f"| {name} | {first:,.0f} | {second:,.0f} |" for name, (first, second) in rows.items()
        ]
        each = ", ".join(f"{name} {count}" for name, count in self.done.items())
        lines += [
            "",
            f"{self.done.total()} faults in {self.seconds:,.0f} s: {each}.",
            "",
            "| | at the start | after a quarter | most | at the end |",
            "| --- | --- | --- | --- | --- |",
        ]
        for name in ("descriptors", "threads", "clients", "memory"):
            values = [getattr(look, name) for look in (self.looks[0], self.quarter)]
            values += [max(getattr(look, name) for look in self.looks)]
            values += [getattr(self.looks[-1], name)]
            cells = " | ".join(f"{value:,.0f}" for value in values)
            lines.append(f"| {UNITS.get(name, name)} | {cells} |")
        return "\n".join(lines) + "\n"


def run(asked: argparse.Namespace) -> Outcome:
    context = multiprocessing.get_context("spawn")
    shared = Shared(
        context.Value("i", 0), context.Event(), context.Event(), context.Queue(), asked.lasts
    )
    done: Counter[str] = Counter()
    order = list(FAULTS)
    random.Random(asked.seed).shuffle(order)
    with (
        replicated(1) as group,
        FaultProxy(*group.primary.address) as network,
        FaultProxy(*group.replicas[0].address) as before_replica,
        FaultProxy(*group.primary.address) as line,
    ):
        server = group.primary
        admin = server.client()
        place = Place(
            server,
            group.replicas[0],
            network,
            before_replica,
            line,
            admin,
            shared.busy,
            asked.lasts,
        )
        urls = [network.url, before_replica.url, line.url]
        load = (urls, asked.threads, asked.tasks, shared)
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
        while done.total() < len(order) if asked.once else time.monotonic() - began < asked.seconds:
            name = order[done.total() % len(order)]
            loses = name in LOSES_DATA
            shared.generation.value += loses
            FAULTS[name](place)
            shared.generation.value += loses
            done[name] += 1
            time.sleep(0.1 if asked.once else max(asked.every - asked.lasts, 0.1))
            looks.append(Look.at(process.pid, server))
        time.sleep(SETTLE)
        seconds = time.monotonic() - began
        shared.stop.set()
        try:
            threads, tasks, broken = shared.told.get(timeout=REPORT)
        except queue.Empty:
            if process.is_alive():
                os.kill(process.pid, signal.SIGUSR1)  # it shows where it hangs
                time.sleep(5)
            raise SystemExit(f"the site has not reported; exit code {process.exitcode}") from None
        time.sleep(0.5)
        looks.append(Look.at(process.pid, server))
        shared.stop.set()
        process.join(10)
    return Outcome(seconds, done, looks, Tally(**threads), Tally(**tasks), broken)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--every", type=float, default=3)
    parser.add_argument("--lasts", type=float, default=0.7, help="seconds of a fault")
    parser.add_argument("--once", action="store_true", help="each fault once, one after the other")
    parser.add_argument("--threads", type=int, default=4)
    parser.add_argument("--tasks", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", type=Path, help="the page to write the figures into")
    asked = parser.parse_args()
    outcome = run(asked)
    sys.stdout.write(outcome.page())
    problems = outcome.problems()
    for problem in problems[:20]:
        sys.stdout.write(f"\n{problem}")
    sys.stdout.write("\n" if problems else "")
    if asked.write and not problems:
        fill(asked.write, "the soak", outcome.page())
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
