"""What a majority of a service's sentinels knows of its primary.

For commands the latest answer will do, whoever gives it. Who believes a server for as long as
nobody says otherwise needs a majority: a switch is decided by one, so that of any other majority at
least one sentinel has heard of it or was asked to agree to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django_redis_core.commands import text
from django_redis_core.connections import Groups
from django_redis_core.exceptions import ConnectionInterrupted

from .answers import command, pairs

if TYPE_CHECKING:
    from django_redis_core.commands import Operation
    from django_redis_core.connections import Node

    from .answers import Address


@dataclass(frozen=True, slots=True)
class Word:
    """Whom a sentinel names, since which epoch, and how many sentinels it knows, itself included.

    It counts those that are gone, too, until an administrator has them forgotten (SENTINEL RESET):
    so it does when it needs their votes.
    """

    primary: Address
    epoch: int
    sentinels: int


def word(service: str, sentinels: Sequence[Node]) -> Operation[Word]:
    """The latest word of a majority. Raises ``ConnectionInterrupted`` where fewer have answered."""
    questions = (command(b"GET-MASTER-ADDR-BY-NAME", service), command(b"MASTER", service))
    replies = yield Groups([(sentinel, questions) for sentinel in sentinels])  # type: ignore[misc]  # asked of the executor
    words = [said for said in map(_said, replies) if said is not None]
    known = max((said.sentinels for said in words), default=len(sentinels))
    if len(words) * 2 <= known:
        reason = (
            f"{len(words)} of its {known} sentinels say which server is its primary, and it takes "
            "a majority of them to know that none has taken its place"
        )
        if len(sentinels) * 2 <= known:
            reason += ": name all of them in SENTINELS"
        raise ConnectionInterrupted(f"service {service!r}", reason)
    return max(words, key=lambda said: said.epoch)


def _said(replies: Any) -> Word | None:
    """None where it does not answer, or does not know the service."""
    if isinstance(replies, Exception):
        return None
    address, master = replies
    if address is None or isinstance(address, Exception) or isinstance(master, Exception):
        return None
    facts = pairs(master)
    return Word(
        (text(address[0]), int(address[1])),
        int(facts["config-epoch"]),
        int(facts["num-other-sentinels"]) + 1,
    )
