"""The faults of soak.py, each for a moment."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django_redis_core.testing.proxy import FaultProxy
from django_redis_core.testing.servers import Server

#: A reply too many, and what a server may send unasked: a push of RESP3.
SURPLUS = b"$8\r\nsurplus#\r\n"
PUSH = b">2\r\n$7\r\nmessage\r\n$2\r\nhi\r\n"


@dataclass
class Place:
    """What can be broken: a primary and its replica, and the network before each of them."""

    server: Server
    replica: Server
    network: FaultProxy
    before_replica: FaultProxy
    #: Another way to the primary, on which it says more than it was asked for.
    line: FaultProxy
    admin: Any
    busy: Any
    #: Seconds of a fault; of one that is to be longer than a timeout, twice as many.
    lasts: float

    @property
    def proxies(self) -> list[FaultProxy]:
        return [self.network, self.before_replica, self.line]


Fault = Callable[[Place], None]


def on_server(*commands: tuple[Any, ...]) -> Fault:
    """Commands that break it, the last of which mends it."""

    def fault(place: Place) -> None:
        for command in commands[:-1]:
            place.admin.execute_command(*command)
        time.sleep(place.lasts)
        place.admin.execute_command(*commands[-1])

    return fault


def on_network(name: str, *args: Any) -> Fault:
    def fault(place: Place) -> None:
        for proxy in place.proxies:
            getattr(proxy, name)(*args)
        time.sleep(place.lasts)
        for proxy in place.proxies:
            proxy.heal()

    return fault


def on_line(data: bytes) -> Fault:
    def fault(place: Place) -> None:
        place.line.surplus(data, every=20)
        time.sleep(place.lasts)
        place.line.heal()

    return fault


def silent_replica(place: Place) -> None:
    place.before_replica.black_hole()
    time.sleep(place.lasts * 2)
    place.before_replica.heal()


def lost_replica(place: Place) -> None:
    place.replica.kill()
    time.sleep(place.lasts)
    place.replica.restart()


def busy_loop(place: Place) -> None:
    place.busy.set()
    time.sleep(place.lasts * 2)
    place.busy.clear()


def restart(place: Place) -> None:
    place.server.kill()
    time.sleep(place.lasts)
    place.server.restart(keep_data=False)


def hang(place: Place) -> None:
    place.server.pause()
    time.sleep(place.lasts * 2)
    place.server.resume()


KILL = ("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
FAULTS: dict[str, Fault] = {
    "connections reset": on_network("reset_all"),
    "packets dropped": on_network("black_hole"),
    "connections refused": on_network("refuse"),
    "connecting stalls": on_network("stall_connects"),
    "replies lost": on_network("drop_replies", 30),
    "cut after n bytes": on_network("cut_after", 777),
    "replies in slices": on_network("slice", 50),
    "connections forgotten": on_network("forget"),
    "a slow line": on_network("throttle", 400_000),
    "a reply too many": on_line(SURPLUS),
    "pushes": on_line(PUSH),
    "a silent replica": silent_replica,
    "a replica killed": lost_replica,
    "a busy event loop": busy_loop,
    "20 ms latency": on_network("latency", 0.02),
    "server killed": restart,
    "server stopped": hang,
    "CLIENT KILL": on_server(KILL, KILL),
    "CLIENT PAUSE": on_server(("CLIENT", "PAUSE", "1300"), ("PING",)),
    "maxclients": on_server(
        ("CONFIG", "SET", "maxclients", "1"), KILL, ("CONFIG", "SET", "maxclients", "1000")
    ),
    "OOM": on_server(("CONFIG", "SET", "maxmemory", "1"), ("CONFIG", "SET", "maxmemory", "0")),
    "READONLY": on_server(("REPLICAOF", "127.0.0.1", "1"), ("REPLICAOF", "NO", "ONE")),
    "FLUSHALL": on_server(("FLUSHALL",), ("SCRIPT", "FLUSH")),
}
LOSES_DATA = {"server killed", "FLUSHALL"}
