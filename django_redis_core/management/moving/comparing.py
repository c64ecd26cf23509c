"""``compare``: whether another cache has the entries of this one, with their times to live."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..._codec.codec import MISSING, Codec
from ..._operations.declare import checked
from ...exceptions import ConnectionInterrupted, SerializationError
from ..recode import steps
from ..servers import STRLEN, TYPE
from . import large, structures
from .sides import Clock, Stored
from .walking import Pair, Work


@dataclass
class Compared:
    """What was found of the keys. ``unreadable`` are those that cannot be compared, because either
    cache cannot read what it has."""

    keys: int = 0
    same: int = 0
    missing: int = 0
    differing: int = 0
    ttl_differing: int = 0
    gone: int = 0
    locks: int = 0
    unreadable: int = 0

    @property
    def well(self) -> bool:
        return not (self.missing or self.differing or self.ttl_differing or self.unreadable)


class Comparing(Work):
    """One run. ``tolerance`` is in milliseconds."""

    def __init__(self, pair: Pair, told: Callable[[str, str], None], *, tolerance: int) -> None:
        super().__init__(pair, told)
        self.counts = Compared()
        self._tolerance = tolerance
        codec = pair.target.codec
        # Neither compressed nor sealed, which need not give the same bytes twice.
        self._plain = Codec(codec.serializers[:1], report=codec.report)

    def _strings(self, node: Any, keys: Sequence[str]) -> None:
        logical = not self._formats.entries
        news = [self._route.new(key) for key in keys]
        ours = self._source.strings(keys, node, logical=logical)
        theirs = self._theirs(news, logical=logical)
        for key, new, one, other in zip(keys, news, ours, theirs, strict=True):
            if not isinstance(one, Stored) or (logical and one.left == 0):
                self.counts.gone += 1
            elif self._source.is_lock(key, one.data):
                self.counts.locks += 1
            elif other is None:
                self._missing(key, one.left)
            elif not isinstance(other, Stored):
                self._differing(key)
            else:
                self._pair(key, new, one, other)

    def _theirs(self, keys: Sequence[str], *, logical: bool) -> list[Stored | Exception | None]:
        """In another format theirs may be longer than ours, which came in steps of few bytes: then
        these do as well."""
        if self._formats.entries:
            return self._target.strings(keys, logical=logical)
        lengths = self._target.ask([STRLEN(key).primary() for key in keys])
        weighed = []
        for key, length in zip(keys, lengths, strict=True):
            if isinstance(length, ConnectionInterrupted):
                raise length
            weighed.append((key, length if isinstance(length, int) else 0))
        return [
            one
            for step in steps(weighed, len(keys))
            for one in self._target.strings(step, logical=logical)
        ]

    def _pair(self, key: str, new: str, one: Stored, other: Stored) -> None:
        if self._formats.entries and one.data == other.data:
            self._times(key, one.left, other.left)
            return
        mine, trouble = self._source.value(key, one.data)
        if trouble is not None:
            self._unreadable(key, trouble)
            return
        theirs, trouble = self._target.value(new, other.data)
        if trouble is not None:
            self._unreadable(key, trouble)
        elif mine is theirs is MISSING:  # expired in both, and kept
            self.counts.gone += 1
        elif mine is MISSING or theirs is MISSING or not self._equal(mine, theirs):
            self._differing(key)
        else:
            self._times(key, one.left, other.left)

    def _equal(self, mine: Any, theirs: Any) -> bool:
        """Whether the target's format makes the same of both: JSON, say, has a list for a tuple."""
        if type(mine) is type(theirs) and (mine == theirs) is True:
            return True
        try:
            return self._written(mine) == self._written(theirs)
        except SerializationError:  # a value that this format does not hold
            return False

    def _written(self, value: Any) -> bytes:
        return self._plain.encode("", value)

    def _structure(self, node: Any, kind: str, key: str) -> None:
        new = self._route.new(key)
        [theirs] = checked(self._target.ask([TYPE(new).primary()]))
        if kind not in structures.TYPES:
            if theirs == kind:
                self.counts.same += 1  # as far as can be told
            else:
                self._missing(key, None)
            return
        one = large.read(self._source, kind, key, node)
        clock = Clock()  # the other may be long in coming
        other = large.read(self._target, kind, new) if theirs == kind else None
        if one is None:
            self.counts.gone += 1
        elif theirs == "none":
            self._missing(key, one.left)
        elif other is None or not self._alike(key, new, one, other):
            self._differing(key)
        else:
            self._times(key, clock.left(one.left), other.left)

    def _alike(
        self, key: str, new: str, one: structures.Structure, other: structures.Structure
    ) -> bool:
        if self._formats.elements:
            return bool(one.elements == other.elements)
        mine = structures.decoded(self._source, key, one)
        theirs = structures.decoded(self._target, new, other)
        if mine is MISSING or theirs is MISSING:
            return False
        if one.kind not in ("set", "zset"):
            return self._equal(mine, theirs)
        # What has no order is compared by what the target's format makes of it.
        try:
            return sorted(map(self._written, mine)) == sorted(map(self._written, theirs))
        except SerializationError:
            return False

    def _times(self, key: str, mine: int | None, theirs: int | None) -> None:
        if mine is None or theirs is None:
            apart = mine is not theirs
        else:
            apart = abs(mine - theirs) > self._tolerance
        if apart:
            self.counts.ttl_differing += 1
            self._told(key, f"there for another time: {_left(mine)} here, {_left(theirs)} there")
        else:
            self.counts.same += 1

    def _missing(self, key: str, left: int | None) -> None:
        if left is not None and left <= self._tolerance:
            self.counts.gone += 1  # it ends about now
            return
        self.counts.missing += 1
        self._told(key, "missing")

    def _differing(self, key: str) -> None:
        self.counts.differing += 1
        self._told(key, "another value there")

    def _unreadable(self, key: str, error: Exception) -> None:
        self.counts.unreadable += 1
        self._told(key, f"unreadable: {type(error).__name__}")


def _left(milliseconds: int | None) -> str:
    return "no expiry" if milliseconds is None else f"{milliseconds / 1000:.1f} s"
