"""Which server a command goes to, and what to do when it fails there.

A connection factory makes a topology. It decides, and never sends: what it needs to find out it
asks for by yielding commands, as operations do, so blocking code and asyncio share it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Protocol

from ..commands import Command, Key, Operation, Place, Spread
from ..exceptions import ConnectionInterrupted, ServerRefused, ServerTimeout
from .node import Node, Nodes, node_for
from .replicas import for_reads, instead_of, readers

Parts = list[tuple[list[int], Command]]
Instead = Sequence[Command] | Spread | None


class Clients(Protocol):
    """Gives redis-py clients, as a node does."""

    def client(self) -> Any: ...
    def async_client(self) -> Any: ...


class Topology(ABC):
    """The servers of one cache.

    ``single`` is the one server that takes everything, or None when ``route`` must be asked.
    ``ready`` is False while ``discover`` has to run before the first command.
    """

    single: Node | None = None
    ready: bool = True

    @abstractmethod
    def route(self, command: Command) -> Node:
        """The server for ``command``, by its key and whether it writes."""

    @abstractmethod
    def primaries(self) -> Nodes:
        """All servers that together hold the whole keyspace."""

    def nodes(self) -> Nodes:
        """All servers, those that serve only reads included."""
        return self.primaries()

    def unfit(self) -> Nodes:
        """Servers that nothing is sent to, since somebody who watches over them says that they
        are not well: for who has to look after them."""
        return ()

    def clients(self, command: Command) -> Clients:
        """Who gives a redis-py client that can serve ``command``: its server, or what follows the
        server when that changes. No I/O here, so ``discover`` may not have run yet."""
        return self.route(command)

    def place(self, key: Key) -> Place:
        """Where ``key`` lives: keys of equal places may stand in one command."""
        return None

    def parts(self, spread: Spread) -> Parts:
        """``spread`` as one command a place, each with its keys' positions."""
        return spread.split(self.place)

    def discover(self) -> Operation[None]:
        """Finds out which servers there are."""
        yield from ()

    def survey(self) -> Operation[None]:
        """Before work over the whole keyspace: makes sure that ``primaries`` are still all."""
        yield from ()

    def after(
        self, command: Command, node: Node, trouble: ConnectionInterrupted, attempt: int
    ) -> Operation[Instead]:
        """What to send instead when ``command`` failed on ``node``. ``attempt`` counts from 1.

        Several commands go to the last one's node, on one connection, and the last reply counts.
        A ``Spread`` is split anew. None: nothing, the caller gets ``trouble``.
        """
        yield from ()
        return None


class SingleServer(Topology):
    """One primary, and replicas that may serve reads. ``read_from`` is as in ``READ_FROM``.

    ``max_lag`` is as in ``REPLICA_MAX_LAG``, in seconds.

    ``replica_read_only`` False: where the primary cannot be reached, a write goes to another of
    the servers, for sites whose "replicas" are primaries of their own (DJANGO_REDIS'
    ``REPLICA_READ_ONLY``).
    """

    def __init__(
        self,
        primary: Node,
        replicas: Sequence[Node] = (),
        *,
        replica_read_only: bool = True,
        read_from: str = "replicas",
        max_lag: float | None = None,
    ) -> None:
        self.primary = primary
        # For redis-py's clients, to which nobody else is asked, a replica has all the time.
        self._whole = {node_for(for_reads(node.config)): node for node in replicas}
        self.replicas = tuple(self._whole)
        self.replica_read_only = replica_read_only
        self._readers = readers(read_from, primary, self.replicas, max_lag)
        if not self.replicas:
            self.single = primary

    @property
    def ready(self) -> bool:  # type: ignore[override]  # what was measured grows old
        return self._readers.ready

    def discover(self) -> Operation[None]:
        yield from self._readers.measure()

    def route(self, command: Command) -> Node:
        return self.primary if command.kind.write else self._readers.pick() or self.primary

    def primaries(self) -> Nodes:
        return (self.primary,)

    def nodes(self) -> Nodes:
        return (self.primary, *self.replicas)

    def clients(self, command: Command) -> Clients:
        node = self.route(command)
        return self._whole.get(node, node)

    def parts(self, spread: Spread) -> Parts:
        return [(list(range(len(spread.keys))), spread.whole())]

    def after(
        self, command: Command, node: Node, trouble: ConnectionInterrupted, attempt: int
    ) -> Operation[Instead]:
        """A read that a replica could not serve goes to the other servers, the primary last."""
        yield from ()
        late = isinstance(trouble, ServerTimeout)
        if not self.replicas or not moved_on(trouble):
            return None
        if command.node is not None and command.key is None:
            return None  # a cursor, for example, means nothing elsewhere
        if command.kind.write:
            if self.replica_read_only or not trouble.before_sending or late:
                return None
            return [command.on(node) for node in self.replicas[attempt - 1 : attempt]]
        if node not in self.replicas:
            return None  # the primary was asked, by choice or as the last one
        if late:
            if attempt > 1 or not command.kind.repeatable:
                return None
            return [command.on(instead_of(node, self.primary, self._readers.nodes))]
        # The replicas after this one, in a circle, so that each is asked once.
        circle = [each for each in self.replicas if each is node or each in self._readers.nodes]
        if attempt >= len(circle):
            return [command.on(self.primary)]
        return [command.on(circle[(circle.index(node) + 1) % len(circle)])]


def moved_on(trouble: ConnectionInterrupted) -> bool:
    """Whether another server may be able to do what this one could not."""
    return not isinstance(trouble, ServerRefused) or trouble.code in _ELSEWHERE


_ELSEWHERE = frozenset({"LOADING", "MASTERDOWN", "READONLY", "MAXCLIENTS"})
