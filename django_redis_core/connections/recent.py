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
from collections.abc import Hashable, Iterable
from typing import Any

#: Keys that are remembered at most, for each place.
LIMIT = 100_000


class Written:
    """What this process has written to one place, through whichever of its caches, and when."""

    def __init__(self) -> None:
        #: The earliest first. Readers take no lock.
        self.at: OrderedDict[str, float] = OrderedDict()
        #: When keys were written of which nothing else is known.
        self.unnamed = float("-inf")
        #: For how long the most patient of its caches asks.
        self.seconds = 0.0
        self.lock = threading.Lock()
        _made.add(self)

    def note(self, keys: Iterable[str]) -> None:
        """That they are written now; where there are none, all may have been."""
        now = time.monotonic()
        with self.lock:
            at, none = self.at, True
            for key in keys:
                none = False
                # At no moment is it out of there: another thread may read it now.
                at[key] = now
                at.move_to_end(key)
            if none:
                self.unnamed = now
            while at:
                oldest = next(iter(at))
                written = at[oldest]
                if written + self.seconds > now:
                    if len(at) <= LIMIT:
                        break
                    # Which one it was cannot be told any more, and so it may be any key.
                    self.unnamed = max(self.unnamed, written)
                del at[oldest]


class Recent:
    """The keys of ``place`` that this process has written within the last ``seconds``.

    ``place`` is what caches have in common that see each other's entries: their LOCATION.
    """

    def __init__(self, seconds: float, place: Hashable) -> None:
        self.seconds = seconds
        with _lock:
            self.written = _places.get(place) or _places.setdefault(place, Written())
            self.written.seconds = max(self.written.seconds, seconds)

    def routed(self, request: Any) -> Any:
        """``request``, bound for the primary where it reads what was just written."""
        if isinstance(request, list):
            return [self.routed(single) for single in request]
        if request.kind.changes:
            self.written.note(request.named())
        elif not request.kind.write and self._fresh(request):
            return request.primary()
        return request

    def _fresh(self, request: Any) -> bool:
        since = time.monotonic() - self.seconds
        written = self.written
        if written.unnamed > since:
            return True
        at = written.at
        return any(at.get(key, since) > since for key in request.named())


_places: weakref.WeakValueDictionary[Hashable, Written] = weakref.WeakValueDictionary()
_lock = threading.Lock()

#: All that were made, for a child.
_made: weakref.WeakSet[Written] = weakref.WeakSet()


def _after_fork() -> None:
    """Another thread of the parent may have held a lock, and it does not exist here."""
    global _lock
    _lock = threading.Lock()
    for written in list(_made):
        written.lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
