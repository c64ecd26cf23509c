"""The connection on which a server tells of every write, in a thread of its own.

https://redis.io/docs/latest/develop/reference/client-side-caching/ : in broadcasting mode the
server remembers nothing, and names each key under a prefix that was written, expired or evicted.
The message is in the connection's buffer before the writer has its reply, so whoever gets a PONG
has been told of all that was acknowledged before the PING was sent.

A thread and no task: the store belongs to all threads and event loops of the process.
"""

from __future__ import annotations

import logging
import math
import os
import socket
import threading
import time
import weakref
from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from django_redis_core.commands import Argument, text
from django_redis_core.connections import hold, listening, reconnect
from django_redis_core.exceptions import ConnectionInterrupted

from .push import Push, Reader, Refusal
from .store import NEVER, Session, Store

if TYPE_CHECKING:
    from django_redis_core.commands import Key
    from django_redis_core.connections import ServerConfig

logger = logging.getLogger(__name__)

#: PINGs in the time of a lease, so that a late one or two do not end it.
PINGS = 3
#: Leases that a PONG may take before the connection is given up for lost.
PATIENCE = 3
#: Seconds between two attempts to connect, which grow from the first to the second.
FIRST_PAUSE, LAST_PAUSE = 0.05, 1.0
#: Seconds after which somebody looks whether the tracker is needed still.
LOOK = 0.5

_CHUNK = 64 * 1024
#: The PING. Its answer says whether the server is a primary, which every user may ask so. And to a
#: connection of RESP2, as a site may have redis-py greet it, a server tells nothing.
_HELLO = b"*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n"


def _packed(args: Sequence[Argument]) -> bytes:
    parts = [arg if isinstance(arg, bytes) else str(arg).encode() for arg in args]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%b\r\n" % (len(one), one) for one in parts)


def _tracking(prefix: bytes) -> bytes:
    """https://redis.io/commands/client-tracking/ ; an empty prefix is every key's."""
    args = [b"CLIENT", b"TRACKING", b"ON", b"BCAST"]
    if prefix:
        args += [b"PREFIX", prefix]
    return _packed(args)


