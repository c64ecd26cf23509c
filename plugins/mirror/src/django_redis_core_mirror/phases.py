"""The phases of a move: which cache answers what.

Processes do not learn of a new phase at the same moment. So each phase is right together with the
one before and the one after it: that is why there are seven and not three.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, NamedTuple


class Phase(IntEnum):
    """In the order of the move; a way back is the same order downwards."""

    #: Everything is the old cache's. Processes of the release before may be running still.
    OLD = 0
    #: The same, and what is written is removed from the new cache, so that it holds nothing old
    #: when somebody begins to read there.
    PREPARE = 1
    #: Values are read from the new cache, then from the old one, and written to both. Counters,
    #: locks and data structures are the old one's.
    BOTH = 2
    #: The same, and who would change a counter, a lock or a structure waits.
    HANDOVER = 3
    #: Counters, locks and structures are the new cache's, which takes over each as it is used.
    NEW = 4
    #: The old cache is not read any more, and still written to for those who do not know yet.
    LEAVE = 5
    #: Everything is the new cache's. Processes of the release after may be running already.
    ALONE = 6

    @property
    def title(self) -> str:
        return self.name.lower()

    @property
    def old_decides(self) -> bool:
        """Whether counters, locks and structures are the old cache's, and the phase with them."""
        return self <= Phase.HANDOVER


#: Where an operator may stop: in the others no process should stay.
STOPS = (Phase.OLD, Phase.BOTH, Phase.NEW, Phase.ALONE)


def way(start: Phase, end: Phase) -> list[Phase]:
    """The phases from ``start`` to ``end``, without the first."""
    step = 1 if end >= start else -1
    return [Phase(number) for number in range(start + step, end + step, step)]


class Record(NamedTuple):
    """A phase as it is written down: the number of the change that brought it, the phase, and the
    second since 1970 of that change, 0 where there was none."""

    change: int
    phase: Phase
    since: int = 0

    def written(self) -> bytes:
        return b"%d %d %d" % self


def read(reply: Any) -> Record | None:
    """The record that a server has, or None where it has none."""
    if not isinstance(reply, bytes):
        return None
    parts = reply.split()
    try:
        return Record(int(parts[0]), Phase(int(parts[1])), int(parts[2]))
    except (ValueError, IndexError):
        return None
