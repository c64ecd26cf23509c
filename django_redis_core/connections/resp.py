"""Reading replies.

hiredis does it where it is installed. Without it, an incremental reader in Python takes its place,
with the same calls. https://redis.io/docs/latest/develop/reference/protocol-spec/
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol

from ..exceptions import ConnectionInterrupted, error_from_reply

#: What comes behind the last reply would be taken for the next caller's.
OUT_OF_STEP = "the replies are out of step: there are more than were asked for"

#: What readers raise for bytes that they cannot make a reply of, beside ``ProtocolViolation``: of
#: memory for as many elements as are announced, of an array as the key of a map.
UNREADABLE = (MemoryError, TypeError, ValueError, RecursionError)

#: What ``gets`` returns while a reply is not complete. Any reply may be None or False.
INCOMPLETE: Final = object()
_NOTHING: Final = object()


class Reader(Protocol):
    """hiredis' reader: fed with bytes, gives whole replies. Error replies are exceptions."""

    def feed(self, data: Any, offset: int = 0, length: int = -1, /) -> None: ...
    def gets(self) -> Any: ...
    def has_data(self) -> bool: ...


class ProtocolViolation(ConnectionInterrupted):
    """The server sent something that is not the protocol."""

    def __init__(self, message: str) -> None:  # as hiredis makes it
        super().__init__(None, message)


# By the kinds of https://redis.io/docs/latest/develop/reference/protocol-spec/ : what has a length
# and that many bytes, what has a count of elements, and what is a line.
_BLOBS, _ARRAYS, _MAPS = b"$=!", b"*~>", b"%|"

#: No reply of a server's is nearly that deep.
_DEEPEST = 100
#: hiredis' limits. What says it is longer would have whoever believes it wait or allocate for ever.
_LONGEST, _MOST = 2**29, 2**32 - 1


class Push(list[Any]):
    """A message of RESP3 that nobody asked for."""

    __slots__ = ()


class _Open:
    """An array that is not complete: its mark, its elements, and how many it will have."""

    __slots__ = ("count", "items", "mark")

    def __init__(self, mark: bytes, count: int) -> None:
        self.mark = mark
        self.count = count
        self.items: list[Any] = []


