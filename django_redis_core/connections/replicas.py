"""Which of several servers answers a read.

``READ_FROM`` says how: ``replicas`` by chance, ``nearest`` by the lowest latency (the primary
counts too), ``primary`` never a replica. A server whose breaker is open is left out until it is
time to try it again; where none is well, the primary answers.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence

from ..commands import Command, Kind
from ..exceptions import ConnectionInterrupted
from ..requests import Operation
from .node import Node

#: Seconds for which a measurement of latencies counts.
MEASURED_FOR = 10.0

_PING = Kind("PING", write=False)


class Readers:
    """The servers that may answer reads, chosen by chance. Made anew when they change."""

    #: False: ``measure`` must run before ``pick``.
    ready: bool = True

    def __init__(self, primary: Node | None, replicas: Sequence[Node]) -> None:
        self.primary = primary
        self.nodes = tuple(replicas) or ((primary,) if primary is not None else ())

    def pick(self) -> Node | None:
        """The server for a read; None where there is none at all."""
        nodes = self.nodes
        if not nodes:
            return None
        node = nodes[0] if len(nodes) == 1 else random.choice(nodes)
        return node if not node.breaker.opened else self._instead(node)

    def _instead(self, node: Node) -> Node:
        if time.monotonic() >= node.breaker.probe_at:
            return node  # it may be well again, and this read finds out
        well = [other for other in self.nodes if not other.breaker.opened]
        return random.choice(well) if well else self.primary or node

    def measure(self) -> Operation[None]:
        """Finds out what ``pick`` must know."""
        yield from ()


class Nearest(Readers):
    """The server that answers soonest, measured with PING every 10 s."""

    def __init__(self, primary: Node | None, replicas: Sequence[Node]) -> None:
        super().__init__(primary, replicas)
        self._every = tuple(dict.fromkeys([*self.nodes, *([primary] if primary else [])]))
        self._until = 0.0

    @property
    def ready(self) -> bool:  # type: ignore[override]  # a measurement grows old
        return time.monotonic() < self._until

    def measure(self) -> Operation[None]:
        self._until = time.monotonic() + MEASURED_FOR  # for others, while this caller measures
        took: dict[Node, float] = {}
        for node in self._every:
            try:
                # Twice, for the first one may have to connect.
                for _ in range(2):
                    began = time.monotonic()
                    yield Command(_PING, (b"PING",), None, node)
                    took[node] = time.monotonic() - began
            except ConnectionInterrupted:
                took.pop(node, None)
        if took:
            self.nodes = tuple(sorted(took, key=lambda node: took[node]))

    def pick(self) -> Node | None:
        for node in self.nodes:
            breaker = node.breaker
            if not breaker.opened or time.monotonic() >= breaker.probe_at:
                return node
        return self.primary or super().pick()


def readers(read_from: str, primary: Node | None, replicas: Sequence[Node]) -> Readers:
    """Who answers reads, for a value of ``READ_FROM``."""
    if read_from == "nearest":
        return Nearest(primary, replicas)
    return Readers(primary, () if read_from == "primary" else replicas)
