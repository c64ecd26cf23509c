"""MessagePack, as django-redis writes it."""

from __future__ import annotations

from typing import Any

from msgpack import packb, unpackb

from django_redis_core.interfaces import Serializer


class MsgpackSerializer(Serializer):
    """MessagePack.

    As with django-redis, a tuple comes back as a list (but not as a key of a dict, where it stays
    a tuple), a bytearray as bytes, and an object of a subclass of str, bytes, float, list, tuple
    or dict as one of the type it derives from. All else that the format does not have is refused:
    sets, Decimal, dates, UUIDs, and int subclasses such as the members of an ``IntEnum``.
    """

    name = "msgpack"

    def recognises(self, data: bytes) -> bool:
        # Up to 0x80 the first byte is all of the value: a small int, or the empty dict. So JSON's
        # texts and pickles, which begin like these, are told apart.
        return data[:1] > b"\x80" or len(data) == 1

    def harmless(self) -> Serializer:
        return self

    def dumps(self, value: Any) -> bytes:
        # strict_types: only the format's own types are packed as they are, and the others are
        # handed to `_plain`. Without it, an int subclass at any depth would lose its type.
        packed: bytes = packb(value, strict_types=True, default=_plain)
        return packed

    def loads(self, data: bytes) -> Any:
        try:
            return unpackb(data, strict_map_key=False)
        except TypeError as error:
            if type(error) is not TypeError:
                raise
            # A tuple that is a key was read as a list, which cannot be one.
            return unpackb(data, strict_map_key=False, object_pairs_hook=_with_tuple_keys)


def _plain(value: Any) -> Any:
    """``value`` as the type of the format that it derives from."""
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
    if type(value) is int:
        raise OverflowError("MessagePack has no ints of more than 64 bits")
    raise TypeError(f"MessagePack has no type for {type(value).__name__}")


def _with_tuple_keys(pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
    return {_tuples(key): value for key, value in pairs}


def _tuples(key: Any) -> Any:
    return tuple(map(_tuples, key)) if isinstance(key, list) else key
