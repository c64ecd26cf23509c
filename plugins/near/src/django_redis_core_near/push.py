"""What a server says on a tracking connection: replies, and messages that nobody asked for.

A reader of RESP3 that goes on where the bytes ended, since one message may name as many keys as
were deleted at once: https://redis.io/docs/latest/develop/reference/protocol-spec/
"""

from __future__ import annotations

from typing import Any

from django_redis_core.exceptions import ConnectionInterrupted

_BLOBS, _ARRAYS, _PAIRS, _LINES = b"$=!", b"*>~", b"%|", b"+:,(#"


#: No message of a server's is nearly that deep, or that long.
_DEEPEST, _LARGEST = 100, 2**32


class Push(list[Any]):
    """A message that nobody asked for: what it is, and what it says."""

    __slots__ = ()


class Refusal:
    """An error reply."""

    def __init__(self, message: str) -> None:
        self.message = message


class Reader:
    """``feed`` takes bytes as they come and gives the replies and messages that are complete."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._at = 0
        #: Arrays that are not complete, the outermost first, each with the elements that it lacks.
        self._open: list[tuple[list[Any], int]] = []

    def feed(self, data: bytes | memoryview) -> list[Any]:
        self._data += data
        complete: list[Any] = []
        while self._next(complete):
            pass
        del self._data[: self._at]
        self._at = 0
        return complete

    def _next(self, complete: list[Any]) -> bool:
        """Reads one element or one array's head; False where that is not there whole."""
        data = self._data
        end = data.find(b"\r\n", self._at)
        if end < 0:
            return False
        mark, rest = data[self._at : self._at + 1], bytes(data[self._at + 1 : end])
        after = end + 2
        value: Any
        if mark in _BLOBS and mark and rest != b"-1":
            start, after = after, after + _size(rest) + 2
            if len(data) < after:
                return False
            value = bytes(data[start : after - 2])
            if mark == b"!":
                value = Refusal(value.decode(errors="replace"))
        elif (mark in _ARRAYS or mark in _PAIRS) and mark and rest != b"-1":
            count = _size(rest) * (2 if mark in _PAIRS else 1)
            if len(self._open) >= _DEEPEST:
                raise ConnectionInterrupted(None, "protocol error: too many arrays in arrays")
            value = Push() if mark == b">" else []
            if count:
                self._open.append((value, count))
                self._at = after
                return True
        elif mark == b"-":
            value = Refusal(rest.decode(errors="replace"))
        elif mark in _LINES and mark:
            value = rest
        elif mark == b"_" or (rest == b"-1" and mark in _BLOBS + _ARRAYS + _PAIRS and mark):
            value = None
        else:
            raise ConnectionInterrupted(None, f"protocol error: a reply that begins with {mark!r}")
        self._at = after
        self._place(value, complete)
        return True

    def _place(self, value: Any, complete: list[Any]) -> None:
        while self._open:
            array, size = self._open[-1]
            array.append(value)
            if len(array) < size:
                return
            self._open.pop()
            value = array
        complete.append(value)


def _size(digits: bytes) -> int:
    """A length or a count: one that is negative would lead back to where it stands, for ever."""
    if len(digits) > 10 or not digits.isdigit() or int(digits) > _LARGEST:
        raise ConnectionInterrupted(None, f"protocol error: {digits[:20]!r} is no size")
    return int(digits)
