"""What the data structures share: reading elements, checking arguments."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sized
from typing import Any

from .._codec.codec import MISSING, Codec
from .._interrupts import struck
from .declare import Arguments, Fallback, Family


class Elements(Family):
    """Elements go through the codec under the full key, as values do; never through ``wrap``,
    because a data structure expires as a whole.

    What cannot be read is reported as a value that cannot be read is, and left out.
    """

    codec: Codec

    def one(self, full: str, data: bytes | None, default: Any = None) -> Any:
        """The element in ``data``, or ``default`` when there is none or it cannot be read."""
        if data is None:
            return default
        value = self.decode(full, data)
        return default if value is MISSING else value

    def several(self, full: str, reply: Iterable[bytes]) -> list[Any]:
        decode = self.decode
        counted = self.codec.counted(_row(reply))
        return [value for data in counted if (value := decode(full, data)) is not MISSING]

    def as_set(self, full: str, reply: Iterable[bytes]) -> set[Any]:
        """The members of a set. A tuple that JSON or msgpack gives back as a list is a tuple."""
        found = set()
        for data in self.codec.counted(_row(reply)):
            value = self.decode(full, data)
            if value is MISSING:
                continue
            try:
                found.add(hashable(value))
            except TypeError as error:  # only another program can have written it
                if struck(error):
                    raise
                self.codec.report(full, data, error)
        return found


def _row(reply: Any) -> Iterable[Any]:
    """A reply of several; TypeError as in ``each``. A map's would be its keys alone."""
    if not isinstance(reply, list | set | tuple):
        raise TypeError("several items are expected")
    return reply


def each(asked: Sized, reply: Any) -> list[Any]:
    """A reply of one item for each that was asked for; TypeError where a server has sent another,
    which the driver then tells as that."""
    if not isinstance(reply, list) or len(reply) != len(asked):
        raise TypeError("an item for each that was asked for is expected")
    return reply


def hashable(value: Any) -> Any:
    return tuple(map(hashable, value)) if isinstance(value, list) else value


def alone_or(many: Callable[[], Any]) -> Fallback:
    """For what takes ``count``: None without one, ``many()`` with it."""
    return lambda arguments: None if arguments["count"] is None else many()


def one_each(name: str, value: Any) -> Fallback:
    """``value`` for each of the caller's ``name``."""

    def answer(arguments: Arguments) -> list[Any]:
        return [value] * len(list(arguments[name]))

    return answer


def field_name(field: Any) -> bytes:
    """A hash's field as stored: text, or what redis-py makes text of."""
    if isinstance(field, str):
        # The other half of ``field_text``: a field that another program wrote is found again.
        try:
            return field.encode(errors="surrogateescape")
        except UnicodeEncodeError:
            raise ValueError(
                f"A field must be text that UTF-8 can encode, not {field!r}."
            ) from None
    if isinstance(field, bytes):
        return field
    if isinstance(field, bool) or not isinstance(field, int | float):
        raise TypeError(
            f"A field must be a str, bytes, an int or a float, not {type(field).__name__}."
        )
    return repr(field).encode()


def field_text(field: bytes) -> str:
    return field.decode(errors="surrogateescape")


def is_mapping(value: Any) -> None:
    if not isinstance(value, Mapping):
        raise TypeError(f"mapping must be a dict, not {type(value).__name__}.")
