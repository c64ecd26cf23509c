"""A TCP proxy that stands before a server and makes the network's faults.

    with Server() as server, FaultProxy(*server.address) as proxy:
        cache = RedisCache(proxy.url, {})
        proxy.black_hole()      # every packet is lost
        proxy.heal()

What a server does wrong by itself (hang, die, refuse) is :class:`~.servers.Server`'s; here is what
happens between it and a client: delay, loss, resets, replies that are cut, split, or never come
although the command was carried out.

The proxy runs in a thread and an event loop of its own, so it serves blocking clients, threads and
other loops alike, and works while the test itself blocks. A fault is in force when the method that
orders it returns. It knows bytes, not Redis: a "chunk" is what one read from the server gave, which
is a whole reply as long as that is small, or the replies to a whole pipeline.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import socket
import threading
import weakref
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import Future
from typing import Any, Self, TypeVar

import redis

from .certificates import Certificate
from .clients import client as plain_client
from .links import Faults, Link, Shared
from .processes import HOST, free_port

__all__ = ["FaultProxy"]

_T = TypeVar("_T")
_BACKLOG = 511
_ORDER = 10.0  # seconds that the proxy's thread may take to carry out an order


class FaultProxy:
    """A proxy on a port of its own before ``target``: a host and a port, or a Unix socket's path.

    With ``tls`` it speaks TLS to its clients and plain text to the server, for servers that were
    built without; with ``require_client`` it wants a client certificate of the same authority.

    Faults add up until :meth:`heal`.
    """

    host = HOST

    def __init__(
        self,
        target: str,
        target_port: int | None = None,
        *,
        tls: Certificate | None = None,
        require_client: bool = False,
    ) -> None:
        self.tls = tls
        self.port = 0
        self.accepted = 0
        """Connections since the start."""
        context = None if tls is None else tls.server_context(require_client=require_client)
        self._shared = Shared(target, target_port, context)
        self._listeners: list[socket.socket] = []
        self._owner = os.getpid()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop
        self._ended: asyncio.Event

    @property
    def url(self) -> str:
        """``redis://127.0.0.1:port/0``, ``rediss://`` with ``tls``; the password is not known."""
        return f"redis{'' if self.tls is None else 's'}://{self.host}:{self.port}/0"

    @property
    def address(self) -> tuple[str, int]:
        """Host and port where clients connect."""
        return self.host, self.port

    @property
    def connections(self) -> int:
        """How many are open, black-holed ones included."""
        return len(self._shared.links)

    @property
    def request_bytes(self) -> int:
        """Passed on to the server since the start."""
        return self._shared.request_bytes

    @property
    def reply_bytes(self) -> int:
        """Passed on to clients since the start."""
        return self._shared.reply_bytes

    def client(self, **options: Any) -> redis.Redis:
        """A client through the proxy: one try a command, 5 s; it trusts ``tls``' authority."""
        defaults: dict[str, Any] = {"host": self.host, "port": self.port}
        if self.tls is not None:
            defaults |= {"ssl": True, "ssl_ca_certs": self.tls.ca_file}
        return plain_client(**(defaults | options))

    # Its life

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *error: object) -> None:
        self.close()

    def start(self) -> Self:
        """As entering its block does. Raises RuntimeError where it runs already."""
        if self._thread is not None:
            raise RuntimeError("the proxy is running already")
        started: Future[None] = Future()
        self._thread = threading.Thread(
            target=self._main, args=(started,), name="fault-proxy", daemon=True
        )
        self._thread.start()
        started.result(_ORDER)
        _proxies.add(self)
        return self

    def close(self) -> None:
        """Reset every connection and end the thread. A forked child leaves its parent's alone."""
        if self._thread is None or os.getpid() != self._owner:
            return
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join()
        self._thread = None
        _proxies.discard(self)

    # The faults

    def latency(self, seconds: float) -> None:
        """Every chunk takes this long each way: a round trip grows by twice as much.

        What is sent back to back stays together. The TCP and TLS handshakes are not delayed.
        """
        self._call(self._change, {"latency": seconds})

    def black_hole(self) -> None:
        """Connections are accepted, bytes taken, and nothing is passed on: every packet is lost.

        Good-byes are lost too. :meth:`heal` resets the connections that lost something, as a peer
        would that knows nothing of them.
        """
        self._call(self._change, {"swallow": True})

    def forget(self) -> None:
        """Open connections lose every packet from now on, as where a firewall or a load balancer
        forgets those that were idle. New ones are served. :meth:`heal` resets those that lost
        something."""
        self._call(self._forget)

    def refuse(self) -> None:
        """New connections are refused. Open ones go on; :meth:`reset_all` ends those."""
        self._call(self._hush)

    def stall_connects(self) -> None:
        """New connections hang while connecting, as to a host that is gone. Open ones go on.

        Made by a full queue of connections, which only Linux answers with silence. After
        :meth:`heal` the kernel of a client that still waits tries again, within a second or so.
        """
        self._call(self._stall)

    def reset_all(self) -> int:
        """End every open connection with RST, now; the number of them. New ones are served."""
        return self._call(self._reset_all)

    def cut_after(self, reply_bytes: int) -> None:
        """Close each connection when this many bytes of replies have passed.

        An open connection counts from now, a new one from its start. The client gets exactly that
        many bytes, then the end of the stream; with 0 the next reply is lost whole.
        """
        if reply_bytes < 0:
            raise ValueError("a number of bytes")
        self._call(self._cut, reply_bytes)

    def slice(self, size: int, *, pause: float = 0.0002) -> None:
        """Replies come in pieces of ``size`` bytes, ``pause`` seconds apart: a read ends anywhere.

        The pieces may still be read together by a client that is late.
        """
        if size < 1:
            raise ValueError("a piece has one byte at least")
        self._call(self._change, {"slice": size, "pause": pause})

    def throttle(self, rate: float) -> None:
        """Requests pass at ``rate`` bytes a second on each connection, open ones too, as through a
        slow line: who sends much is held up. Replies are not slowed."""
        if rate <= 0:
            raise ValueError("a number of bytes a second, above 0")
        self._call(self._throttle, rate)

    def drop_replies(self, count: int) -> None:
        """The next ``count`` chunks of replies vanish, and each one's connection is closed.

        The server has carried out the command, and the client cannot know. A new connection's
        handshake is answered in chunks too: let a client connect before.
        """
        self._call(self._drop, count)

    def surplus(self, data: bytes, *, every: int = 1) -> None:
        """Behind each ``every``th chunk of replies, of all connections, comes ``data`` too: a
        server that sends a reply that nobody asked for.

        It arrives together with the reply, before the next command can leave. Who has several
        commands under way on one connection cannot tell it from the next one's reply.
        """
        if every < 1 or not data:
            raise ValueError("some bytes, and a number of chunks, above 0")
        self._call(self._change, {"surplus": data, "every": every})

    def heal(self) -> None:
        """Serve as if nothing had been. What latency holds back is passed on at once."""
        self._call(self._heal)

    # In the proxy's thread

    def _call(self, order: Callable[..., Coroutine[Any, Any, _T]], *arguments: Any) -> _T:
        if self._thread is None:
            raise RuntimeError("the proxy is not running")
        return asyncio.run_coroutine_threadsafe(order(*arguments), self._loop).result(_ORDER)

    def _main(self, started: Future[None]) -> None:
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            runner.run(self._serve(started))

    async def _serve(self, started: Future[None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._ended = asyncio.Event()
        try:
            self._listen()
        except Exception as error:
            started.set_exception(error)
            return
        started.set_result(None)
        await self._ended.wait()
        await self._hush()
        await self._reset_all()

    async def _change(self, changes: dict[str, Any]) -> None:
        self._shared.change(dataclasses.replace(self._shared.faults, **changes))

    async def _throttle(self, rate: float) -> None:
        self._shared.change(dataclasses.replace(self._shared.faults, rate=rate))
        for link in self._shared.links:
            link.narrow()

    async def _cut(self, reply_bytes: int) -> None:
        await self._change({"cut_after": reply_bytes})
        for link in self._shared.links:
            link.left = reply_bytes

    async def _drop(self, count: int) -> None:
        self._shared.drops = count

    async def _forget(self) -> None:
        for link in self._shared.links:
            link.forgotten = True

    async def _heal(self) -> None:
        self._shared.drops = 0
        self._shared.change(Faults())
        for link in self._shared.links:
            link.left, link.forgotten = None, False
        await self._reset([link for link in self._shared.links if link.lost])
        await self._hush()
        self._listen()

    async def _reset_all(self) -> int:
        return await self._reset(list(self._shared.links))

    async def _reset(self, links: Iterable[Link]) -> int:
        links = list(links)
        for link in links:
            link.reset()
        await asyncio.gather(*(link.task for link in links), return_exceptions=True)
        return len(links)

    def _listen(self) -> None:
        listener = self._bind(_BACKLOG)
        self._loop.add_reader(listener, self._accept, listener)

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):  # nobody left in the queue, or gone again
            while True:
                sock, _ = listener.accept()
                sock.setblocking(False)
                self.accepted += 1
                Link(self._shared, sock)

    async def _hush(self) -> None:
        for listener in self._listeners:
            self._loop.remove_reader(listener)
            listener.close()
        self._listeners.clear()

    async def _stall(self) -> None:
        await self._hush()
        self._bind(0)
        for _ in range(8):  # Linux lets one or two into a queue of none
            filler = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            filler.setblocking(False)
            self._listeners.append(filler)
            try:
                async with asyncio.timeout(0.05):
                    await self._loop.sock_connect(filler, self.address)
            except (OSError, TimeoutError):
                return

    def _bind(self, backlog: int) -> socket.socket:
        while True:
            port = self.port or free_port()
            listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            listener.setblocking(False)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind((self.host, port))
                listener.listen(backlog)
            except OSError:
                listener.close()
                if self.port:
                    raise
            else:
                self.port = port
                self._listeners.append(listener)
                return listener


_proxies: weakref.WeakSet[FaultProxy] = weakref.WeakSet()


def _forked() -> None:
    """Give up a forked child's copies of the sockets: they would hold open what the parent closes.

    They are replaced and not closed: Python's socket objects still carry the numbers, and would one
    day close somebody else's file under one of them.
    """
    nowhere = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    for proxy in _proxies:
        files = [listener.fileno() for listener in proxy._listeners]
        for link in proxy._shared.links:
            files += link.files()
        for number in files:
            if number >= 0:
                os.dup2(nowhere, number, inheritable=False)
    os.close(nowhere)


os.register_at_fork(after_in_child=_forked)
