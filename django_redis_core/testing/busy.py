"""What a test asks of time, on a machine that does other things too.

Such a machine holds a process up, and so makes slow what is quick; it never makes quick what is
slow. So an upper bound is one for the quickest of several tries, and what a test needs first from a
server that is well is waited for.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Self, TypeVar

from ..exceptions import ConnectionInterrupted

__all__ = ["HeldUp", "patiently", "quickest", "seconds"]

#: Seconds between two looks at the clock, and what is late.
_EVERY, _NOTED = 0.02, 0.03

_T = TypeVar("_T")


def patiently(work: Callable[[], _T], *, timeout: float = 30.0) -> _T:
    """What ``work`` returns, as soon as no server is in trouble.

    For caches with a short ``SOCKET_TIMEOUT``, which may be too short for a machine that is busy;
    and a breaker is open for a while. After ``timeout`` seconds what ``work`` raises then:
    ``ConnectionInterrupted``.
    """
    until = time.monotonic() + timeout
    while True:
        try:
            return work()
        except ConnectionInterrupted:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)


def seconds(work: Callable[[], object]) -> float:
    """How long ``work`` took. What it raises is raised."""
    began = time.monotonic()
    work()
    return time.monotonic() - began


def quickest(measure: Callable[[], float], *, below: float, tries: int = 6) -> float:
    """The least that ``measure`` returned, of ``tries`` or until one is less than ``below``.

    ::

        assert quickest(lambda: seconds(call), below=0.5) < 0.5

    ``measure`` does everything anew, and fails itself where an answer is wrong: only its time may
    be another one the next time.
    """
    least = measure()
    while least >= below and tries > 1:
        least, tries = min(least, measure()), tries - 1
    return least


class HeldUp:
    """How long this process was held up while a block ran, in ``seconds``.

    ::

        with HeldUp() as held:
            ...
        assert slowest < 2 + held.seconds

    For what cannot be done anew. It tells nothing of a server that is held up. A delay of some
    milliseconds does not count.
    """

    seconds: float = 0.0

    def __enter__(self) -> Self:
        self._ended = threading.Event()
        self._began = time.monotonic()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        last, ended = self._began, False
        while not ended:
            ended = self._ended.wait(_EVERY)
            now = time.monotonic()
            late = now - last - _EVERY
            if late > _NOTED:
                self.seconds += late
            last = now
