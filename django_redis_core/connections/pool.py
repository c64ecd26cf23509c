"""The free list of links to one server: one for a process and a whole configuration."""

from __future__ import annotations

import itertools
import socket
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from typing import Any

from ..exceptions import PoolExhausted
from .idle import close_idle
from .link import ForeignLink, Link, Place
from .notes import note_new_connection
from .troubles import is_full

# The longest that a waiting caller sleeps, in seconds: one whose bell was lost looks again then.
_LOOK = 0.05


class LinkPool:
    """Idle links, the last one used on top.

    Taking and giving back are one ``deque`` operation each, which is atomic, so threads and
    greenlets share it without a lock. ``limit`` (None: unlimited) bounds the links that exist;
    at the limit a caller waits up to ``wait`` seconds for one.

    There is no lock and no count here, on purpose. An exception that a signal raises (a task's time
    limit, Ctrl-C) strikes between any two steps, also right after a lock was taken or a count
    raised, and then nobody would ever let go of the lock or count down. What is in use is counted
    by who still has a ``Place``, so what an interrupt dropped is free again.
    """

    def __init__(self, connect: Callable[[], Any], limit: int | None, wait: float) -> None:
        self._connect = connect
        self._limit = limit
        self._wait = wait
        self._free: deque[Link] = deque()
        #: In the order of their coming; only where there is a limit.
        self._places: dict[int, weakref.ref[Place]] = {}
        self._tickets = itertools.count()
        #: A held lock for each caller who waits, which is released to wake it.
        self._bells: deque[threading.Lock] = deque()
        #: Every link that somebody has or that is idle here, to be counted when that is asked for.
        #: No ``WeakSet``: until Python 3.13 that is gone through step by step, and raises where
        #: another thread opens a connection meanwhile. ``list`` of a dict is one step.
        self._known: dict[weakref.ref[Link], None] = {}
        self._closed = False

    def take(self) -> Link:
        """An idle link or a new one. An idle one is looked at first: a reply too many would be
        taken for the next command's, and what must not be sent twice must not be sent to a
        connection that the server has closed."""
        free = self._free
        while True:
            try:
                link = free.pop()
            except IndexError:
                break
            if not link.arrived(0) or not link.stale():
                return link
            link.close()
        return self._new()

    def give(self, link: Link) -> None:
        """Takes back a link that owes nothing."""
        link.reused = True
        self._free.append(link)
        if self._bells:
            self._ring()
        if self._closed:
            self.close_idle()

    def close(self) -> None:
        """Closes the idle links now, and those in use when they are given back."""
        self._closed = True
        self.close_idle()

    def numbers(self) -> dict[str, float]:
        """How many links are idle and in use, and how many callers wait for one, at this moment."""
        idle = len(self._free)
        opened = self._opened()
        return {
            "connections_idle": idle,
            "connections_in_use": max(opened - idle, 0),
            "connections_waited_for": len(self._bells),
        }

    def _opened(self) -> int:
        """How many links there are, idle ones included."""
        links = [known() for known in list(self._known)]
        return sum(link is not None and not link.closed for link in links)

    def close_idle(self) -> None:
        """Closes the links that nobody uses."""
        free = self._free
        while free:
            try:
                free.pop().close()
            except IndexError:
                return

    def forget(self, link: Link) -> None:
        """A link was closed."""
        if link.place is not None:
            self._leave(link.place)

    def _new(self) -> Link:
        place = None
        if self._limit is not None:
            place = Place()
            link = self._admission(place, self._limit)
            if link is not None:
                return link
        note_new_connection()
        try:
            connection = self._connect()
        except BaseException as error:
            if place is not None:
                self._leave(place)
            if not is_full(error) or (given := self._given_back()) is None:
                raise
            return given
        # Private in redis-py, but the same name since its first version. Where it is no plain
        # socket, the public methods do.
        sock = getattr(connection, "_sock", None)
        if isinstance(sock, socket.socket):
            link = Link(connection, sock, self, place)
        else:
            link = ForeignLink(connection, self, place)
        self._known[weakref.ref(link, self._known.pop)] = None
        return link

    def _given_back(self) -> Link | None:
        """A link that somebody gives back while the server takes no new one, or None where there is
        none, or all of them stay in use."""
        deadline = time.monotonic() + self._wait
        while self._opened():
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            link = self._idle(min(left, _LOOK))
            if link is not None:
                return link
        return None

    def _admission(self, place: Place, limit: int) -> Link | None:
        """Waits for a link that is given back, which is returned, or until fewer than ``limit``
        places came before this one and are still held."""
        ticket = next(self._tickets)
        self._places[ticket] = weakref.ref(place)
        deadline = time.monotonic() + self._wait
        try:
            while not self._admitted(ticket, limit):
                left = deadline - time.monotonic()
                link = self._idle(min(max(left, 0), _LOOK))
                if link is not None:
                    self._leave(place)
                    return link
                if left <= 0:
                    raise PoolExhausted(
                        None,
                        f"all {limit} connections (max_connections) stayed in use for "
                        f"{self._wait} s",
                    )
        except BaseException:
            self._leave(place)
            raise
        return None

    def _idle(self, seconds: float) -> Link | None:
        """A link that is idle, or None after that time, or sooner when something has changed."""
        bell = threading.Lock()
        bell.acquire()
        self._bells.append(bell)
        try:
            # After the bell is hung, so that no link is given back unheard.
            link = self._free.pop()
        except IndexError:
            if seconds > 0:
                bell.acquire(timeout=seconds)
            return None
        finally:
            try:
                self._bells.remove(bell)
            except ValueError:
                pass  # it was rung
        if not link.arrived(0) or not link.stale():
            return link
        link.close()
        return None

    def _admitted(self, ticket: int, limit: int) -> bool:
        ahead = 0
        # Of the numbers alone: to list items makes tuples, the collector may run there (3.11), and
        # with what it finalizes another thread, which changes the dict.
        for number in list(self._places):
            if number == ticket:
                break
            held = self._places.get(number)
            place = None if held is None else held()
            if place is None or place.left:
                self._places.pop(number, None)
            else:
                ahead += 1
        return ahead < limit

    def _leave(self, place: Place) -> None:
        place.left = True
        # All, for only the first of those who wait is admitted now, and whose bell that is, is
        # not known.
        for _ in range(len(self._bells)):
            self._ring()

    def _ring(self) -> None:
        try:
            self._bells.popleft().release()
        except IndexError:
            pass  # nobody waits any more


class SitePool:
    """The links of a redis-py pool class that the site brought (``CONNECTION_POOL_CLASS``), which
    then decides about limits and reuse for the cache as well. ``find`` gives the pool."""

    def __init__(self, find: Callable[[], Any]) -> None:
        self._find = find
        # Asked for once: what was taken from a pool must go back to that one.
        self._source: Any = None

    def numbers(self) -> dict[str, float]:
        """Nothing: redis-py's pools have no public count."""
        return {}

    def take(self) -> Link:
        if self._source is None:
            self._source = self._find()
        return ForeignLink(self._source.get_connection(), self)

    def give(self, link: Link) -> None:
        self._source.release(link.hand_over())

    def close_idle(self) -> None:
        if self._source is not None:
            close_idle(self._source)

    def close(self) -> None:
        """Closes the idle connections; those in use are the site's pool's to close."""
        self.close_idle()

    def forget(self, link: Link) -> None:
        """A link was closed: the pool counts it until it has its connection back."""
        self._source.release(link.connection)
