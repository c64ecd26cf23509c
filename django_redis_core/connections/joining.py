"""Several SETs as one MSETEX, where the server knows it: a third of the time on both sides.

https://valkey.io/commands/msetex/ (Valkey 9.1), https://redis.io/docs/latest/commands/msetex/
(Redis 8.4). An older server says that it does not, once for each process, and gets SETs from then
on; so does one that refuses MSETEX for whatever reason, and each key then has a reply of its own.
Nodes of a cluster are never sent one (``ServerConfig.msetex``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..commands import Command, Key, Operation, Place, Reply
from ..commands.command import msetex
from .groups import Groups
from .node import Node

#: SETs in one MSETEX at most, and bytes of their values: a server does nothing else meanwhile, and
#: closes connections whose commands are too large.
MOST, LARGEST = 128, 2**20

Batch = Sequence[Command]


class Joined:
    """A batch for one node, in pieces of SETs that became one command."""

    def __init__(self, node: Node, pieces: Sequence[Batch], commands: Batch) -> None:
        self.node = node
        self.pieces = pieces
        self.commands = commands

    def settled(self, replies: Sequence[Reply]) -> tuple[list[Reply], list[int]]:
        """A reply for each SET, and the places of those that are to be sent again: the pieces that
        were refused, and after them what sets one of their keys once more, for the order counts."""
        done: list[Reply] = []
        again: list[int] = []
        keys: set[Key | None] = set()
        for piece, reply in zip(self.pieces, replies, strict=True):
            refused = isinstance(reply, Exception)
            if refused and (
                "unknown command" in str(reply) or getattr(reply, "code", "") == "NOPERM"
            ):
                self.node.without_msetex = True
            if refused or (keys and not keys.isdisjoint(one.key for one in piece)):
                keys.update(one.key for one in piece)
                again += range(len(done), len(done) + len(piece))
            done += [reply] * len(piece)
        return done, again


def joined(node: Node, batch: Batch, place: Callable[[Key], Place] | None) -> Joined | None:
    """``batch`` in fewer commands, when all of it are SETs with one expiry to keys of one place."""
    if len(batch) < 2 or node.without_msetex:
        return None
    pieces = [batch[start : start + MOST] for start in range(0, len(batch), MOST)]
    commands = []
    for piece in pieces:
        command = msetex(piece, place, LARGEST)
        if command is None:
            return None
        commands.append(command)
    return Joined(node, pieces, commands)


def send_joined(
    groups: Sequence[tuple[Node, Batch]], place: Callable[[Key], Place] | None
) -> Operation[list[list[Reply] | Exception]]:
    """Sends each node its batch; for each the replies, or the trouble that it is in."""
    joins = [joined(node, batch, place) for node, batch in groups]
    answers = yield Groups(  # type: ignore[misc]  # asked of the executor, not the driver
        [
            (node, batch if join is None else join.commands)
            for (node, batch), join in zip(groups, joins, strict=True)
        ]
    )
    again: dict[int, list[int]] = {}
    for at, join in enumerate(joins):
        if join is not None and not isinstance(answers[at], Exception):
            answers[at], places = join.settled(answers[at])
            if places:
                again[at] = places
    if again:
        more = yield Groups(  # type: ignore[misc]
            [
                (groups[at][0], [groups[at][1][one] for one in places])
                for at, places in again.items()
            ]
        )
        for (at, places), replies in zip(again.items(), more, strict=True):
            for one, position in enumerate(places):
                failed = isinstance(replies, Exception)
                answers[at][position] = replies if failed else replies[one]
    return answers  # type: ignore[no-any-return]
