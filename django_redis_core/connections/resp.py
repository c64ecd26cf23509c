"""Packing commands and reading replies, the protocol's two ends.

hiredis does both where it is installed. Without it, packing and an incremental reader in Python
take its place, with the same calls. https://redis.io/docs/latest/develop/reference/protocol-spec/
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, Protocol

from ..commands import Argument
from ..exceptions import ConnectionInterrupted, error_from_reply

#: What ``gets`` returns while a reply is not complete. Any reply may be None or False.
INCOMPLETE: Final = object()


class Reader(Protocol):
    """hiredis' reader: fed with bytes, gives whole replies. Error replies are exceptions."""

    def feed(self, data: Any, offset: int = 0, length: int = -1, /) -> None: ...
    def gets(self) -> Any: ...
    def has_data(self) -> bool: ...


class ProtocolViolation(ConnectionInterrupted):
    """The server sent something that is not the protocol."""

    def __init__(self, message: str) -> None:  # as hiredis makes it
        super().__init__(None, message)


def encoded(arg: Argument) -> str | bytes:
    """A number as the text that the protocol wants; text and bytes as they are."""
    if isinstance(arg, str | bytes):
        return arg
    return b"%d" % arg if isinstance(arg, int) else repr(arg).encode()


def python_pack(args: tuple[Argument, ...]) -> bytes:
    parts = [b"*%d\r\n" % len(args)]
    for arg in args:
        arg = encoded(arg)
        if isinstance(arg, str):
            arg = arg.encode()
        parts.append(b"$%d\r\n%b\r\n" % (len(arg), arg))
    return b"".join(parts)


class PythonReader:
    """RESP2 in Python. A parse starts again from its reply's first byte when data is missing."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._at = 0

    def feed(self, data: bytes | bytearray, offset: int = 0, length: int = -1) -> None:
        self._data += data if length < 0 else memoryview(data)[offset : offset + length]

    def gets(self) -> Any:
        start = self._at
        try:
            reply = self._read()
        except IndexError:
            self._at = start
            return INCOMPLETE
        if self._at == len(self._data):
            self._data.clear()
            self._at = 0
        return reply

    def has_data(self) -> bool:
        return self._at < len(self._data)

    def _line(self) -> bytes:
        end = self._data.find(b"\r\n", self._at)
        if end < 0:
            raise IndexError
        line = bytes(self._data[self._at : end])
        self._at = end + 2
        return line

    def _read(self) -> Any:
        line = self._line()
        mark, rest = line[:1], line[1:]
        if mark == b"$":
            return self._bulk(int(rest))
        if mark == b":":
            return int(rest)
        if mark == b"+":
            return rest
        if mark == b"-":
            return error_from_reply(rest.decode(errors="replace"))
        if mark == b"*":
            count = int(rest)
            return None if count < 0 else list(self._items(count))
        raise ProtocolViolation(f"a reply that begins with {mark!r}")

    def _items(self, count: int) -> Iterator[Any]:
        for _ in range(count):
            yield self._read()

    def _bulk(self, length: int) -> bytes | None:
        if length < 0:
            return None
        end = self._at + length
        if len(self._data) < end + 2:
            raise IndexError
        value = bytes(self._data[self._at : end])
        self._at = end + 2
        return value


Pack = Callable[[tuple[Argument, ...]], bytes]

pack: Pack
make_reader: Callable[[], Reader]

try:
    import hiredis
except ImportError:
    pack = python_pack
    make_reader = PythonReader
else:
    _pack_command = hiredis.pack_command

    def pack(args: tuple[Argument, ...]) -> bytes:
        """hiredis' packing, which never gets to see a number.

        It turns one into text by a call that looks for signals, and where a signal's handler
        raises there (a time limit, Ctrl-C) it goes on with no text and takes the process down.
        """
        for arg in args:
            cls = arg.__class__
            if cls is not str and cls is not bytes:
                args = tuple([encoded(arg) for arg in args])
                break
        return _pack_command(args)  # type: ignore[arg-type, no-any-return]

    def make_reader() -> Reader:
        return hiredis.Reader(
            protocolError=ProtocolViolation, replyError=error_from_reply, notEnoughData=INCOMPLETE
        )
