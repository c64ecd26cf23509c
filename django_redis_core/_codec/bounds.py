"""How much the values of one call may unpack to together.

A compressor bounds each value, and a call may have very many. What a thread unpacks is counted for
ever, and a call looks how much it became since it began: there is nothing to be put back when a
call ends, however it ends, and what is unpacked in the midst of another value counts as well.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from typing import TypeVar

from ..exceptions import CallTooLarge

T = TypeVar("T")


class _Unpacked(threading.local):
    bytes = 0


#: What this thread has unpacked, while any thread was ``watching``.
unpacked = _Unpacked()

#: An item for each call under way that looks. Where one was cut off before it took its own away,
#: there is one too many, which costs a little time and no more.
watching: list[None] = []


class Bound:
    """``total`` bytes for the values of one call of the cache ``alias``."""

    def __init__(self, total: int, alias: str = "") -> None:
        self.total = total
        self.alias = alias

    def counted(self, items: Iterable[T]) -> Iterator[T]:
        """``items``, until what was unpacked while they were gone through is too much."""
        began = unpacked.bytes
        watching.append(None)
        try:
            for item in items:
                yield item
                if unpacked.bytes - began > self.total:
                    raise CallTooLarge(
                        f"CACHES[{self.alias!r}]: the values of one call unpack to more than "
                        f"{self.total} bytes together. Ask for fewer at a time, or set "
                        "MAX_DECOMPRESSED_TOTAL to more."
                    )
        finally:
            del watching[-1:]
