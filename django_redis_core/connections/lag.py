"""How far replicas are behind their primary, in seconds.

A primary shows for each replica a ``lag``, and a replica its ``master_last_io_seconds_ago``: when
the two last talked, and not what the replica has (https://redis.io/docs/latest/commands/info/). One
that gets every byte a minute late shows 0 in both. What it has is its offset in the primary's
stream of writes. So the primary's own offset is noted with the time at which it was asked for, and
a replica that has come to a noted offset has all that was written until then.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..commands import Command, Kind, text
from .node import Node


@dataclass(frozen=True, slots=True)
class Position:
    """``offset`` bytes into the ``history`` of one primary; others' cannot be compared with it."""

    history: str
    offset: int


def _position(reply: Any) -> Position | None:
    lines = text(reply).splitlines()
    facts = dict(line.split(":", 1) for line in lines if ":" in line)
    # What a replica has received and not carried out does not count: a reader does not see it.
    offset = facts.get("slave_repl_offset") or facts.get("master_repl_offset")
    history = facts.get("master_replid")
    return None if offset is None or history is None else Position(history, int(offset))


_INFO = Kind("INFO", write=False, read=_position)


def where_is(node: Node) -> Command:
    """Asks a server for its ``Position``; None: it does not say."""
    return Command(_INFO, (b"INFO", b"replication"), None, node)


class Track:
    """Where the primary was at which time (``time.monotonic()``), for the last ``seconds``."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._noted: tuple[tuple[float, Position], ...] = ()

    def note(self, asked: float, position: Position) -> None:
        """The primary was at ``position``, or not yet there, at the time ``asked``."""
        kept = (
            (when, before)
            for when, before in self._noted
            if asked - self.seconds <= when and before.history == position.history
        )
        self._noted = (*kept, (asked, position))

    def reached(self, position: Position, now: float) -> bool:
        """Whether a replica at ``position`` has all that was written ``seconds`` before ``now``.
        False also where that is not known."""
        return any(
            now - self.seconds <= when
            and position.history == noted.history
            and position.offset >= noted.offset
            for when, noted in self._noted
        )
