"""How a value that was decoded once is given to many readers, who may all change what they get.

What nobody can change is given to all as it is. Of lists, dicts and sets each reader gets a new
one, down to the deepest; what cannot be changed in them is shared. That takes a tenth of the time
that decoding takes. Of everything else, objects of a site's own say, only the serializer knows how
to make another one, so that is decoded for each reader.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from decimal import Decimal
from sys import getsizeof
from typing import Any, Final, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from django.utils.safestring import SafeString

from django_redis_core.interfaces import MISSING

Make = Callable[[], Any]

#: Values of these classes nobody can change. Of a subclass that is not known.
UNCHANGEABLE: Final = frozenset(
    {
        *(str, bytes, int, float, bool, complex, type(None)),
        *(datetime.date, datetime.timedelta, Decimal, UUID, SafeString),
    }
)

#: These hold a time zone, which may be an object of any class.
_TIMES = frozenset({datetime.datetime, datetime.time})
_ZONES = frozenset({type(None), datetime.timezone, ZoneInfo})

_CONTAINERS = frozenset({dict, list, tuple, set, frozenset})

#: Containers in containers that are looked into.
DEPTH = 20
#: Parts that are looked at, which takes some milliseconds.
PARTS = 20_000
#: Bytes for each container that is made anew.
_MAKER = 150


class Shared(NamedTuple):
    """``value`` is for all readers, or MISSING where ``make`` makes each a new one. ``size`` is in
    bytes, of what is kept of it."""

    value: Any
    make: Make
    size: int


class _NotKnown(Exception):
    """Of some part of a value it is not known how to make another one."""


def shared(value: Any) -> Shared | None:
    """How to give out ``value``, which nobody else may have then; None: it must be decoded anew.

    A list that stands in two places would have become two, so such a value is decoded too.
    """
    look = _Look()
    try:
        make = look.at(value, 0)
    except _NotKnown:
        return None
    if make is None:
        return Shared(value, lambda: value, look.size)
    return Shared(MISSING, make, look.size)


class _Look:
    """One look through a value."""

    __slots__ = ("_left", "_seen", "size")

    def __init__(self) -> None:
        self.size = 0
        self._left = PARTS
        self._seen: set[int] = set()

    def at(self, value: Any, depth: int) -> Make | None:
        """What makes another ``value``; None where that need not be."""
        cls = value.__class__
        self.size += getsizeof(value)
        if cls in UNCHANGEABLE or (cls in _TIMES and value.tzinfo.__class__ in _ZONES):
            return None
        self._left -= len(value) if cls in _CONTAINERS else 0
        if depth == DEPTH or self._left < 0:
            raise _NotKnown
        if cls is dict:
            self._once(value)
            self._plain(value, depth)
            return _dict(value, self._deep(value.items(), depth))
        if cls is list:
            self._once(value)
            return _list(value, self._deep(enumerate(value), depth))
        if cls is tuple:
            deep = self._deep(enumerate(value), depth)
            return _tuple(value, deep) if deep else None
        if cls is set or cls is frozenset:
            self._plain(value, depth)
            if cls is frozenset:
                return None
            self._once(value)
            return value.copy  # type: ignore[no-any-return]
        raise _NotKnown

    def _once(self, value: Any) -> None:
        self.size += _MAKER
        if id(value) in self._seen:
            raise _NotKnown
        self._seen.add(id(value))

    def _plain(self, values: Any, depth: int) -> None:
        """Keys and members: what has a hash and can be changed all the same is not known."""
        for one in values:
            if self.at(one, depth + 1) is not None:
                raise _NotKnown

    def _deep(self, items: Any, depth: int) -> list[tuple[Any, Make]]:
        """Those of ``items`` that have to be made anew, by their places."""
        return [
            (place, make) for place, one in items if (make := self.at(one, depth + 1)) is not None
        ]


def _dict(value: dict[Any, Any], deep: list[tuple[Any, Make]]) -> Make:
    if not deep:
        return value.copy

    def make() -> dict[Any, Any]:
        new = value.copy()
        for key, part in deep:
            new[key] = part()
        return new

    return make


def _list(value: list[Any], deep: list[tuple[Any, Make]]) -> Make:
    if not deep:
        return value.copy
    if len(deep) == len(value):
        parts = [part for _, part in deep]
        return lambda: [part() for part in parts]

    def make() -> list[Any]:
        new = value.copy()
        for place, part in deep:
            new[place] = part()
        return new

    return make


def _tuple(value: tuple[Any, ...], deep: list[tuple[Any, Make]]) -> Make:
    make = _list(list(value), deep)
    return lambda: tuple(make())
