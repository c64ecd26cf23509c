"""A server that says what a test has it say, for what no real one would."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, BinaryIO, Self

Answer = bytes | Sequence[tuple[float, bytes]]

HELLO = b"%4\r\n+server\r\n+redis\r\n+version\r\n+7.0.0\r\n+proto\r\n:3\r\n+role\r\n+master\r\n"


class Scripted:
    """``reply`` is given a command's arguments and returns the bytes of the answer, b"" for none,
    or parts of it, each after so many seconds; HELLO, CLIENT and the like are answered as by any
    server."""

    def __init__(self, reply: Callable[[list[bytes]], Answer]) -> None:
        self.reply = reply
        self.commands: list[list[bytes]] = []
        self.connections: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self._listener.getsockname()[1]}/0"

    def say(self, data: bytes) -> None:
        """Sends to all who are connected what nobody asked for."""
        for connection in list(self.connections):
            try:
                connection.sendall(data)
            except OSError:
                pass  # that client is gone

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self.connections:
            connection.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection.makefile("rb") as lines:
                while line := lines.readline():
                    args = []
                    for _ in range(int(line[1:])):
                        args.append(self.take(lines, int(lines.readline()[1:])))
                        lines.read(2)
                    answer = self._answer(args)
                    for seconds, part in [(0.0, answer)] if isinstance(answer, bytes) else answer:
                        time.sleep(seconds)
                        connection.sendall(part)
        except (OSError, ValueError):
            pass

    def take(self, lines: BinaryIO, size: int) -> bytes:
        """Reads an argument."""
        return lines.read(size)

    def _answer(self, args: list[bytes]) -> Answer:
        if args[0] == b"HELLO":
            return HELLO
        if args[0] in (b"CLIENT", b"SELECT", b"AUTH"):
            return b"+OK\r\n"
        self.commands.append(args)
        return self.reply(args)


def bulk(value: bytes) -> bytes:
    return b"$%d\r\n%b\r\n" % (len(value), value)


def echo(args: list[bytes]) -> bytes:
    """The name of the key as a value in JSON, as GET, and as each of several, as MGET."""
    names: list[Any] = [bulk(b'"%b"' % key.split(b":")[-1]) for key in args[1:]]
    if args[0] == b"GET":
        return names[0]  # type: ignore[no-any-return]
    return b"*%d\r\n" % len(names) + b"".join(names) if args[0] == b"MGET" else b"+OK\r\n"
