"""Contenders in processes of their own, beside one server, each doing a batch when it is asked.

All of them and the server are on one processor. A reply that wakes a process on another one costs
more than the work that is measured, and comes and goes with what else the machine does. Only one of
them runs at a time.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

from contenders import BASE, CONTENDERS, ENVIRONMENTS, NEEDS, SAYS, Contender
from environments import environment, version_of, versions

from django_redis_core.testing.servers import Server

SITE = Path(__file__).with_name("rivals_site.py")
CONTROL = f"{BASE.name} again"


class Pythons:
    """The environments' interpreters, all of one Python; ``absent`` says why some have none."""

    def __init__(self, python: str) -> None:
        self.version = version_of(python)
        number = tuple(int(part) for part in self.version.split(".")[:2])
        self._inside: dict[str, str] = {}
        self.absent: dict[str, str] = {}
        for name, requirements in ENVIRONMENTS.items():
            needs = NEEDS.get(name, (3, 0))
            if number < needs:
                self.absent[name] = f"needs Python {needs[0]}.{needs[1]}, this is {self.version}"
                continue
            inside = f"rivals/{self.version}/{name}"
            print(f"{name}: build/{inside}", file=sys.stderr)
            self._inside[name] = environment(inside, requirements, python)

    def of(self, contender: Contender) -> str:
        return self._inside[contender.environment]

    def takes_part(self, contender: Contender, serializer: str) -> bool:
        return contender.environment in self._inside and serializer in contender.serializers

    def told(self, contender: Contender) -> str:
        """``django-valkey 0.4.1, libvalkey 4.2.1``"""
        wanted = [one for one in (contender.distribution, contender.client) if one]
        found = versions(self.of(contender), wanted)
        return ", ".join(f"{name} {found[name]}" for name in wanted if name in found)


class Process:
    """A contender, ready to be asked."""

    def __init__(self, name: str, python: str, arguments: Sequence[str]) -> None:
        self.name = name
        self._process = subprocess.Popen(
            [python, str(SITE), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        if self._answer() != "ready":
            raise RuntimeError(f"{name} ended before it was ready")

    def _answer(self) -> Any:
        """What it says next, or None at its end. Libraries in C and Rust print what they like."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith(SAYS):
                return json.loads(line.removeprefix(SAYS))
            print(self.name, line, end="", file=sys.stderr)
        return None

    def ask(self, what: str) -> Any:
        """What a batch cost; ``{"error": …}`` where it could not do it."""
        assert self._process.stdin is not None
        print(json.dumps(what), file=self._process.stdin, flush=True)
        answer = self._answer()
        return {"error": "the process ended"} if answer is None else answer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


@contextmanager
def arena(
    pythons: Pythons, kind: str, serializer: str, only: Sequence[str] = (), limit: bool = False
) -> Iterator[list[Process]]:
    """All that have ``serializer``, for work of a ``kind``: BLOCKING or ASYNCIO; the base first,
    and once more as the control. ``limit``: also what is the limit for all of them."""
    with ExitStack() as stack:
        server = stack.enter_context(Server())
        found = []
        for contender in CONTENDERS:
            wanted = not only or contender is BASE or any(one in contender.name for one in only)
            wanted = wanted and (limit or not contender.limit)
            if not (wanted and pythons.takes_part(contender, serializer)):
                continue
            for name in (contender.name, CONTROL) if contender is BASE else (contender.name,):
                # Keys of its own, all equally long: each writes a format that others cannot read.
                prefix = f"of{len(found):02}"
                command = [contender.name, kind, serializer, server.url, prefix]
                process = Process(name, pythons.of(contender), command)
                found.append(stack.enter_context(process))
        yield found


def one_processor() -> None:
    """From now on this process and its children are on the last one that it may use, where the
    system can do that (Linux)."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def shuffled(processes: Sequence[Process]) -> list[Process]:
    return random.sample(processes, len(processes))
