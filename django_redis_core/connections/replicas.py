"""Which of several servers answers a read.

``READ_FROM`` says how: ``replicas`` by chance, ``nearest`` by the lowest latency (the primary
counts too), ``primary`` never a replica. A server whose breaker is open is left out until it was
found to be well again (``probing``), and with ``REPLICA_MAX_LAG`` a replica that is too far behind;
where none is well, the primary answers.

A replica may take only a part of an operation's time, so that a read for which it is silent is
answered elsewhere in the rest.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from ..commands import Command, Kind, Operation
from ..exceptions import ConnectionInterrupted, ServerRefused
from .config import ServerConfig
from .groups import Groups
from .lag import Track, where_is
from .node import Node
from .probing import left_out

#: Seconds for which a measurement of latencies counts.
MEASURED_FOR = 10.0
#: Seconds after which a replica that was too far behind is looked at again.
AGAIN = 1.0
#: The part of an operation's time that a replica may take; the rest is that of the next server.
PART = 0.5

_PING = Kind("PING", write=False)


def for_reads(config: ServerConfig) -> ServerConfig:
    """``config`` of a replica, which may take only a part of the time: connecting too."""
    if config.timeout is None:
        return config
    return config.within(config.timeout * PART)


def instead_of(silent: Node, primary: Node, replicas: Sequence[Node]) -> Node:
    """Who is asked in the rest of the time, after ``silent`` took its part of it. There is time for
    one more, so it is the one that answers most likely."""
    if not primary.breaker.opened:
        return primary
    well = [node for node in replicas if node is not silent and not node.breaker.opened]
    return random.choice(well) if well else primary


class Readers:
    """The servers that may answer reads, in a topology of its own ``discover`` and ``route``: made
    by ``readers``, and made anew when the servers change.

    While ``ready`` is False, ``discover`` runs ``yield from measure()``; ``route`` asks ``pick``.
    ``nodes`` are those that may be picked now.
    """

    #: The time (``time.monotonic()``) from which on ``measure`` must run before ``pick``.
    until: float = math.inf
    #: Whether it is not yet that time.
    ready: bool = True

    def __init__(self, primary: Node | None, replicas: Sequence[Node]) -> None:
        self.primary = primary
        self.nodes = tuple(replicas) or ((primary,) if primary is not None else ())

    def pick(self) -> Node | None:
        """The server for a read, without I/O: one that is well, the primary where no replica is.
        None where there is none at all."""
        nodes = self.nodes
        if not nodes:
            return None
        node = nodes[0] if len(nodes) == 1 else random.choice(nodes)
        return node if not node.breaker.opened else self._instead(node)

    def _instead(self, node: Node) -> Node:
        well = [other for other in self.nodes if not other.breaker.opened]
        instead = random.choice(well) if well else self.primary
        if instead is None or instead is node:
            return node  # there is nobody else: this read finds out whether it is well again
        return instead if left_out(node) else node

    def measure(self) -> Operation[None]:
        """Finds out what ``pick`` must know: latencies, or how far replicas are behind. Raises
        ``ServerRefused`` where REPLICA_MAX_LAG asks a server for what it does not tell."""
        yield from ()


class Measured(Readers):
    """What is known of the servers grows old."""

    until = 0.0

    @property
    def ready(self) -> bool:  # type: ignore[override]
        return time.monotonic() < self.until


class Nearest(Measured):
    """The server that answers soonest, measured with PING every 10 s."""

    def __init__(self, primary: Node | None, replicas: Sequence[Node]) -> None:
        super().__init__(primary, replicas)
        self._every = tuple(dict.fromkeys([*self.nodes, *([primary] if primary else [])]))

    def measure(self) -> Operation[None]:
        self.until = time.monotonic() + MEASURED_FOR  # for others, while this caller measures
        took: dict[Node, float] = {}
        try:
            for node in self._every:
                if left_out(node):
                    continue
                try:
                    # Twice, for the first one may have to connect.
                    for _ in range(2):
                        began = time.monotonic()
                        yield Command(_PING, (b"PING",), None, node)
                        took[node] = time.monotonic() - began
                except ConnectionInterrupted:
                    took.pop(node, None)
        except BaseException:  # this caller goes no further: its task was cancelled, say
            self.until = 0.0
            raise
        if took:
            self.nodes = tuple(sorted(took, key=lambda node: took[node]))

    def pick(self) -> Node | None:
        nodes = self.nodes
        for node in nodes:
            if not node.breaker.opened:
                break
        else:
            return self.primary or super().pick()
        for nearer in nodes:
            # Those that are nearer and failed are tried meanwhile.
            if nearer is node or not left_out(nearer):
                return nearer
        return node


class UpToDate(Measured):
    """Chooses as ``make`` does among the replicas that are at most ``max_lag`` seconds behind.

    One call asks the primary and then the replicas where they are, four times in ``max_lag``, and
    those are near that have what was written half of it before. So they are near enough for the
    other half, a quarter of which the next call may take to ask. Where it takes longer, before the
    first time, and where no replica is known to be near, the primary answers; but where the primary
    is away, replicas are the best that there is, and what was known last counts on.
    """

    def __init__(
        self,
        primary: Node,
        replicas: Sequence[Node],
        max_lag: float,
        make: Callable[[Sequence[Node]], Readers],
    ) -> None:
        super().__init__(primary, ())
        self._asked = primary
        self._every = tuple(replicas)
        self._interval = max_lag / 4
        self._track = Track(max_lag / 2)
        self._make = make
        self._near: tuple[Node, ...] | None = None
        self._chosen = make(())
        #: When what is known of the replicas was asked for, and until when it counts.
        self._known = self._known_until = -math.inf

    def pick(self) -> Node | None:
        if time.monotonic() >= self._known_until and not self._asked.breaker.opened:
            return self._asked
        return self._chosen.pick()

    def measure(self) -> Operation[None]:
        began = time.monotonic()
        self.until = began + self._interval  # for others, while this caller asks
        try:
            near, known = yield from self._find_near(began)
            chosen = self._chosen if near == self._near else self._make(near)
            if not chosen.ready:
                yield from chosen.measure()
        except BaseException:  # also where the caller's task was cancelled
            self.until = 0.0
            raise
        if began < self._known:
            return  # this took so long that others who asked later know better
        self._near, self._chosen, self.nodes = near, chosen, chosen.nodes
        self._known = known
        self._known_until = max(self._known_until, known + 2 * self._interval)
        again = math.inf if len(near) == len(self._every) else began + AGAIN
        self.until = min(self.until, chosen.until, again)

    def _find_near(self, began: float) -> Operation[tuple[tuple[Node, ...], float]]:
        """The replicas that are near, and since when that is known."""
        try:
            if left_out(self._asked):
                raise ConnectionInterrupted(self._asked.name, "it failed moments ago")
            position = yield where_is(self._asked)
        except ConnectionInterrupted as trouble:
            _refuse_without_rights(self._asked, trouble)
            self._known_until = math.inf
            return (self._every if self._near is None else self._near), self._known
        if position is None:
            raise _silent(self._asked)
        self._track.note(began, position)
        # The primary is there: it answers those who come while the replicas let this caller wait.
        self._known_until = self._known + 2 * self._interval
        every = [replica for replica in self._every if not left_out(replica)]
        replies = yield Groups([(replica, [where_is(replica)]) for replica in every])  # type: ignore[misc]  # asked of the executor
        near = []
        for replica, reply in zip(every, replies, strict=True):
            found = reply if isinstance(reply, Exception) else reply[0]
            if isinstance(found, Exception):
                _refuse_without_rights(replica, found)
            elif found is None:
                raise _silent(replica)
            elif self._track.reached(found, began):
                near.append(replica)
        return tuple(near), began


def _silent(node: Node) -> ServerRefused:
    return ServerRefused(
        node.name,
        "REPLICA_MAX_LAG asks it for INFO replication, and its answer does not say where it is in "
        "a primary's stream of writes: leave the option out for servers of this kind",
    )


def _refuse_without_rights(node: Node, trouble: Exception) -> None:
    """To leave a server out because it may not be asked would hide a mistake in the settings."""
    if isinstance(trouble, ServerRefused) and trouble.code == "NOPERM":
        raise ServerRefused(
            node.name,
            "REPLICA_MAX_LAG asks it for INFO, which its ACL does not allow this user: grant it "
            f"+info, or leave the option out ({trouble.reason})",
            "NOPERM",
        ) from trouble


def readers(
    read_from: str, primary: Node | None, replicas: Sequence[Node], max_lag: float | None = None
) -> Readers:
    """Who answers reads, for values of ``READ_FROM`` (``"replicas"``, ``"nearest"``, ``"primary"``)
    and ``REPLICA_MAX_LAG`` (seconds, or None). ``primary`` None: there is none, or it must not be
    read from."""
    if read_from == "primary":
        return Readers(primary, ())
    kind: Any = Nearest if read_from == "nearest" else Readers
    if max_lag is None or primary is None or not replicas:
        return kind(primary, replicas)  # type: ignore[no-any-return]
    return UpToDate(primary, replicas, max_lag, partial(kind, primary))
