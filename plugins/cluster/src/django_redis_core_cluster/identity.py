"""Whether the server at an address is still the node that was there when the map was read.

Addresses are given anew: that of a node that is gone may be another cluster's by now, and what is
read and written there would be foreign data. A connection that exists cannot change sides, so each
new one asks before it serves.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

from redis.exceptions import ResponseError

from django_redis_core.commands import text
from django_redis_core.exceptions import ConnectionInterrupted


@dataclass(frozen=True)
class Greets:
    """What a connection to the node with the id ``node`` ("": not known) asks and says.

    With ``readonly`` a replica answers, and does not send its callers to the primary:
    https://redis.io/docs/latest/commands/readonly/
    """

    node: str
    readonly: bool

    @property
    def any(self) -> bool:
        return bool(self.node) or self.readonly

    def __call__(self) -> Generator[tuple[Any, ...], Any, None]:
        if self.node:
            yield from self._asks()
        if self.readonly:
            yield ("READONLY",)

    def _asks(self) -> Generator[tuple[Any, ...], Any, None]:
        try:
            here = text((yield ("CLUSTER", "MYID")))
            # Another node of the same cluster sends on what it does not serve, and a proxy may
            # stand for many: both name the one that is meant.
            if here == self.node or self.node in ids_in((yield ("CLUSTER", "SLOTS"))):
                return
        except ResponseError:
            return  # this user may not ask; then the age of the map has to do
        raise ConnectionInterrupted(
            None, f"here was the node {self.node}, and now is one of another cluster, {here}"
        )


def ids_in(reply: Sequence[Any]) -> frozenset[str]:
    """The ids of all nodes that https://redis.io/docs/latest/commands/cluster-slots/ names."""
    return frozenset(
        text(server[2]) for _, _, *servers in reply for server in servers if len(server) > 2
    )
