"""Listening to sentinels: one thread for each, in each process, from the first use on.

A thread tells the topologies that what they know may be out of date, and they ask the sentinels
before their next command. All sentinels are listened to because each hears of a switch at its own
time, and the one that leads it first. That one also says whom it has told to become the primary, up
to a second before it sees that done; what the old primary accepts in between is lost.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from django_redis_core.commands import text
from django_redis_core.connections import listening

if TYPE_CHECKING:
    from django_redis_core.connections import Node

    from .answers import Address

#: Seconds of silence after which a sentinel is asked whether it is there.
PING_EVERY = 0.4
#: Seconds between two tries to reach a sentinel.
RETRY_EVERY = 0.5

PROMOTION = "+failover-state-wait-promotion"

EVENTS = (
    "+switch-master",
    PROMOTION,
    "+promoted-slave",
    # Replicas that die, come back, are new, or are told to follow another primary.
    "+sdown",
    "-sdown",
    "+slave",
    "+slave-reconf-done",
    "+convert-to-slave",
    "+reboot",
)


class Listener(Protocol):
    """Who is told; ``service`` is the name that the sentinels know."""

    service: str

    def doubt(self) -> None:
        """What is known may be out of date. Called from another thread."""

    def promoted(self, address: Address) -> None:
        """This replica was told to become the primary. Called from another thread."""


class Watch:
    """The threads of one group of sentinels. They end when nobody has the watch any more.

    ``beat`` is when a thread last ran (``time.monotonic()``): where it is long ago (the process was
    stopped, or has no threads), nobody would have heard of a switch.
    """

    def __init__(self, sentinels: Sequence[Node]) -> None:
        self.sentinels = tuple(sentinels)
        self.listeners: weakref.WeakSet[Listener] = weakref.WeakSet()
        self.reset()

    def reset(self) -> None:
        """Without threads: at first, and in a forked child, where its parent's do not run."""
        self.lock = threading.Lock()
        self.beat = 0.0
        self.connections: dict[Node, Any] = {}
        self._stop: threading.Event | None = None

    def join(self, listener: Listener) -> None:
        """Tells ``listener`` from now on. Starts the threads that do not run."""
        if self._stop is not None and listener in self.listeners:
            return
        with self.lock:
            self.listeners.add(listener)
            if self._stop is not None:
                return
            self._stop = stop = threading.Event()
            weakref.finalize(self, stop.set).atexit = False
            for sentinel in self.sentinels:
                listening(
                    _listen, f"listening to {sentinel.name}", (weakref.ref(self), sentinel, stop)
                )

    def tell(self, channel: str = "", event: str = "") -> None:
        """Tells those whom an event concerns that they must ask; without an event, all."""
        with self.lock:
            listeners = list(self.listeners)
        # "<service> <ip> <port> …" of a switch, "master <service> …" of a primary, and of a replica
        # "slave <name> <ip> <port> @ <service> …".
        about, _, of_service = event.partition(" @ ")
        words = (of_service or about.removeprefix("master ")).split()
        for listener in listeners:
            if not words or listener.service == words[0]:
                listener.doubt()
                if channel == PROMOTION and len(replica := about.split()) == 4:
                    listener.promoted((replica[2], int(replica[3])))


def _listen(watch: weakref.ref[Watch], sentinel: Node, stop: threading.Event) -> None:
    # RESP2, in which messages are read as replies are, whatever SENTINEL_KWARGS say.
    kwargs = {**sentinel.config.kwargs, "protocol": 2}
    config = replace(sentinel.config, kwargs=kwargs)
    while not stop.is_set():
        connection = config.connection()
        try:
            _beat(watch, sentinel, connection)
            connection.connect()
            connection.send_command("SUBSCRIBE", *EVENTS)
            for _ in EVENTS:
                connection.read_response()
            sentinel.breaker.succeeded()
            # What happened while nobody listened is not known.
            _tell(watch)
            _hear(watch, sentinel, connection, stop)
        except Exception:
            # Whatever it was: a thread that ended would be deaf for as long as the process lives.
            pass
        finally:
            connection.disconnect()
        _beat(watch, sentinel, None)
        stop.wait(RETRY_EVERY)


def _hear(
    watch: weakref.ref[Watch], sentinel: Node, connection: Any, stop: threading.Event
) -> None:
    """Reads events until the sentinel is silent or nobody cares."""
    asked = False
    while not stop.is_set():
        _beat(watch, sentinel, connection)
        if connection.can_read(timeout=PING_EVERY):
            reply = connection.read_response()
            asked = False
            if text(reply[0]) == "message":
                _tell(watch, text(reply[1]), text(reply[2]))
        elif asked:
            return
        else:
            connection.send_command("PING")
            asked = True


def _beat(ref: weakref.ref[Watch], sentinel: Node, connection: Any) -> None:
    watch = ref()
    if watch is not None:
        watch.beat = time.monotonic()
        watch.connections[sentinel] = connection


def _tell(ref: weakref.ref[Watch], channel: str = "", event: str = "") -> None:
    watch = ref()
    if watch is not None:
        watch.tell(channel, event)


_watches: weakref.WeakValueDictionary[Hashable, Watch] = weakref.WeakValueDictionary()
_lock = threading.Lock()


def watch_for(sentinels: Sequence[Node]) -> Watch:
    """The process' watch over these sentinels."""
    identity = tuple(sentinel.config.identity for sentinel in sentinels)
    with _lock:
        watch = _watches.get(identity)
        if watch is None:
            watch = _watches[identity] = Watch(sentinels)
        return watch


def _after_fork() -> None:
    global _lock
    _lock = threading.Lock()
    for watch in list(_watches.values()):
        inherited = [connection for connection in watch.connections.values() if connection]
        watch.reset()
        for connection in inherited:
            connection.disconnect()  # this copy only: redis-py sees that it is not its process
        watch.tell()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