class Tracker:
    """Hears of writes to one server, under one prefix, for the stores that joined.

    ``session`` is that of the connection, or None while there is none. ``trouble`` says why.

    ``overseen``: another one may take the server's place without its knowledge, so that its own
    word for being a primary is not enough, and somebody says ``confirm`` as long as it is one.
    """

    def __init__(
        self, config: ServerConfig, prefix: str, lease: float, *, overseen: bool = False
    ) -> None:
        # RESP3, in which messages come between replies on one connection.
        self.config = replace(config, kwargs={**config.kwargs, "protocol": 3})
        self._tracking = _tracking(prefix.encode())
        self._lease = lease
        self._overseen = overseen
        self._stores: weakref.WeakSet[Store] = weakref.WeakSet()
        self.name = config.name
        self.reset()
        hold(self)
        with _lock:
            _every.add(self)

    def reset(self) -> None:
        """Without a thread and a connection: at first, and in a forked child."""
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._connection: Any = None
        self.session: Session | None = None
        self.trouble: str | None = None
        #: Sessions that ended while the connection goes on, whose copies are in the stores still.
        self._ended: list[Session] = []
        #: When it was sent the question that it answered last, and when those were asked the
        #: question who confirmed it last, and as the primary of what.
        self._answered = NEVER
        self._confirmed = NEVER if self._overseen else math.inf
        self._part: Hashable = None
        #: Why nobody confirms it now.
        self.doubt: str | None = None
        self._again = False
        self._auth = b""

    def join(self, store: Store) -> None:
        with self._lock:
            self._stores.add(store)

    def leave(self, store: Store) -> None:
        """Where it was the last one, the thread ends as soon as it looks."""
        with self._lock:
            self._stores.discard(store)

    def _joined(self) -> list[Store]:
        """The stores of now. Under the lock: until Python 3.13 a ``WeakSet`` is gone through step
        by step, and raises where one joins meanwhile."""
        with self._lock:
            return list(self._stores)

    def current(self) -> Session | None:
        """The session to keep copies under, or None while the server is not heard. The first one
        who asks has the thread started."""
        session = self.session
        if session is None:
            if self._thread is None:
                self._start()
            return None
        return session if time.monotonic() < session.lease else None

    @property
    def alive(self) -> bool:
        """Whether copies are served now."""
        session = self.session
        return session is not None and time.monotonic() < session.lease

    @property
    def state(self) -> bool | str:
        """True while copies are served, or why not."""
        return self.alive or self.trouble or self.doubt or "not connected yet"

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                started = listening(self._run, f"near {self.name}")
                if isinstance(started, str):
                    self.trouble = started
                else:
                    self._thread = started

    def _run(self) -> None:
        with self._lock:
            # Where an interrupt hid from who started it that it runs, another one may have been.
            if self._thread not in (None, threading.current_thread()):
                return
            self._thread = threading.current_thread()
        pause = FIRST_PAUSE
        while True:
            began = time.monotonic()
            try:
                self._watch()
            except Exception as error:
                if self.trouble is None:
                    logger.warning("%s tells of no writes, nothing is kept: %s", self.name, error)
                self.trouble = str(error) or type(error).__name__
            with self._lock:
                if not self._stores:
                    self._thread = None
                    return
            if time.monotonic() - began > LAST_PAUSE:
                pause = FIRST_PAUSE
            time.sleep(pause)
            pause = min(pause * 2, LAST_PAUSE)

    def _watch(self) -> None:
        """Connects and listens until the connection is lost, or nobody needs it any more."""
        connection = self.config.connected()
        self._connection = connection
        try:
            # As the core's own links: what redis-py has read of a message it would keep.
            sock = getattr(connection, "_sock", None)
            if not isinstance(sock, socket.socket):
                raise ConnectionInterrupted(self.name, "its connection class has no plain socket")
            self._listen(sock)
        finally:
            with self._lock:
                self._again = self._again or self._answered > NEVER
                self._answered = NEVER
                self._end()
            self._drop()
            self._connection = None
            connection.disconnect()

    def _end(self) -> None:
        """Has its copies void from now on; with the lock held, since two threads renew leases."""
        session, self.session = self.session, None
        if session is not None:
            session.lease = NEVER
            self._ended.append(session)

    def _drop(self) -> None:
        """Takes the copies of sessions that have ended out of the stores."""
        while self._ended:
            session = self._ended.pop()
            for store in self._joined():
                store.drop(session)

    def _listen(self, sock: socket.socket) -> None:
        reader, buffer = Reader(), memoryview(bytearray(_CHUNK))
        patience = self._lease * PATIENCE
        sock.settimeout(patience)
        # When something was sent last, TRACKING or PING, and how many replies are awaited still.
        asked, owed = time.monotonic(), 2
        sock.sendall(_HELLO + self._tracking)
        while self._stores:
            now = time.monotonic()
            every = self._lease / PINGS
            if self.session is None:  # somebody has ended it
                self._drop()
                every = min(every, LOOK)
            if not owed and now >= asked + every:
                with self._lock:  # a token that comes now goes with the next one
                    auth, self._auth = self._auth, b""
                asked, owed = now, 2 if auth else 1
                sock.sendall(auth + _HELLO)
            until = asked + (patience if owed else every)
            if now >= until:
                raise ConnectionInterrupted(self.name, "it did not answer PING")
            sock.settimeout(min(until - now, LOOK))
            try:
                length = sock.recv_into(buffer)
            except TimeoutError:
                continue
            if not length:
                raise ConnectionInterrupted(self.name, "the server closed the connection")
            for message in reader.feed(buffer[:length]):
                if isinstance(message, Push):
                    self._told(message)
                elif isinstance(message, Refusal):
                    raise ConnectionInterrupted(self.name, message.message)
                else:
                    if isinstance(message, list):  # and no OK, as to TRACKING
                        self._check_role(message)
                    owed -= 1
                    if not owed:
                        self._believe(asked)

    def _check_role(self, hello: list[Any]) -> None:
        """A replica tells of what its primary told it, which may be long ago, or nothing: behind a
        name that moves, an ousted primary would be believed for as long as it lives."""
        facts = dict(zip(hello[::2], hello[1::2], strict=False))
        if facts.get(b"role") == b"master":
            return
        self._again = True
        reconnect(self.config, besides=Tracker)
        role = text(facts.get(b"role", b"of no role"))
        raise ConnectionInterrupted(self.name, f"it is {role}, and only a primary knows all writes")

    def reconnect(self) -> None:
        """Somebody has learnt that another server may be behind the name."""
        sock = getattr(self._connection, "_sock", None)
        with self._lock:
            if self.session is None:
                return
            self._again = True
            self._end()
        if sock is not None:
            try:
                sock.shutdown(socket.SHUT_RDWR)  # which wakes the thread
            except OSError:
                pass  # it is awake

    def revoke(self, keys: Sequence[Key] | None) -> None:
        """Somebody has learnt that another server answers for all of what this one answered for, or
        a part, and for ``keys`` just now. A value that is on its way from there is not kept."""
        if keys is None:
            with self._lock:
                self._end()
            return
        names = [
            key if isinstance(key, bytes) else key.encode("utf-8", "surrogateescape")
            for key in keys
        ]
        for store in self._joined():
            store.invalidate(names)

    def confirm(self, asked: float, part: Hashable) -> None:
        """Those who decide were asked at ``asked`` (``time.monotonic``), and say that it is the
        primary of ``part``. What was kept of another part ends: not all of it would be told."""
        with self._lock:
            if part != self._part:
                self._end()
            self._confirmed, self._part, self.doubt = asked, part, None
            self._renew()

    def authenticate(self, args: tuple[Argument, ...]) -> None:
        """The credential provider has another token, which goes with the next PING."""
        auth = _packed(args)
        with self._lock:
            self._auth = auth

    def _believe(self, asked: float) -> None:
        """It has answered what it was asked then, as a primary."""
        if self.session is None and self._again:
            # What has broken or lost its role may have been replaced, and who does not write
            # would not notice: what is read from now on must come from where this one listens.
            reconnect(self.config, besides=Tracker)
            self._again = False
        with self._lock:
            self._answered = asked
            if self.session is None:
                self.session = Session(NEVER)
                self.trouble = None
            self._renew()

    def _renew(self) -> None:
        """With the lock held."""
        if self.session is not None:
            self.session.lease = min(self._answered, self._confirmed) + self._lease

    def _told(self, message: Push) -> None:
        if message[:1] != [b"invalidate"]:
            return
        if len(message) != 2 or not (message[1] is None or isinstance(message[1], list)):
            raise ConnectionInterrupted(self.name, "it tells of writes in a way of its own")
        for store in self._joined():
            if message[1] is None:  # FLUSHDB, FLUSHALL
                store.clear()
            else:
                store.invalidate(message[1])

    def forsake(self) -> None:
        """In a forked child: the thread is the parent's, and so is the connection."""
        session, connection = self.session, self._connection
        self.reset()
        if session is not None:
            session.lease = NEVER
        if connection is not None:
            connection.disconnect()  # of another process' connection redis-py closes only the file


_trackers: weakref.WeakValueDictionary[Hashable, Tracker] = weakref.WeakValueDictionary()
_every: weakref.WeakSet[Tracker] = weakref.WeakSet()
_lock = threading.Lock()


def tracker_for(config: ServerConfig, prefix: str, lease: float) -> Tracker:
    """The process' tracker of a server, shared by all caches that are configured alike."""
    identity = (config.identity, prefix, lease)
    tracker = _trackers.get(identity)
    if tracker is None:
        made = Tracker(config, prefix, lease)
        with _lock:
            tracker = _trackers.setdefault(identity, made)
    return tracker


def _after_fork() -> None:
    global _lock
    _lock = threading.Lock()
    for tracker in list(_every):
        tracker.forsake()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
