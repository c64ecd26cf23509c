"""Who the primaries are, where servers take each other's place: asked three times a lease.

A server that was ousted and cut off goes on saying that it is a primary and that nothing was
written, and a process that only reads copies sends it nothing that could be refused. So those who
decide are asked (``Topology.confirm``), and a lease is renewed only as far as they have confirmed.
In a thread of its own, so that no word of a server's waits for theirs.
"""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from collections.abc import Mapping
from typing import TYPE_CHECKING

from django_redis_core.connections import carry_out, listening, side_by_side

from .tracking import FIRST_PAUSE, LAST_PAUSE, LOOK, PINGS, Tracker

if TYPE_CHECKING:
    from django_redis_core.commands import Operation
    from django_redis_core.connections import Confirmed, Node, Topology

    from .store import Store

logger = logging.getLogger(__name__)

Trackers = Mapping["Node", Tracker]

#: What a primary is called that is not known.
UNKNOWN = "its primary"


class Council:
    """Has a tracker for each primary of ``add``'s topologies, and tells it that it is confirmed.

    ``trackers`` is replaced as a whole, from another thread. ``troubles`` say of which topology it
    is not known who the primaries are.
    """

    def __init__(self, prefix: str, lease: float, store: Store) -> None:
        self._prefix = prefix
        self._lease = lease
        self._topologies: list[Topology] = []
        # Weak, as those of trackers: the thread keeps this, and ends with the store.
        self._stores: weakref.WeakSet[Store] = weakref.WeakSet([store])
        self.reset()
        with _lock:
            _every.add(self)

    def reset(self) -> None:
        """Without a thread and trackers: at first, and in a forked child."""
        self._lock = threading.Lock()
        self._left = threading.Event()
        self._thread: threading.Thread | None = None
        self._of: dict[Topology, Trackers] = {}
        self.trackers: Trackers = {}
        self.troubles: dict[Topology, str] = {}
        #: Whether every topology was asked once.
        self.asked = False
        #: Whether there are servers that answer reads only.
        self.replicas = False
        # Whether there is a primary that is not confirmed, so that the next question comes soon
        # where the lease is long.
        self._wanting = False

    def add(self, topology: Topology) -> None:
        self._topologies.append(topology)

    def leave(self, store: Store) -> None:
        """The thread ends as soon as it looks."""
        self._stores.discard(store)
        for tracker in self.trackers.values():
            tracker.leave(store)
        self._left.set()

    def untold(self) -> dict[str, str]:
        """What is to be said of primaries that have no tracker, since they are not known."""
        if not self.asked:
            return {UNKNOWN: "it is not known yet"}
        unknown = [why for topology, why in list(self.troubles.items()) if topology not in self._of]
        return {UNKNOWN: "; ".join(unknown)} if unknown else {}

    def want(self) -> None:
        """Somebody has met a primary without a tracker. The first one has the thread started."""
        self._wanting = True
        if self._thread is not None:
            return
        with self._lock:
            if self._thread is None:
                started = listening(self._run, "near: who the primaries are")
                if isinstance(started, str):
                    self.asked = True
                    self.troubles = dict.fromkeys(self._topologies, started)
                else:
                    self._thread = started

    def _run(self) -> None:
        with self._lock:
            # Where an interrupt hid from who started it that it runs, another one may have been.
            if self._thread not in (None, threading.current_thread()):
                return
            self._thread = threading.current_thread()
        every = self._lease / PINGS
        while True:
            began, self._wanting = time.monotonic(), False
            asked = [_asked(topology, every) for topology in self._topologies]
            try:
                answers = carry_out(side_by_side(asked))
            except Exception as error:  # a thread that ended would leave all unconfirmed for ever
                answers = [error] * len(asked)
            for topology, answer in zip(self._topologies, answers, strict=True):
                try:
                    self._learn(topology, answer, began)
                except Exception as error:  # an answer that is none
                    self._learn(topology, error, began)
            self.asked = True
            earliest = time.monotonic() + min(every, FIRST_PAUSE)
            while self._stores:
                due = began + (min(every, LAST_PAUSE) if self._wanting else every)
                rest = max(due, earliest) - time.monotonic()
                if rest <= 0:
                    break
                self._left.wait(min(rest, LOOK))
            with self._lock:
                if not self._stores:
                    self._thread = None
                    return

    def _learn(self, topology: Topology, answer: Confirmed | Exception, asked: float) -> None:
        known = self._of.get(topology, {})
        if isinstance(answer, Exception):
            self._wanting = True
            self._doubt(topology, str(answer) or type(answer).__name__)
            for each in known.values():
                each.doubt = self.troubles[topology]
            return
        self.troubles.pop(topology, None)
        now: dict[Node, Tracker] = {}
        for node, part in answer.items():
            tracker = known.get(node)
            if tracker is None:
                tracker = Tracker(node.config, self._prefix, self._lease, overseen=True)
                for store in list(self._stores):
                    tracker.join(store)
            if isinstance(part, Exception):
                if tracker.doubt is None:
                    logger.warning("Of %s nothing is kept: %s", tracker.name, part)
                tracker.doubt = str(part)
                self._wanting = True
            else:
                tracker.confirm(asked, part)
            now[node] = tracker
        self._of[topology] = now
        self.trackers = {node: each for some in self._of.values() for node, each in some.items()}
        answered = [one for one in self._topologies if one in self._of]
        self.replicas = any(len(one.nodes()) > len(one.primaries()) for one in answered)
        for node, gone in known.items():
            if node not in now:
                for store in list(self._stores):
                    gone.leave(store)

    def _doubt(self, topology: Topology, trouble: str) -> None:
        if topology not in self.troubles:
            logger.warning("Nothing is kept, for nobody says who the primaries are: %s", trouble)
        self.troubles[topology] = trouble


def _asked(topology: Topology, seconds: float) -> Operation[Confirmed | Exception]:
    """Its answer, or what it raised: one that is set up wrongly says nothing of the others."""
    try:
        return (yield from topology.confirm(seconds))
    except Exception as error:
        return error


_every: weakref.WeakSet[Council] = weakref.WeakSet()
_lock = threading.Lock()


def _after_fork() -> None:
    """The thread is the parent's; the trackers forget by themselves."""
    global _lock
    _lock = threading.Lock()
    for council in list(_every):
        council.reset()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
