"""Commands that were sent to one server while others are still sent to theirs."""

from __future__ import annotations

from collections.abc import Sequence

from ..commands import Command, Reply
from .link import Link
from .pool import LinkPool, SitePool


class Flight:
    """Commands that are on their way on one link."""

    __slots__ = ("commands", "link", "pool", "replies")

    def __init__(self, commands: Sequence[Command], pool: LinkPool | SitePool) -> None:
        self.commands = commands
        #: Where the link goes back to: the node may have another pool by then.
        self.pool = pool
        self.link: Link | None = None
        self.replies: list[Reply] = []
