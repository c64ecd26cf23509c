"""Which primaries a majority of them knows, and with which slots.

A node that is cut off from the others, or was halted, goes on saying that it serves its slots; it
was replaced by the votes of a majority. So a primary is what it says only where a majority says the
same of it, itself included. https://redis.io/docs/latest/commands/cluster-nodes/ is asked for,
since it has epochs: a slot that moved away and back has been another node's meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from django_redis_core.commands import Command, Kind, text
from django_redis_core.connections import Groups, Node, node_for
from django_redis_core.exceptions import ConnectionInterrupted

if TYPE_CHECKING:
    from django_redis_core.commands import Operation
    from django_redis_core.connections import Confirmed, ServerConfig

_NODES = Kind("CLUSTER", write=False)

#: The epoch in which a primary got its slots, and the slots.
Part = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class View:
    """What the node with the id ``node`` says: of each primary by its id, which part it serves."""

    node: str
    parts: Mapping[str, Part]


def view(reply: Any) -> View:
    """The answer to CLUSTER NODES."""
    own = ""
    parts: dict[str, Part] = {}
    for line in text(reply).splitlines():
        name, _, flags, _, _, _, epoch, _, *slots = line.split(" ")
        if "myself" in flags.split(","):
            own = name
        # In brackets a node names slots of its own that are on their way, which are still its own.
        served = [slot for slot in slots if not slot.startswith("[")]
        if served and "master" in flags.split(","):
            parts[name] = (epoch, *served)
    return View(own, parts)


class Primaries:
    """Asks a cluster's primaries for their views: on connections of their own, on which nobody else
    waits, and without a circuit breaker, which would tell of trouble that no caller has met."""

    def __init__(self) -> None:
        self._askers: dict[Node, Node] = {}

    def confirm(self, primaries: Iterable[Node], seconds: float) -> Operation[Confirmed]:
        """As ``Topology.confirm``; who does not answer in ``seconds`` has not answered."""
        known = self._askers
        self._askers = askers = {
            node: known.get(node) or node_for(_brief(node.config, seconds)) for node in primaries
        }
        for node, asker in known.items():
            if node not in askers:
                asker.close_idle()  # nobody would until the collector comes
        replies = yield Groups(  # type: ignore[misc]  # asked of the executor
            [(asker, (Command(_NODES, (b"CLUSTER", b"NODES"), None),)) for asker in askers.values()]
        )
        views: dict[Node, View] = {}
        troubles: dict[Node, ConnectionInterrupted] = {}
        for node, reply in zip(askers, replies, strict=True):
            said = reply if isinstance(reply, Exception) else reply[0]
            if isinstance(said, Exception):
                reason = getattr(said, "reason", "") or str(said)
                troubles[node] = ConnectionInterrupted(node.name, reason)
            else:
                views[node] = view(said)
        return {node: troubles.get(node) or judged(node, views) for node in askers}


def judged(node: Node, views: Mapping[Node, View]) -> Part | ConnectionInterrupted:
    """What ``node`` is the primary of by the views of all that have answered, or why not."""
    known = views[node]
    part = known.parts.get(known.node)
    if part is None:
        return ConnectionInterrupted(node.name, "it is no primary of any slots")
    # Two addresses of one node have one vote.
    votes = {
        other.node
        for other in views.values()
        if other.node in known.parts and other.parts.get(known.node) == part
    }
    if len(votes) * 2 > len(known.parts):
        return part
    return ConnectionInterrupted(
        node.name,
        f"{len(votes)} of the cluster's {len(known.parts)} primaries say that it serves the slots "
        "that it names, and it takes a majority of them to know that none has taken its place",
    )


def _brief(config: ServerConfig, seconds: float) -> ServerConfig:
    least = seconds if config.timeout is None else min(seconds, config.timeout)
    return replace(config.within(least), breaker_failures=0, max_connections=None)
