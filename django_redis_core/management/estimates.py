"""From a sample of keys to figures for all of them, and how far these may be off.

SCAN goes through a hash table, so its first keys are as good as any drawn by lot
(https://redis.io/commands/scan/): figures are those of a simple random sample without replacement
of all keys in the database, in which keys of others count as nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from .columns import Name

#: How many standard errors an ``error`` is: 19 of 20 samples are no further off.
WIDTH = 1.96

#: Where a sample has none of a kind, at most this many in it are compatible with that, as often.
NONE_SEEN = 3


@dataclass
class Tally:
    """Keys of one kind among those of one server that were looked at."""

    count: int = 0
    bytes: int = 0
    squares: int = 0  # of each key's bytes
    columns: dict[Name, float] = field(default_factory=dict)

    def add(self, length: int, counts: Mapping[Name, float]) -> None:
        self.count += 1
        self.bytes += length
        self.squares += length * length
        for name, number in counts.items():
            self.columns[name] = self.columns.get(name, 0) + number


@dataclass
class Scale:
    """``looked`` keys of the ``total`` in a database, whoever's they are. ``total`` is None where
    those that were looked at stand for nobody else."""

    looked: int
    total: int | None

    @property
    def weight(self) -> float:
        """How many keys each that was looked at stands for."""
        if self.total is None or not self.looked:
            return 1
        return max(self.total / self.looked, 1)

    def variance(self, mean: float, mean_square: float) -> float:
        """That of a sum over all keys which is estimated by a mean over those looked at."""
        if self.total is None or not 0 < self.looked < self.total:
            return 0
        of_one = max(mean_square - mean * mean, 0)
        left = 1 - self.looked / self.total
        return self.total * self.total * left * of_one / self.looked


@dataclass
class Estimate:
    """Keys of one kind on all servers."""

    sampled: int = 0
    keys: float = 0
    bytes: float = 0
    columns: dict[Name, float] = field(default_factory=dict)
    _keys_variance: float = 0
    _bytes_variance: float = 0
    _unseen: float = 0  # keys that may be where none was seen

    def add(self, tally: Tally, scale: Scale) -> None:
        """Adds what was found on a server."""
        weight = scale.weight
        self.sampled += tally.count
        self.keys += tally.count * weight
        self.bytes += tally.bytes * weight
        for name, number in tally.columns.items():
            self.columns[name] = self.columns.get(name, 0) + number * weight
        looked = scale.looked or 1
        share = tally.count / looked
        self._keys_variance += scale.variance(share, share)
        self._bytes_variance += scale.variance(tally.bytes / looked, tally.squares / looked)
        if not tally.count and scale.total is not None and scale.looked < scale.total:
            self._unseen += min(NONE_SEEN * weight, scale.total)

    def merge(self, other: Estimate) -> None:
        """Adds keys of another kind."""
        self.sampled += other.sampled
        self.keys += other.keys
        self.bytes += other.bytes
        for name, number in other.columns.items():
            self.columns[name] = self.columns.get(name, 0) + number
        # As if the kinds had nothing to do with each other; in truth more of one is less of the
        # other, so the error is no smaller than it should be.
        self._keys_variance += other._keys_variance
        self._bytes_variance += other._bytes_variance

    @property
    def keys_error(self) -> float:
        """How far ``keys`` may be off, in 19 of 20 samples."""
        return WIDTH * math.sqrt(self._keys_variance) + self._unseen

    @property
    def bytes_error(self) -> float:
        """The same of ``bytes``. Of an entry so rare that the sample has none like it, it knows
        nothing."""
        return WIDTH * math.sqrt(self._bytes_variance)
