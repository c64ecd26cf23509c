"""Read your writes: what this process has just written is read from the primary for a while.

A replica hears of a write a moment later, so a page that stores and then reads may see the past.
``READ_YOUR_WRITES`` says how many seconds that moment may last. It is asked before a request is
routed, so it holds on every topology that has replicas.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections import OrderedDict
from typing import Any

from ..commands import Key, Spread

#: Keys that are remembered at most; the oldest go first.
LIMIT = 100_000


class Recent:
    """The keys that were written within the last ``seconds``."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        #: The earliest first. Readers take no lock.
        self._until: OrderedDict[Key, float] = OrderedDict()
        self._lock = threading.Lock()
        _made.add(self)

    def routed(self, request: Any) -> Any:
        """``request``, bound for the primary where it reads what was just written."""
        if isinstance(request, list):
            return [self.routed(single) for single in request]
        keys = request.keys if isinstance(request, Spread) else (request.key,)
        if request.kind.write:
            self._note(keys)
            return request
        now = time.monotonic()
        until = self._until
        return request.primary() if any(until.get(key, 0) > now for key in keys) else request

    def _note(self, keys: Any) -> None:
        now = time.monotonic()
        with self._lock:
            until = self._until
            for key in keys:
                # At no moment is it out of there: another thread may read it now.
                until[key] = now + self.seconds
                until.move_to_end(key)
            while until:
                oldest = next(iter(until))
                if until[oldest] > now and len(until) <= LIMIT:
                    break
                del until[oldest]


#: All that were made, for a child.
_made: weakref.WeakSet[Recent] = weakref.WeakSet()


def _after_fork() -> None:
    """Another thread of the parent may have held a lock, and it does not exist here."""
    for recent in list(_made):
        recent._lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
