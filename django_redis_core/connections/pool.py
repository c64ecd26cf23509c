"""The free list of links to one server: one for a process and a whole configuration."""

from __future__ import annotations

import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from ..exceptions import PoolExhausted
from .link import ForeignLink, Link


class LinkPool:
    """Idle links, the last one used on top.

    Taking and giving back are one ``deque`` operation each, which is atomic, so threads and
    greenlets share it without a lock. ``limit`` (None: unlimited) bounds the links that exist;
    at the limit a caller waits up to ``wait`` seconds for one.
    """

    def __init__(self, connect: Callable[[], Any], limit: int | None, wait: float) -> None:
        self._connect = connect
        self._limit = limit
        self._wait = wait
        self.reset()

    def reset(self) -> None:
        """Starts anew, also after a fork: the links of the parent stay the parent's."""
        # First, because the links that go with the old list tell it that they do.
        self._freed = threading.Condition()
        self._free: deque[Link] = deque()
        self._open = 0
        self._waiting = 0
        self._closed = False

    def take(self, repeatable: bool) -> Link:
        """An idle link or a new one. For a command that must not be sent twice, the idle link is
        first asked whether the server has closed it."""
        free = self._free
        while True:
            try:
                link = free.pop()
            except IndexError:
                return self._new()
            if repeatable or not link.stale():
                return link
            link.close()

    def give(self, link: Link) -> None:
        """Takes back a link that owes nothing."""
        link.reused = True
        self._free.append(link)
        if self._waiting:
            with self._freed:
                self._freed.notify()
            if self._closed:
                self.close_idle()

    def close(self) -> None:
        """Closes the idle links now, and those in use when they are given back."""
        self._closed = True
        with self._freed:
            self._waiting += 1  # for ever, so that ``give`` looks
        self.close_idle()

    def close_idle(self) -> None:
        """Closes the links that nobody uses."""
        free = self._free
        while free:
            try:
                free.pop().close()
            except IndexError:
                return

    def forget(self, link: Link | None = None) -> None:
        """A link was closed, or could not be made."""
        with self._freed:
            self._open -= 1
            if self._waiting:
                self._freed.notify()

    def _new(self) -> Link:
        with self._freed:
            if self._limit is not None and self._open >= self._limit:
                link = self._wait_for_one(self._limit)
                if link is not None:
                    return link
            self._open += 1
        try:
            connection = self._connect()
        except BaseException:
            self.forget()
            raise
        # Private in redis-py, but the same name since its first version. Where it is no plain
        # socket, the public methods do.
        sock = getattr(connection, "_sock", None)
        if isinstance(sock, socket.socket):
            return Link(connection, sock, self)
        return ForeignLink(connection, self)

    def _wait_for_one(self, limit: int) -> Link | None:
        """Called with the lock held: a link that was given back, or None for room to open one."""
        deadline = time.monotonic() + self._wait
        self._waiting += 1
        try:
            while True:
                if self._free:
                    try:
                        return self._free.pop()
                    except IndexError:
                        pass
                if self._open < limit:
                    return None
                left = deadline - time.monotonic()
                if left <= 0:
                    raise PoolExhausted(
                        None,
                        f"all {limit} connections (max_connections) stayed in use for "
                        f"{self._wait} s",
                    )
                self._freed.wait(left)
        finally:
            self._waiting -= 1


class SitePool:
    """The links of a redis-py pool class that the site brought (``CONNECTION_POOL_CLASS``), which
    then decides about limits and reuse for the cache as well. ``find`` gives the pool."""

    def __init__(self, find: Callable[[], Any]) -> None:
        self._find = find
        # Asked for once: what was taken from a pool must go back to that one.
        self._source: Any = None

    def take(self, repeatable: bool) -> Link:
        if self._source is None:
            self._source = self._find()
        return ForeignLink(self._source.get_connection(), self)

    def give(self, link: Link) -> None:
        self._source.release(link.hand_over())

    def close_idle(self) -> None:
        if self._source is not None:
            self._source.disconnect(inuse_connections=False)

    def close(self) -> None:
        """Closes the idle connections; those in use are the site's pool's to close."""
        self.close_idle()

    def forget(self, link: Link) -> None:
        """A link was closed: the pool counts it until it has its connection back."""
        self._source.release(link.connection)
