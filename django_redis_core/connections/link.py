"""A blocking connection that knows whether it owes a reply.

redis-py makes the connection: sockets, TLS, authentication, credential providers, the handshake.
After that the link sends packed commands and reads replies on the socket itself, because
redis-py's layers above the socket cost four times what the socket does.

A link that owes a reply must never serve another caller: it would give that caller this one's
value. So a link goes back to its pool only on the way of success, and every other way (an error, a
signal, a greenlet's timeout, a frame that is simply dropped) closes it.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Any, Protocol

from redis.exceptions import RedisError, ResponseError

from .._interrupts import struck
from ..commands import Argument
from ..exceptions import ConnectionInterrupted, ServerTimeout, error_from_reply
from .packing import pack, pack_all
from .patience import Patience
from .resp import INCOMPLETE, OUT_OF_STEP, UNREADABLE, ProtocolViolation, holding, make_reader
from .sockets import arrivals, limit_in_kernel

_CHUNK = 64 * 1024
#: Bytes that surely find room in the buffer of a connection that owes nothing.
_SHORT = 8 * 1024
#: Bytes of a request from which on that it was not sent in time tells nothing of the server.
_LONG = 2**20
LOST = "the server closed the connection"


class Place:
    """The right to one of the ``limit`` connections. Its holder leaves it, or drops it and dies."""

    __slots__ = ("__weakref__", "left")

    def __init__(self) -> None:
        self.left = False


class Home(Protocol):
    """The pool that a link came from."""

    def forget(self, link: Link) -> None:
        """The link was closed."""


class Link:
    """A connection over a socket of its own.

    ``issue`` is of which token it has authenticated with, where a credential provider streams some.
    """

    __slots__ = (
        "__weakref__",
        "_buffer",
        "_in_kernel",
        "_pool",
        "_reader",
        "_sock",
        "_timeout",
        "arrived",
        "connection",
        "issue",
        "owes",
        "place",
        "reused",
        "used",
    )
    issue: int

    def __init__(
        self,
        connection: Any,
        sock: socket.socket,
        pool: Home,
        place: Place | None = None,
    ) -> None:
        self.connection = connection
        #: Among the connections that its pool may have.
        self.place = place
        self.owes = 0
        self.reused = False
        #: When it was given back, where its pool looks at that.
        self.used = 0.0
        self._pool: Home | None = pool
        self._sock = sock
        self._reader = make_reader(connection.protocol)
        self._buffer = bytearray(_CHUNK)
        self._timeout = sock.gettimeout()
        self._in_kernel = limit_in_kernel(sock)
        #: ``arrived(0)``: whether something came that nobody asked for, or the server has closed
        #: the connection. A system call, so it is spared elsewhere (``sockets``).
        self.arrived = arrivals(sock)

    def call(self, args: tuple[Argument, ...]) -> Any:
        """Sends one command and returns its reply; an error reply is returned, not raised."""
        data = pack(args)
        self.owes += 1
        if len(data) > _SHORT:
            self._send_long(data)
        else:
            self._sock.sendall(data)
        # The first read nearly always brings the whole reply, so it is written out here.
        length = self._sock.recv_into(self._buffer)
        if not length:
            raise ConnectionInterrupted(None, LOST)
        reader = self._reader
        try:
            reader.feed(self._buffer, 0, length)
            reply = reader.gets()
            if reply is INCOMPLETE:
                reply = self._rest(self._patience(length))
            self.owes -= 1
            if reader.has_data():
                raise ConnectionInterrupted(None, OUT_OF_STEP)
        except UNREADABLE as error:
            if struck(error):
                raise
            raise ProtocolViolation(f"a reply cannot be read: {error!r}") from error
        return reply

    def send(self, commands: Sequence[tuple[Argument, ...]]) -> None:
        """Sends commands whose replies ``receive`` will read."""
        data = pack_all(commands)
        self.owes += len(commands)
        self._send_long(data)

    def call_many(self, commands: Sequence[tuple[Argument, ...]]) -> list[Any]:
        """``call`` for several commands: sends them together and returns their replies, error
        replies among them as exceptions."""
        # As in ``call``.
        data = pack_all(commands)
        self.owes += len(commands)
        if len(data) > _SHORT:
            self._send_long(data)
        else:
            self._sock.sendall(data)
        length = self._sock.recv_into(self._buffer)
        if not length:
            raise ConnectionInterrupted(None, LOST)
        return self._replies(length)

    def receive(self) -> list[Any]:
        """The replies of all that was sent; error replies are among them as exceptions."""
        return self._replies(0)

    def _replies(self, length: int) -> list[Any]:
        """The replies that are owed, of which so many bytes are in the buffer."""
        replies: list[Any] = []
        owed, gets = self.owes, self._reader.gets
        patience = None
        try:
            if length:
                self._reader.feed(self._buffer, 0, length)
            while True:
                replies.extend(iter(gets, INCOMPLETE))
                self.owes = owed - len(replies)
                if self.owes <= 0:
                    break
                patience = patience or self._patience(length)
                replies.append(self._rest(patience))
                self.owes -= 1
            if self.owes < 0 or self._reader.has_data():
                raise ConnectionInterrupted(None, OUT_OF_STEP)
        except (ConnectionError, ConnectionInterrupted):
            if not (self.owes > 0 and replies and _is_last_word(replies[-1])):
                raise
            # What came before it was carried out, and what comes after it was not.
            replies += [replies[-1]] * self.owes
            self.owes = 0
        except UNREADABLE as error:
            if struck(error):
                raise
            raise ProtocolViolation(f"a reply cannot be read: {error!r}") from error
        return replies

    def _send_long(self, data: bytes) -> None:
        """Sends what may not find room at once: all of it within the operation's time, where the
        kernel would count the time of each part anew."""
        if len(data) <= _SHORT:
            self._sock.sendall(data)
            return
        try:
            if self._in_kernel:
                self._sock.settimeout(self._timeout)
                self._sock.sendall(data)
                self._sock.settimeout(None)
            else:
                self._sock.sendall(data)
        except TimeoutError as error:
            if struck(error):
                raise
            late = ServerTimeout(
                None, f"a request of {len(data)} bytes was not sent within {self._timeout} s"
            )
            # So much takes its time on a slow line, whose other connections are well.
            late.of_request = len(data) > _LONG
            raise late from None
        except ConnectionError as error:
            # The server may have said why: the request breaks a limit of its
            # (``proto-max-bulk-len``), and would do so again. Then it is read as a reply.
            if struck(error) or not self.arrived(0):
                raise

    def _patience(self, came: int = 0) -> Patience:
        """For the rest of replies of which so many bytes have come."""
        patience = Patience(self._sock, self._timeout, self.arrived if self._in_kernel else None)
        patience.came(came)
        return patience

    def _rest(self, patience: Patience) -> Any:
        """Reads until a reply is complete."""
        reader, buffer = self._reader, self._buffer
        while True:
            length = patience.read(buffer)
            if not length:
                raise ConnectionInterrupted(None, LOST)
            reader.feed(buffer, 0, length)
            reply = reader.gets()
            if reply is not INCOMPLETE:
                patience.heard()
                patience.done()
                return reply

    def stale(self) -> bool:
        """Whether what has arrived on this idle connection is anything but messages for whoever
        wants them (pushes of RESP3), which are read and dropped here."""
        reader = self._reader
        try:
            while self.arrived(0):
                length = self._sock.recv_into(self._buffer)
                if not length:
                    return True
                reader.feed(self._buffer, 0, length)
                if reader.has_data():
                    return True
            return holding(reader)()
        except (OSError, ConnectionInterrupted, *UNREADABLE) as error:
            if struck(error):
                raise
            return True

    def close(self) -> None:
        if self._pool is None:
            return
        # First, so that an interrupt in here leaves what is to do to the finalizer.
        self.connection.disconnect()
        pool, self._pool = self._pool, None
        pool.forget(self)

    @property
    def closed(self) -> bool:
        """Whether it has left its pool for good."""
        return self._pool is None

    def hand_over(self) -> Any:
        """The connection, for whoever closes it from now on."""
        self._pool = None
        return self.connection

    def __del__(self) -> None:
        if hasattr(self, "_pool"):  # else an interrupt struck in the constructor
            self.close()


def _is_last_word(reply: Any) -> bool:
    """Whether the server closes the connection after this, and carries out nothing more."""
    return isinstance(reply, Exception) and "Protocol error" in str(reply)


class ForeignLink(Link):
    """A connection that is not over a plain socket (a connection class of the site's own), used
    through redis-py's public methods only."""

    __slots__ = ()

    def __init__(self, connection: Any, pool: Home, place: Place | None = None) -> None:
        self.connection = connection
        self.place = place
        self.owes = 0
        self.reused = False
        self._pool = pool

    def call(self, args: tuple[Argument, ...]) -> Any:
        self.send([args])
        return self.receive()[0]

    def send(self, commands: Sequence[tuple[Argument, ...]]) -> None:
        self.owes += len(commands)
        for args in commands:
            self.connection.send_packed_command(self.connection.pack_command(*args))

    def call_many(self, commands: Sequence[tuple[Argument, ...]]) -> list[Any]:
        self.send(commands)
        return self.receive()

    def receive(self) -> list[Any]:
        replies: list[Any] = []
        while self.owes:
            try:
                reply = self.connection.read_response(disable_decoding=True)
            except ResponseError as error:
                reply = from_redis_py(error)
            replies.append(reply)
            self.owes -= 1
        return replies

    def arrived(self, milliseconds: int) -> bool:
        try:
            return bool(self.connection.can_read(timeout=milliseconds / 1000))
        except (RedisError, OSError) as error:
            if struck(error):
                raise
            return True

    def stale(self) -> bool:
        return True


def from_redis_py(error: ResponseError) -> Exception:
    """Our error for an error reply that redis-py has already made a class of.

    redis-py takes the code off the message of the classes that it knows.
    """
    code = _CODES.get(type(error).__name__)
    message = str(error)
    return error_from_reply(f"{code} {message}" if code else message)


_CODES = {
    "NoScriptError": "NOSCRIPT",
    "ReadOnlyError": "READONLY",
    "OutOfMemoryError": "OOM",
    "NoPermissionError": "NOPERM",
    "ExecAbortError": "EXECABORT",
    "MovedError": "MOVED",
    "AskError": "ASK",
    "TryAgainError": "TRYAGAIN",
    "ClusterDownError": "CLUSTERDOWN",
    "MasterDownError": "MASTERDOWN",
}
