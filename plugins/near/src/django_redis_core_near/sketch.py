"""How often keys were read lately, whoever has a copy of them or not: what is worth keeping.

A count-min sketch as in TinyLFU (Einziger, Friedman, Manes, "TinyLFU: A Highly Efficient Cache
Admission Policy", https://arxiv.org/abs/1512.00727): each key has two counters that it may share
with others, and the lower one is nearly always its own. It never knows less of a key than there
was, unless it was to forget. Both are in one row and take a byte each: in Python more counters cost
more than they tell, and half a byte more than it saves. The lowest count, of one read, stands for
the paper's doorkeeper.

No lock: of two reads at one time one may be lost, which is a count too low.
"""

from __future__ import annotations

#: Bits of a key's hash after which the second counter's place begins.
SECOND = 31
#: Counters for each copy that the store has room for.
WIDTH = 16
#: No count is higher: what is read more often is worth keeping anyway.
TOP = 15
#: Counted reads for each copy that there is room for, after which all counts are halved: what was
#: read often long ago must not keep its place for ever.
SAMPLE = 2

_HALVES = bytes(count // 2 for count in range(256))


class Sketch:
    """Counts for a store of ``room`` copies, by the hashes of keys. Whoever counts reads looks at
    ``counts`` by itself, at ``hashed & mask`` and ``hashed >> SECOND & mask``, and calls ``age``
    after each ``sample`` of them."""

    __slots__ = ("counts", "mask", "sample")

    def __init__(self, room: int) -> None:
        width = 1 << max(room * WIDTH - 1, 255).bit_length()
        self.mask = width - 1
        self.counts = bytearray(width)
        self.sample = max(room * SAMPLE, 16)

    def count(self, hashed: int) -> int:
        """How many reads are known of a key, which may be too many."""
        return min(self.counts[hashed & self.mask], self.counts[hashed >> SECOND & self.mask])

    def add(self, hashed: int, reads: int) -> None:
        """So many more reads of a key, of which no more than ``TOP`` are known."""
        known = min(self.count(hashed) + reads, TOP)
        for place in (hashed & self.mask, hashed >> SECOND & self.mask):
            self.counts[place] = max(self.counts[place], known)

    def lower(self, hashed: int, count: int) -> None:
        """No more than ``count`` are to be known of a key, be there others that share its
        counters."""
        for place in (hashed & self.mask, hashed >> SECOND & self.mask):
            self.counts[place] = min(self.counts[place], count)

    def clear(self) -> None:
        self.counts[:] = bytes(len(self.counts))

    def age(self) -> None:
        """Halves what is known of all."""
        self.counts[:] = self.counts.translate(_HALVES)
