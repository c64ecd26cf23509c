"""Lists: elements in order, pushed and popped at both ends."""

from __future__ import annotations

from typing import Any

from ..commands import LINDEX, LLEN, LPOP, LPUSH, LRANGE, LREM, LTRIM, RPOP, RPUSH, Keyed, Operation
from .arguments import ends, how_many, whole
from .declare import always, nothing, operation
from .elements import Elements, alone_or


class Lists(Elements):
    """Indexes count from 0; negative ones from the end, -1 being the last element."""

    @operation(fallback=always(int))
    def lpush(self, key: Any, *values: Any, version: Any = None) -> Operation[int]:
        """Puts ``values`` before the first element, one after the other, so that the last of
        them is first; returns the new length."""
        return (yield from self.push(LPUSH, key, values, version))

    @operation(fallback=always(int))
    def rpush(self, key: Any, *values: Any, version: Any = None) -> Operation[int]:
        """Puts ``values`` after the last element; returns the new length."""
        return (yield from self.push(RPUSH, key, values, version))

    @operation(fallback=alone_or(list))
    def lpop(self, key: Any, count: int | None = None, version: Any = None) -> Operation[Any]:
        """Takes the first element off and returns it, None when there is none; with ``count`` a
        list of up to so many. An element that cannot be read is gone, and left out."""
        return (yield from self.pop(LPOP, key, count, version))

    @operation(fallback=alone_or(list))
    def rpop(self, key: Any, count: int | None = None, version: Any = None) -> Operation[Any]:
        """Takes the last element off; see ``lpop``. With ``count``, the last comes first."""
        return (yield from self.pop(RPOP, key, count, version))

    @operation(fallback=always(list))
    def lrange(self, key: Any, start: int, end: int, version: Any = None) -> Operation[list[Any]]:
        """The elements from ``start`` to ``end``, that one included; one that cannot be read is
        left out."""
        full = self.naming.make(key, version)
        command = LRANGE(full, *ends("lrange", start, end))
        return self.several(full, (yield command))

    @operation(fallback=always(int))
    def llen(self, key: Any, version: Any = None) -> Operation[int]:
        """How many elements there are."""
        return int((yield LLEN(self.naming.make(key, version))))

    @operation(fallback=always(bool))
    def ltrim(self, key: Any, start: int, end: int, version: Any = None) -> Operation[bool]:
        """Removes all but the elements from ``start`` to ``end``, that one included; True."""
        full = self.naming.make(key, version)
        return bool((yield LTRIM(full, *ends("ltrim", start, end))))

    @operation(fallback=always(int))
    def lrem(self, key: Any, count: int, value: Any, version: Any = None) -> Operation[int]:
        """Removes elements equal to ``value``: the first ``count``, or the last ``-count``, or
        all with 0. Returns how many were removed. Equal are values that serialize alike."""
        full = self.naming.make(key, version)
        count = whole("lrem", "count", count)
        return int((yield LREM(full, count, self.codec.encode_element(full, value))))

    @operation(fallback=always(nothing))
    def lindex(self, key: Any, index: int, version: Any = None) -> Operation[Any]:
        """The element at ``index``, or None."""
        full = self.naming.make(key, version)
        return self.one(full, (yield LINDEX(full, whole("lindex", "index", index))))

    def push(
        self, command: Keyed, key: Any, values: tuple[Any, ...], version: Any
    ) -> Operation[int]:
        full = self.naming.make(key, version)
        if not values:
            return int((yield LLEN(full)))
        return int((yield command(full, *[self.encode(full, value) for value in values])))

    def pop(self, command: Keyed, key: Any, count: int | None, version: Any) -> Operation[Any]:
        full = self.naming.make(key, version)
        count = how_many(command, count)
        if count is None:
            return self.one(full, (yield command(full)))
        return self.several(full, (yield command(full, count)) or ()) if count else []
