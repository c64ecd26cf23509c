"""What a topology may ask of an executor besides sending one command."""

from __future__ import annotations

from collections.abc import Sequence

from ..commands import Command
from .node import Node


class Groups:
    """Commands for several servers at once, which ``discover`` and ``after`` may yield too.
    Answered: for each server the list of replies, or the trouble that it is in."""

    __slots__ = ("groups",)

    def __init__(self, groups: Sequence[tuple[Node, Sequence[Command]]]) -> None:
        self.groups = groups
