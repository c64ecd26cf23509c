"""A load on one process, and how long each call waited, for ``tails.py``.

Callers are due at moments that do not depend on the answers, as visitors come. A caller that comes
late because its last call took too long has waited since it was due; if it is the clock or the
scheduler that woke it late, the wait counts from when it woke. So a stall is felt by all who were
due in it, and not by one (what is called coordinated omission).
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable

#: Threads and tasks that read.
THREADS, TASKS = 8, 50
#: Calls a second of all together, and for how long.
RATE, SECONDS = 2_000, 1.0


def threads(read: Callable[[], object]) -> list[int]:
    """Microseconds that each call of a load of threads waited."""
    waits: list[list[int]] = [[] for _ in range(THREADS)]
    period, start = THREADS / RATE, time.perf_counter() + 0.05
    callers = [
        threading.Thread(target=_thread, args=(read, mine, start + period * n / THREADS, period))
        for n, mine in enumerate(waits)
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    return [wait for mine in waits for wait in mine]


def _thread(read: Callable[[], object], mine: list[int], due: float, period: float) -> None:
    clock = time.perf_counter
    end = due + SECONDS
    while due < end:
        since, pause = due, due - clock()
        if pause > 0:
            time.sleep(pause)
            since = clock()
        read()
        mine.append(int((clock() - since) * 1e6))
        due += period


async def tasks(read: Callable[[], Awaitable[object]]) -> list[int]:
    """The same of a load of tasks."""
    waits: list[list[int]] = [[] for _ in range(TASKS)]
    period, start = TASKS / RATE, time.perf_counter() + 0.05
    await asyncio.gather(
        *[_task(read, mine, start + period * n / TASKS, period) for n, mine in enumerate(waits)]
    )
    return [wait for mine in waits for wait in mine]


async def _task(
    read: Callable[[], Awaitable[object]], mine: list[int], due: float, period: float
) -> None:
    clock = time.perf_counter
    end = due + SECONDS
    while due < end:
        since, pause = due, due - clock()
        if pause > 0:
            await asyncio.sleep(pause)
            since = clock()
        await read()
        mine.append(int((clock() - since) * 1e6))
        due += period


def percentile(waits: list[int], part: float) -> int:
    """Of a sorted list: what ``part`` of all waited at most."""
    return waits[min(len(waits) - 1, int(len(waits) * part))]
