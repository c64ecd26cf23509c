"""How often keys were read lately, whoever has a copy of them or not: what is worth keeping.

A count-min sketch as in TinyLFU (Einziger, Friedman, Manes, "TinyLFU: A Highly Efficient Cache
Admission Policy", https://arxiv.org/abs/1512.00727): it never knows less of a key than there was,
and sometimes more, where two share a counter. With one row, that is wide enough for this to be
rare, and a byte a counter: in Python a second row costs as much as all the rest of a count, and
half a byte more than it saves. The lowest count, of one read, stands for the paper's doorkeeper.

No lock: of two reads at one time one may be lost, which is a count too low.
"""

from __future__ import annotations

#: Counters for each copy that the store has room for.
WIDTH = 16
#: No count is higher: what is read more often is worth keeping anyway.
TOP = 15
#: Counted reads for each copy that there is room for, after which all counts are halved: what was
#: read often long ago must not keep its place for ever.
SAMPLE = 2

_HALVES = bytes(count // 2 for count in range(256))


class Sketch:
    """Counts for a store of ``room`` copies. Whoever counts looks at ``counts`` by itself, at
    ``hash(key) & mask``, and calls ``age`` after each ``sample`` reads."""

    __slots__ = ("counts", "mask", "sample")

    def __init__(self, room: int) -> None:
        width = 1 << max(room * WIDTH - 1, 255).bit_length()
        self.mask = width - 1
        self.counts = bytearray(width)
        self.sample = max(room * SAMPLE, 16)

    def add(self, place: int, reads: int) -> None:
        """So many more of the key that is counted there."""
        self.counts[place] = min(TOP, self.counts[place] + reads)

    def halve(self, place: int) -> None:
        """Less is known for it than there was."""
        self.counts[place] //= 2

    def clear(self) -> None:
        self.counts[:] = bytes(len(self.counts))

    def age(self) -> None:
        self.counts[:] = self.counts.translate(_HALVES)
