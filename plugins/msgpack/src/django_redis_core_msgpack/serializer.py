"""MessagePack, as django-redis writes it."""

from __future__ import annotations

from collections import deque
from enum import Enum
from functools import partial
from typing import Any

from django.utils.functional import Promise
from msgpack import Packer, unpackb

from django_redis_core.interfaces import Option, Serializer, boolean, unwrapped

#: Packers that wait for values, and the bytes of a value from which on one is not kept: its buffer
#: stays as large as what it has packed.
_IDLE, _LONG = 8, 256 * 1024


class MsgpackSerializer(Serializer):
    """MessagePack.

    As with django-redis, a tuple comes back as a list (but not as a key of a dict, where it stays
    a tuple), a bytearray as bytes, an object of a subclass of str, bytes, float, list, tuple or
    dict as one of the type it derives from, and a member of an ``IntEnum`` or ``StrEnum``, so of
    Django's ``IntegerChoices`` and ``TextChoices``, as its value. Lazy text comes back as a str.
    All else that the format does not have is refused: sets, Decimal, dates, UUIDs, and other
    subclasses of int. ``msgpack_strict`` refuses members of enumerations too, at any depth.
    """

    name = "msgpack"
    options = (
        Option(
            "MSGPACK_STRICT",
            "msgpack_strict",
            boolean,
            False,
            doc="Refuse members of enumerations, which would come back as plain ints and strs.",
        ),
    )

    def __init__(self, *, msgpack_strict: bool = False) -> None:
        # strict_types: only the format's own types are packed as they are, and the others are
        # handed to `_plain`. Without it, an int subclass at any depth would lose its type.
        default = _of_its_type if msgpack_strict else _plain
        self._packer = partial(Packer, strict_types=True, default=default)
        # To make one takes three times as long as to pack a short value. Each has one user at a
        # time: a value may be made while it is packed, by code that packs another one.
        self._idle: deque[Packer] = deque(maxlen=_IDLE)

    def recognises(self, data: bytes) -> bool:
        # Up to 0x80 the first byte is all of the value: a small int, or the empty dict. So JSON's
        # texts and pickles, which begin like these, are told apart.
        return data[:1] > b"\x80" or len(data) == 1

    def harmless(self) -> Serializer:
        return self

    def dumps(self, value: Any) -> bytes:
        try:
            packer = self._idle.pop()
        except IndexError:
            packer = self._packer()
        packed: bytes = packer.pack(value)
        if len(packed) < _LONG:  # and one that has failed is not kept either
            self._idle.append(packer)
        return packed

    def loads(self, data: bytes) -> Any:
        try:
            return unpackb(data, strict_map_key=False)
        except TypeError as error:
            if type(error) is not TypeError:
                raise
            # A tuple that is a key was read as a list, which cannot be one.
            return unpackb(data, strict_map_key=False, object_pairs_hook=_with_tuple_keys)


def _of_its_type(value: Any) -> Any:
    """``value`` as ``_plain`` has it, unless it is a member of an enumeration."""
    if isinstance(value, Enum):
        raise TypeError(f"MessagePack has no type for {type(value).__name__}")
    return _plain(value)


def _plain(value: Any) -> Any:
    """``value`` as the type of the format that it derives from."""
    meant = unwrapped(value)
    if meant is not value:
        return meant
    # The methods of the base class, because a subclass may have its own: str(SafeString()) is a
    # SafeString.
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, float):
        return float.__float__(value)
    if isinstance(value, bytes):
        return bytes.__getitem__(value, slice(None))
    if isinstance(value, list | tuple):
        return list(value)
    if isinstance(value, dict):
        return dict(value)
    if isinstance(value, int) and isinstance(value, Enum):
        return int.__int__(value)
    if isinstance(value, Promise):  # lazy text
        return str(value)
    if type(value) is int:
        raise OverflowError("MessagePack has no ints of more than 64 bits")
    raise TypeError(f"MessagePack has no type for {type(value).__name__}")


def _with_tuple_keys(pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
    return {_tuples(key): value for key, value in pairs}


def _tuples(key: Any) -> Any:
    return tuple(map(_tuples, key)) if isinstance(key, list) else key
