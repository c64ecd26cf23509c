"""What a topology may ask of an executor besides sending one command."""

from __future__ import annotations

from collections.abc import Sequence

from ..commands import Command
from .node import Node


class Groups:
    """Commands for several servers at once, which a topology's operations may yield::

        replies = yield Groups([(node, [first, second]) for node in nodes])

    All are written before any reply is read. Answered: a list with, for each server, the list of
    its replies, in which a command that it refused has its exception, or the
    ``ConnectionInterrupted`` of a server in trouble. A node may stand there once.
    """

    __slots__ = ("groups",)

    def __init__(self, groups: Sequence[tuple[Node, Sequence[Command]]]) -> None:
        self.groups = groups
