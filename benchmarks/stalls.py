"""How long a server answers nobody, as another client sees it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from django_redis_core.testing.servers import Server

PINGS = """
import select, socket, sys, time
with socket.create_connection((sys.argv[1], int(sys.argv[2]))) as server:
    worst = 0.0
    print("watching", flush=True)
    while not select.select([sys.stdin], [], [], 0.0005)[0]:
        began = time.perf_counter()
        server.sendall(b"PING\\r\\n")
        server.recv(100)
        worst = max(worst, time.perf_counter() - began)
print(worst * 1e3)
"""


def before_all_others(process: int) -> None:
    """Lets a process have its processor first, so that a machine's other work is not taken for its
    own. Linux alone knows this way, and allows it to root; elsewhere nothing happens."""
    with suppress(AttributeError, PermissionError):
        os.sched_setscheduler(process, os.SCHED_FIFO, os.sched_param(1))


@contextmanager
def longest_stall(server: Server, *, first: bool = False) -> Iterator[list[float]]:
    """The list has, after the block, the milliseconds that a PING waited at most during it.
    ``first``: whoever sends it goes before all others, as the server should, too."""
    found: list[float] = []
    command = [sys.executable, "-c", PINGS, server.host, str(server.port)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        if first:
            before_all_others(process.pid)
        try:
            yield found
        finally:
            found.append(float(process.communicate()[0]))
