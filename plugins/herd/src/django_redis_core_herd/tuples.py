"""django-redis' envelope: the pickle of ``(marker, value, expiry in Unix seconds)``.

The marker is an instance of a class of that package, named in the pickle by its module. Both ways
work without the package, and without a module of that name.
"""

from __future__ import annotations

import io
import pickle
import struct
from collections.abc import Callable
from typing import Any

from django_redis_core.interfaces import Serializer

from .cost import price

_MODULE = "django_redis.client.herd"
_NAME = "Marker"

# A tuple names the marker's class before anything else: within these bytes in every protocol.
_BEGINNING = 64
_NEEDLE = _MODULE.encode()

# The marker: its class by name, no arguments, made by ``__new__``. It takes no place in the memo,
# so the pickle of a value can follow as it is, one of protocol 0 or 1 too, which says no protocol.
_HEAD = pickle.PROTO + b"\x02" + pickle.GLOBAL + f"{_MODULE}\n{_NAME}\n".encode()
_HEAD += pickle.EMPTY_TUPLE + pickle.NEWOBJ
_TAIL = pickle.TUPLE3 + pickle.STOP


class Marker:
    """Stands for the other package's class of this name."""

    __slots__ = ()


class Packed:
    """A value in django-redis' envelope. ``expires``: the Unix second through which it is good."""

    __slots__ = ("expires", "value")

    def __init__(self, value: Any, expires: float) -> None:
        self.value = value
        self.expires = expires

    def left(self, now: int) -> int:
        """The milliseconds from ``now`` (Unix milliseconds) that it is good for; 0: it expired.

        By whole seconds, as django-redis compares them: up to a second more than was asked for.
        """
        return max(int(self.expires + 1) * 1000 - now, 0)


class _Unpickler(pickle.Unpickler):
    """Knows the marker; every other class is found by ``find``."""

    def __init__(self, data: bytes, find: Callable[[str, str], Any] | None) -> None:
        super().__init__(io.BytesIO(data))
        self._find = find or super().find_class

    def find_class(self, module: str, name: str) -> Any:
        if module == _MODULE and name == _NAME:
            return Marker
        return self._find(module, name)


class TuplePickle(Serializer):
    """A pickle serializer that also reads and writes ``Packed`` values."""

    name = "pickle"

    def __init__(self, serializer: Any) -> None:
        self.errors = (*serializer.errors, pickle.PickleError)  # type: ignore[misc]
        self._dumps = serializer.dumps
        self._loads = serializer.loads
        self._find = getattr(serializer, "find_class", None)
        self._examine = getattr(serializer, "examine", None)
        self.recognises = serializer.recognises  # type: ignore[method-assign]

    def dumps(self, value: Any) -> bytes:
        if value.__class__ is not Packed:
            return self._dumps(value)  # type: ignore[no-any-return]
        body = self._dumps(value.value)
        # MEMOIZE, which changes nothing here, takes the place of STOP: the last frame of the body
        # counts that byte. The expiry and the tuple's end follow outside of any frame.
        if price(value.expires):  # which only a float can tell
            expiry = pickle.BINFLOAT + struct.pack(">d", value.expires)
        else:
            expiry = pickle.LONG1 + b"\x08" + int(value.expires).to_bytes(8, "little", signed=True)
        return b"".join((_HEAD, body[:-1], pickle.MEMOIZE, expiry, _TAIL))

    def loads(self, data: bytes) -> Any:
        if data.find(_NEEDLE, 0, _BEGINNING) < 0:
            return self._loads(data)
        if self._examine is not None:
            self._examine(data)
        found = _Unpickler(data, self._find).load()
        if type(found) is tuple and len(found) == 3 and type(found[0]) is Marker:
            return Packed(found[1], found[2])
        return found


def understands(serializer: Serializer) -> bool:
    """Whether tuples can be read by ``serializer``: by Python's pickle, with any class or with
    those that its ``find_class(module, name)`` lets through. A serializer that loads pickles in
    another way is not gone around."""
    return serializer.name == "pickle" and (
        serializer.loads is pickle.loads or getattr(serializer, "find_class", None) is not None
    )
