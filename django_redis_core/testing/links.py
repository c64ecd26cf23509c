"""One connection through the proxy, and what the faults do to it.

It all happens in the proxy's event loop. The faults are looked at each time that bytes are about to
be passed on, so a fault holds for what is under way already.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

_Queue = asyncio.Queue[tuple[float, bytes | OSError]]

_READ = 65_536  # bytes
_QUEUED = 256  # chunks that latency holds back, a direction; then the sender has to wait
_FLUSH = 1.0  # seconds that a client has to take the last bytes before a connection's end
_NARROW = 262_144  # bytes that the kernel takes ahead for a connection that is throttled
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, for 0 s: closing sends RST


@dataclass(frozen=True)
class Faults:
    """What is wrong with the network; see the methods of :class:`.proxy.FaultProxy`."""

    latency: float = 0.0
    swallow: bool = False
    cut_after: int | None = None
    slice: int | None = None
    pause: float = 0.0
    rate: float = 0.0  # bytes of requests a second; 0: as fast as can be
    surplus: bytes = b""  # comes behind each `every`th chunk of replies
    every: int = 1


@dataclass
class Shared:
    """What the links of one proxy have in common."""

    target: str
    target_port: int | None
    context: ssl.SSLContext | None
    faults: Faults = field(default_factory=Faults)
    drops: int = 0  # chunks of replies that are still to vanish
    chunks: int = 0  # of replies, since there is a surplus
    request_bytes: int = 0
    reply_bytes: int = 0
    links: set[Link] = field(default_factory=set)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def change(self, faults: Faults) -> None:
        self.faults = faults
        self.changed.set()  # wakes who waits for a chunk to become due, to reckon anew
        self.changed = asyncio.Event()

    async def dial(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self.target_port is None:
            return await asyncio.open_unix_connection(self.target)
        return await asyncio.open_connection(self.target, self.target_port)


class Link:
    """One client's connection and the one to the server that belongs to it."""

    def __init__(self, shared: Shared, sock: socket.socket) -> None:
        self._shared = shared
        self._sock = sock
        self._wire: asyncio.Transport | None = None  # to the client, below TLS
        self._client: asyncio.StreamWriter | None = None
        self._server: asyncio.StreamWriter | None = None
        self.left = shared.faults.cut_after
        self.forgotten = False  # it alone loses every packet
        self.lost = False  # bytes were swallowed: what follows would make no sense to either side
        if shared.faults.rate:
            self.narrow()
        shared.links.add(self)
        self.task = asyncio.get_running_loop().create_task(self._run())
        self.task.add_done_callback(lambda _: shared.links.discard(self))

    def files(self) -> list[int]:
        """The numbers of its sockets, -1 for one that is closed."""
        server = None if self._server is None else self._server.get_extra_info("socket")
        return [self._sock.fileno(), -1 if server is None else server.fileno()]

    @property
    def swallows(self) -> bool:
        """Whether what comes is lost now."""
        return self.forgotten or self._shared.faults.swallow

    def narrow(self) -> None:
        """Has the kernel take little ahead, so that who sends is held up."""
        with contextlib.suppress(OSError):  # it is just being closed
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _NARROW)

    def reset(self) -> None:
        """End it with RST; ``task`` is done when that has happened."""
        # Not at once: a task that is cancelled before its first step never runs its `finally`.
        asyncio.get_running_loop().call_soon(self.task.cancel)

    async def _run(self) -> None:
        try:
            if self._shared.faults.swallow:
                await self._swallow()
            else:
                await self._relay()
        except (OSError, asyncio.CancelledError):
            # The server refused, the TLS handshake failed, or reset() was called.
            with contextlib.suppress(OSError):
                self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            if self._wire is not None:
                self._wire.abort()
        finally:
            await self._close()

    async def _swallow(self) -> None:
        """Of a client that connects while all is lost, not even the TLS handshake is answered."""
        self.lost = True
        loop = asyncio.get_running_loop()
        while await loop.sock_recv(self._sock, _READ):
            pass
        await loop.create_future()  # nor is its good-bye; reset() ends this

    async def _relay(self) -> None:
        loop = asyncio.get_running_loop()
        answers, self._server = await self._shared.dial()
        asked, self._client = await self._adopt()
        requests, replies = _Queue(_QUEUED), _Queue(_QUEUED)
        helpers = [
            loop.create_task(_collect(asked, requests, self._pace)),
            loop.create_task(_collect(answers, replies)),
            loop.create_task(self._pass_requests(requests, self._server)),
        ]
        try:
            await self._pass_replies(replies, self._client)
        finally:
            for helper in helpers:
                helper.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)

    async def _pace(self, size: int) -> None:
        rate = self._shared.faults.rate
        if rate:
            await asyncio.sleep(size / rate)

    async def _adopt(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Make a stream of the accepted socket, through TLS if the proxy has a certificate."""
        loop, context = asyncio.get_running_loop(), self._shared.context
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        wire, _ = await loop.connect_accepted_socket(_Silent, self._sock)
        self._wire = transport = wire
        if context is None:
            wire.set_protocol(protocol)
        else:
            secure = await loop.start_tls(wire, protocol, context, server_side=True)
            if secure is None:
                raise ConnectionAbortedError
            transport = secure
        protocol.connection_made(transport)
        if context is None:
            wire.resume_reading()
        return reader, asyncio.StreamWriter(transport, protocol, reader, loop)

    async def _pass_requests(self, queue: _Queue, server: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):  # a client's reset is an end like any other
            while chunk := await self._due(queue):
                if self.swallows:
                    self.lost = True
                    continue
                # Before the write: who has the bytes may ask for the count at once, in its thread.
                self._shared.request_bytes += len(chunk)
                server.write(chunk)
                await server.drain()
        if self.swallows:
            self.lost = True
        if not self.lost:
            with contextlib.suppress(OSError):
                server.write_eof()

    async def _pass_replies(self, queue: _Queue, client: asyncio.StreamWriter) -> None:
        shared = self._shared
        while chunk := await self._due(queue):
            if shared.drops and not self.swallows:
                shared.drops -= 1
                return
            if shared.faults.surplus:
                shared.chunks += 1
                if shared.chunks % shared.faults.every == 0:
                    chunk += shared.faults.surplus
            while chunk:
                faults = shared.faults
                if self.swallows:
                    self.lost = True
                    break
                piece = chunk[: faults.slice]
                if self.left is not None:
                    piece = piece[: self.left]
                    self.left -= len(piece)
                shared.reply_bytes += len(piece)
                client.write(piece)
                await client.drain()
                if self.left == 0:
                    return
                chunk = chunk[len(piece) :]
                if chunk and faults.pause:
                    await asyncio.sleep(faults.pause)
        if self.swallows:
            self.lost = True
        if self.lost:  # the server's good-bye is a packet like any other; reset() ends this
            await asyncio.get_running_loop().create_future()

    async def _due(self, queue: _Queue) -> bytes:
        """The next chunk once it has been under way for as long as the latency; b"" at the end."""
        loop = asyncio.get_running_loop()
        arrived, chunk = await queue.get()
        while (left := arrived + self._shared.faults.latency - loop.time()) > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._shared.changed.wait()
        if isinstance(chunk, OSError):
            raise chunk
        return chunk

    async def _close(self) -> None:
        if self._server is not None:
            self._server.transport.abort()
        if self._client is not None:
            self._client.close()  # after what has been written to it
            with contextlib.suppress(OSError, TimeoutError, asyncio.CancelledError):
                async with asyncio.timeout(_FLUSH):
                    await self._client.wait_closed()
        if self._wire is not None:
            self._wire.abort()
        else:
            self._sock.close()
        await asyncio.sleep(0)  # the turn in which asyncio closes what was aborted


class _Silent(asyncio.Protocol):
    """Holds a new connection until it is settled who reads from it, TLS or the link."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.ReadTransport)
        transport.pause_reading()


async def _collect(
    reader: asyncio.StreamReader,
    queue: _Queue,
    pace: Callable[[int], Awaitable[None]] | None = None,
) -> None:
    """Note when each chunk came: latency delays every chunk, and does not thin the stream."""
    loop = asyncio.get_running_loop()
    while True:
        chunk: bytes | OSError
        try:
            chunk = await reader.read(_READ)
            if pace is not None:
                await pace(len(chunk))
        except OSError as error:
            chunk = error
        await queue.put((loop.time(), chunk))
        if not chunk or isinstance(chunk, OSError):
            return
