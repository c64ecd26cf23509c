"""Goes through the keys of a cache, some or all, and asks servers of each what they tell of it.

By default nothing is asked that the server counts as a look-up: SCAN and MEMORY USAGE are not in
``keyspace_hits`` and ``keyspace_misses`` (seen on Redis 7.0 and Valkey 9.1), while PTTL,
TYPE, STRLEN and OBJECT are. What needs such a look-up waits for ``lookups``.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .._engine.assembly import Engine
from ..commands import PTTL, SCAN, Operation
from .columns import Columns
from .estimates import Scale, Tally
from .servers import MEMORY_USAGE, is_refusal

_PAGE = 500  # keys a round trip

#: How many keys are looked at for each that is asked for, where few of them are this cache's.
LOOKS = 10

#: SCAN may tell a key twice while the server resizes its table. So many keys are known again.
_KNOWN = 200_000

#: The upper bounds of the times to live that are counted together, in milliseconds.
SPANS = (
    ("under a minute", 60_000),
    ("under an hour", 3_600_000),
    ("under a day", 86_400_000),
    ("under a week", 7 * 86_400_000),
)
LONGER, NEVER = "a week or more", "no expiry"


@dataclass(frozen=True)
class Wanted:
    """What to look at: ``limit`` keys, None for all of them; how many of the largest to keep;
    whether look-ups may be made that the server counts."""

    limit: int | None
    biggest: int
    lookups: bool
    family_of: Callable[[str], str]


@dataclass
class Part:
    """What was found on one server. It is true at any time, so that Ctrl-C may come at any time."""

    total: int | None
    whole: Tally = field(default_factory=Tally)
    families: dict[str, Tally] = field(default_factory=dict)
    spans: dict[str, Tally] = field(default_factory=dict)
    looked: int = 0
    complete: bool = False
    weighed: bool = True

    @property
    def scale(self) -> Scale:
        return Scale(self.looked, None if self.complete else self.total)

    @property
    def bounded(self) -> bool:
        """Whether it is known how many keys the ones that were looked at stand for."""
        return self.complete or (self.total is not None and self.looked > 0)


class Biggest:
    """The largest entries of those that were looked at."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._heap: list[tuple[int, bytes]] = []

    def add(self, length: int, key: bytes) -> None:
        if len(self._heap) < self._most:
            if (length, key) not in self._heap:
                heapq.heappush(self._heap, (length, key))
        elif self._heap and length > self._heap[0][0] and (length, key) not in self._heap:
            heapq.heapreplace(self._heap, (length, key))

    def found(self) -> list[tuple[int, bytes]]:
        """(bytes, key) of each, the largest first."""
        return sorted(self._heap, reverse=True)


class Sampling:
    """Looks at the keys of one server after another."""

    def __init__(
        self, engine: Engine, wanted: Wanted, columns: Columns, progress: Callable[[int, int], None]
    ) -> None:
        self.parts: list[Part] = []
        self.biggest = Biggest(wanted.biggest)
        self.lookups = 0
        self._match = engine.naming.everything()
        self._wanted = wanted
        self._columns = columns
        self._progress = progress

    @property
    def sampled(self) -> int:
        return sum(part.whole.count for part in self.parts)

    def server(self, node: Any, total: int | None, left: int, expected: int) -> Operation[None]:
        """Looks at the keys of a server that has ``total``, None where it does not tell; it is one
        of ``left`` servers that share what is wanted. ``expected`` is for the progress bar."""
        part = Part(total)
        limit = self._wanted.limit
        quota = None if limit is None else -(-(limit - self.sampled) // left)
        self.parts.append(part)
        seen: set[bytes] = set()
        cursor = -1
        while cursor and (
            quota is None or (part.whole.count < quota and part.looked < LOOKS * quota)
        ):
            cursor, found = yield SCAN(max(cursor, 0), self._match, _PAGE).on(node)
            fresh = [key for key in dict.fromkeys(found) if key not in seen]
            if len(seen) < _KNOWN:
                seen.update(fresh)
            for start in range(0, len(fresh), _PAGE):
                yield from self._page(node, fresh[start : start + _PAGE], part)
            part.looked += max(_PAGE, len(found))
            self._progress(self.sampled, expected)
        part.complete = not cursor

    def _page(self, node: Any, keys: list[bytes], part: Part) -> Operation[None]:
        count, lookups = len(keys), self._wanted.lookups
        asked = self._columns.commands(keys) if lookups else []
        replies = yield [
            *[MEMORY_USAGE(key).on(node) for key in keys],
            *[PTTL(key).on(node) for key in keys if lookups],  # type: ignore[arg-type]  # bytes do
            *[one.command.on(node) for one in asked],
        ]
        lengths, rest = replies[:count], replies[count:]
        self.lookups += len(rest)
        times = rest[:count] if lookups else [None] * count
        counts = self._columns.of_keys(asked, rest[count:] if lookups else [])
        for key, length, left in zip(keys, lengths, times, strict=True):
            if isinstance(left, Exception):
                raise left
            if is_refusal(length):  # not every service has or allows it
                length, part.weighed = 0, False
            elif isinstance(length, Exception):
                raise length
            if left != -2 and length is not None:  # it may have expired meanwhile
                self._count(part, key, length, left, counts.get(key, {}))

    def _count(self, part: Part, key: bytes, length: int, left: Any, counts: Any) -> None:
        family = self._wanted.family_of(key.decode(errors="replace"))
        part.whole.add(length, {})
        part.families.setdefault(family, Tally()).add(length, counts)
        if left is not None:
            part.spans.setdefault(_span(left), Tally()).add(0, {})
        if part.weighed:
            self.biggest.add(length, key)


def _span(milliseconds: int) -> str:
    if milliseconds < 0:
        return NEVER
    return next((name for name, most in SPANS if milliseconds < most), LONGER)