class PythonReader:
    """RESP2 and RESP3 in Python, which goes on where the bytes ended. Values are as hiredis makes
    them: sets are lists, big numbers bytes, maps dicts. An attribute, which says something of the
    reply behind it, is dropped."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._at = 0
        #: The outermost first.
        self._open: list[_Open] = []

    def feed(self, data: bytes | bytearray, offset: int = 0, length: int = -1) -> None:
        self._data += data if length < 0 else memoryview(data)[offset : offset + length]

    def gets(self) -> Any:
        while True:
            value = self._next()
            if value is INCOMPLETE:
                if self._at:
                    del self._data[: self._at]
                    self._at = 0
                return INCOMPLETE
            while self._open:
                outer = self._open[-1]
                if value is not _NOTHING:
                    outer.items.append(value)
                if len(outer.items) < outer.count:
                    break
                self._open.pop()
                value = _made(outer)
            else:
                if value is _NOTHING:
                    continue
                if self._at == len(self._data):
                    self._data.clear()
                    self._at = 0
                return value

    def has_data(self) -> bool:
        return self._at < len(self._data) or bool(self._open)

    def _next(self) -> Any:
        """A value, or _NOTHING for the head of an array whose elements follow."""
        data, at = self._data, self._at
        end = data.find(b"\r\n", at)
        if end < 0:
            return INCOMPLETE
        mark, line = bytes(data[at : at + 1]), bytes(data[at + 1 : end])
        self._at = end + 2
        if mark in _BLOBS and mark:
            length = _number(line, _LONGEST)
            if length < 0:
                return None
            start, after = self._at, self._at + length + 2
            if len(data) < after:
                self._at = at
                return INCOMPLETE
            self._at = after
            return _blob(mark, bytes(data[start : after - 2]))
        if (mark in _ARRAYS or mark in _MAPS) and mark:
            count = _number(line, _MOST) * (2 if mark in _MAPS else 1)
            if count < 0:
                return None
            if len(self._open) >= _DEEPEST:
                raise ProtocolViolation(f"arrays within arrays, more than {_DEEPEST}")
            opened = _Open(mark, count)
            if not count:
                return _made(opened)
            self._open.append(opened)
            return _NOTHING
        return _line(mark, line)


def _made(array: _Open) -> Any:
    mark, items = array.mark, array.items
    if mark == b">":
        return Push(items)
    if mark == b"|":
        return _NOTHING
    if mark == b"%":
        return dict(zip(items[::2], items[1::2], strict=True))
    return items


def _blob(mark: bytes, value: bytes) -> Any:
    if mark == b"!":
        return error_from_reply(value.decode(errors="replace"))
    if mark == b"=":  # three letters and a colon before the text say what kind of text
        if value[3:4] != b":":
            raise ProtocolViolation("a verbatim string of no kind")
        return value[4:]
    return value


def _line(mark: bytes, line: bytes) -> Any:
    if mark == b":":
        return _number(line, 2**63 - 1, -(2**63))
    if mark == b"+":
        return line
    if mark == b"-":
        return error_from_reply(line.decode(errors="replace"))
    if mark == b"_" and not line:
        return None
    if mark == b"#" and line in (b"t", b"f"):
        return line == b"t"
    if mark == b",":
        return float(line)
    if mark == b"(" and line.removeprefix(b"-").isdigit():
        return line
    raise ProtocolViolation(f"a reply that begins with {mark + line[:20]!r}")


def _number(line: bytes, most: int, least: int = -1) -> int:
    """A number in a line of its own: digits, and a minus."""
    if len(line) > 20 or not line.removeprefix(b"-").isdigit():
        raise ProtocolViolation(f"{line[:20]!r} is no number")
    number = int(line)
    if not least <= number <= most:
        raise ProtocolViolation(f"the number {number} is out of range")
    return number


class PushReader:
    """A reader without the pushes of RESP3, which may come between any two replies."""

    def __init__(self, reader: Reader, push: type[Any]) -> None:
        self.feed = reader.feed
        self._gets = reader.gets
        self._has_data = reader.has_data
        self._push = push
        #: Whether the message that is not complete began when no reply was owed.
        self._unasked = False

    def gets(self) -> Any:
        while True:
            reply = self._gets()
            if reply.__class__ is self._push:
                self._unasked = False
            elif self._unasked and reply is not INCOMPLETE:
                raise ConnectionInterrupted(None, OUT_OF_STEP)
            else:
                return reply

    def has_data(self) -> bool:
        """Whether there is a reply, for who is owed none. Of a message that is not complete it is
        found out when it is."""
        while self._has_data():
            reply = self._gets()
            if reply is INCOMPLETE:
                self._unasked = True
                return False
            if reply.__class__ is not self._push:
                return True
            self._unasked = False
        return False

    def holds(self) -> bool:
        """``has_data``, or the beginning of whatever it is: for who can do without a connection
        and does not wait for the rest."""
        return self.has_data() or self._unasked


_reader: Callable[[], Reader]
_push: type[Any] = Push

try:
    import hiredis
except ImportError:
    _reader = PythonReader
else:

    def _reader() -> Reader:
        return hiredis.Reader(
            protocolError=ProtocolViolation, replyError=error_from_reply, notEnoughData=INCOMPLETE
        )

    _push = hiredis.PushNotification


def holding(reader: Reader) -> Callable[[], bool]:
    """A function that says whether a reader has anything, when no reply is owed."""
    return reader.holds if isinstance(reader, PushReader) else reader.has_data


def make_reader(protocol: int = 2) -> Reader:
    """A reader for a connection that speaks this version of the protocol."""
    return _reader() if protocol == 2 else PushReader(_reader(), _push)
