"""What a connection factory promises of the way to its servers: when it goes there, for how long
it waits, what it holds open, and what it says when nobody answers."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import socket
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest

from ...cache import RedisCache
from ...commands import Command, Kind
from ...connections import Node
from ...exceptions import ConnectionInterrupted, ServerTimeout
from ..apart import in_a_child
from ..busy import patiently, quickest
from ..caller import finished, new_loop
from ..fixtures import MakeCache
from ..operations import Operations
from .at_import import WORK

#: Seconds: SOCKET_TIMEOUT of a cache under test, SOCKET_CONNECT_TIMEOUT, and how long its servers
#: say nothing. What is given up after another time is not that of the settings: the default is 1.
_TIMEOUT, _CONNECT, _SILENCE, _LATE = 0.15, 0.35, 3.0, 0.8

#: Waits on the server, on this connection only, for more replicas than there are
#: (https://redis.io/commands/wait/).
_WAIT = Kind("WAIT", write=True, repeatable=False)

#: What the system may answer instead of connecting.
_FAULTS: dict[str, Callable[[], OSError]] = {
    "refused": lambda: ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"),
    "unreachable": lambda: OSError(errno.EHOSTUNREACH, "No route to host"),
    "timed out": lambda: TimeoutError(errno.ETIMEDOUT, "Connection timed out"),
    "no address": lambda: socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
}

_CALLS: dict[str, tuple[Any, ...]] = {
    "get": ("k",),
    "set": ("k", 1),
    "get_many": (["k", "other"],),
    "set_many": ({"k": 1, "other": 2},),
    "incr": ("k",),
    "delete_pattern": ("k*",),
    "keys": ("*",),
    "iter_keys": ("*",),
    "clear": (),
}


class ReachingServers(Operations):
    """The part of ``ConnectionFactoryContract`` about connections."""

    @pytest.fixture
    def found(
        self, make_cache: MakeCache, location: Any, options: Mapping[str, Any]
    ) -> Callable[..., RedisCache]:
        """``found(**more)``: another cache on the servers, with ``more`` in OPTIONS."""

        def found(**more: Any) -> RedisCache:
            return make_cache({self.part: self.name, **options, **more}, LOCATION=location)

        return found

    @in_a_child
    def test_making_a_cache_does_no_io(self, location: Any, options: Mapping[str, Any]) -> None:
        """``topology`` is called where a process starts, perhaps before it forks, and perhaps
        while its servers are down."""
        seen: dict[str, None] = {}

        def see(event: str, args: Any) -> None:
            if event not in WORK and event not in ("open", "os.listdir", "os.scandir"):
                return
            frame, last = sys._getframe(1), None
            while frame is not None:
                if "importlib" in frame.f_code.co_filename:
                    return
                last = last or frame
                if frame.f_code.co_name == "topology":
                    what = WORK.get(event, f"opens {args[0]!r}")
                    seen[f"{what} ({last.f_code.co_filename}, line {last.f_lineno})"] = None
                    return
                frame = frame.f_back  # type: ignore[assignment]

        sys.addaudithook(see)
        entry = {"OPTIONS": {self.part: self.name, **options}, "KEY_PREFIX": "no-io"}
        RedisCache(location, entry)
        assert not seen, f"topology() {' and '.join(seen)}: leave that to `discover`"

    def test_timeouts_are_those_of_the_cache(
        self, found: Callable[..., RedisCache], cache_loop: asyncio.AbstractEventLoop
    ) -> None:
        """In blocking code and on asyncio, for a server that says nothing."""
        cache = found(SOCKET_TIMEOUT=_TIMEOUT, SOCKET_CONNECT_TIMEOUT=_CONNECT)
        patiently(lambda: cache.set("k", 1))
        patiently(lambda: cache_loop.run_until_complete(cache.aget("k")))
        topology = cache._engine.topology
        primaries = topology.primaries()
        for node in topology.nodes():
            stated = node.config.timeout, node.config.kwargs.get("socket_connect_timeout")
            fits = stated == (_TIMEOUT, _CONNECT)
            if node not in primaries:
                # A replica may have a part of the time, so that another server answers in the rest.
                fits = all(
                    0 < (own or 0) <= most
                    for own, most in zip(stated, (_TIMEOUT, _CONNECT), strict=True)
                )
            assert fits, (
                f"{node.name} has the timeouts {stated} for an answer and a connection, and not "
                f"those of the cache, {(_TIMEOUT, _CONNECT)}"
            )
        wait = Command(_WAIT, (b"WAIT", 99, int(_SILENCE * 1000)), None)
        nodes = primaries

        def let_try() -> None:
            for node in nodes:
                node.breaker.succeeded()  # which has seen a timeout, and would let nobody try

        def blocking(node: Node) -> float:
            let_try()
            return _waited(lambda: node.call(wait))

        def awaited(node: Node) -> float:
            let_try()
            return _waited(lambda: cache_loop.run_until_complete(node.acall(wait)))

        for way, waited in (("a blocking call", blocking), ("asyncio", awaited)):
            for node in nodes:
                took = quickest(partial(waited, node), below=_LATE, tries=4)
                assert took < _LATE, (
                    f"SOCKET_TIMEOUT ({_TIMEOUT} s) is lost for {way} on {node.name}: one that was "
                    f"not answered was not given up for {took:.1f} s"
                )
        let_try()
        assert patiently(lambda: cache.get("k")) == 1

    def test_connections_are_used_again(
        self, found: Callable[..., RedisCache], cache_loop: asyncio.AbstractEventLoop
    ) -> None:
        """By all calls, and by all caches that are configured alike."""

        def use(cache: RedisCache) -> None:
            for number in range(20):
                cache.set(f"k{number}", number)
                cache.get(f"k{number}")
                cache_loop.run_until_complete(cache.aget(f"k{number}"))
            list(cache.iter_keys("*"))
            cache.get_many([f"k{number}" for number in range(20)])

        cache = found()
        use(cache)
        use(cache)
        with _connecting() as connected:
            before = _sockets()
            use(cache)
            assert not connected, (
                f"{len(connected)} new connections for 60 calls, one after another: to "
                f"{', '.join(map(str, connected.values()))}"
            )
            for _ in range(4):
                use(found())
            gc.collect()
            after = _sockets()
        # What other threads open meanwhile is not of these calls.
        grown = min(len(after) - len(before), len(after & connected.keys()))
        assert grown <= 0, (
            f"{grown} connections are left open by 4 caches that are configured alike"
        )

    @in_a_child
    def test_servers_that_cannot_be_reached(self, found: Callable[..., RedisCache]) -> None:
        """Are told as ConnectionInterrupted, of which IGNORE_EXCEPTIONS takes care, by a cache that
        has found them before and by one that has not; and both go on when they are back."""
        before, fresh = found(), found()
        before.set("k", 1)
        before._engine.close_idle()
        strangers = []
        with new_loop() as loop, pytest.MonkeyPatch.context() as patch:
            for fault, error in _FAULTS.items():
                patch.setattr(socket.socket, "connect", _failing(error))
                for which, cache in (("that has found them", before), ("that is new", fresh)):
                    for name, args in _CALLS.items():
                        for way, work in _ways(cache, loop, name, args):
                            said = _stranger(work)
                            if said:
                                strangers.append(f"{way} of a cache {which} ({fault}): {said}")
        assert not strangers, (
            f"{len(strangers)} calls do not raise ConnectionInterrupted when no server can be "
            f"reached: {'; '.join(strangers[:5])}"
        )
        for cache in (before, fresh):
            patiently(partial(cache.set, "k", 2))
            assert cache.get("k") == 2


def _failing(error: Callable[[], OSError]) -> Callable[..., None]:
    def connect(sock: socket.socket, address: Any) -> None:
        raise error()

    return connect


def _ways(
    cache: RedisCache, loop: asyncio.AbstractEventLoop, name: str, args: Any
) -> list[tuple[str, Callable[[], Any]]]:
    def asynchronous() -> Any:
        return loop.run_until_complete(finished(getattr(cache, f"a{name}"), args, {}))

    def piped() -> Any:
        queue = cache.pipeline()
        getattr(queue, name)(*args)
        return queue.execute()

    return [
        (name, lambda: _all(getattr(cache, name)(*args))),
        (f"a{name}", asynchronous),
        (f"pipeline().{name}", piped),
    ]


def _stranger(work: Callable[[], Any]) -> str:
    """What ``work`` raises that is not documented; empty where it is."""
    try:
        work()
    except ConnectionInterrupted:
        return ""
    except Exception as error:
        return repr(error)
    return "no error"


def _waited(work: Callable[[], Any]) -> float:
    """The seconds until a timeout; those of the server's silence, where there was none."""
    began = time.monotonic()
    try:
        work()
    except ServerTimeout:
        return time.monotonic() - began
    return _SILENCE


def _all(result: Any) -> Any:
    return list(result) if isinstance(result, Iterator) else result


@contextmanager
def _connecting() -> Iterator[dict[int, Any]]:
    """What this thread connects meanwhile: the addresses by the inodes of the sockets."""
    seen: dict[int, Any] = {}
    connect, here = socket.socket.connect, threading.get_ident()
    with pytest.MonkeyPatch.context() as patch:

        def noted(sock: socket.socket, address: Any) -> None:
            if threading.get_ident() == here:
                seen[os.fstat(sock.fileno()).st_ino] = address
            connect(sock, address)

        patch.setattr(socket.socket, "connect", noted)
        yield seen


def _sockets() -> set[int]:
    """The inodes of the sockets that this process has open."""
    found = set()
    for name in os.listdir("/dev/fd"):
        try:
            status = os.fstat(int(name))
        except OSError:
            continue  # that of the listing itself
        if stat.S_ISSOCK(status.st_mode):
            found.add(status.st_ino)
    return found
