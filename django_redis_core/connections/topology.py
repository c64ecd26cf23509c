"""Which server a command goes to, and what to do when it fails there.

A connection factory makes a topology. It decides, and never sends: what it needs to find out it
asks for by yielding commands, as operations do, so blocking code and asyncio share it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias

from ..commands import Command, Key, Operation, Place, Spread
from ..exceptions import ConnectionInterrupted, ServerRefused, ServerTimeout
from .node import Node, Nodes, node_for
from .replicas import for_reads, instead_of, readers

Parts = list[tuple[list[int], Command]]
"""Commands that a ``Spread`` became, each with the positions of its keys in ``spread.keys``."""

Instead = Sequence[Command] | Spread | None
"""What ``Topology.after`` answers: commands with their nodes, a spread, or None for nothing."""

Confirmed: TypeAlias = Mapping[Node, Hashable | ConnectionInterrupted]
"""What ``Topology.confirm`` answers: each primary with what it is the primary of, or why not."""


class Clients(Protocol):
    """Gives redis-py clients, as a node does. No I/O until a client is used."""

    def client(self) -> Any:
        """A blocking client. Called from any thread."""

    def async_client(self) -> Any:
        """A ``redis.asyncio`` client of the running loop, which closes it with itself: see
        ``Channels.client``."""


class Topology(ABC):
    """The servers of one cache: where each command goes, and what is done when it fails there.

    Made once for a process and configuration, it serves all threads and event loops at the same
    time. So what it knows is best one object that is replaced as a whole. Only ``route`` and
    ``primaries`` must be there; a topology whose servers change has ``ready`` and ``discover`` too.

    ``discover``, ``survey`` and ``after`` are operations: blocking code and asyncio both run them.
    They may yield a ``Command`` with its node (``command.on(node)``), ``Groups``, ``Sleep``, and
    ``Call`` for code that waits by itself: reading a file, asking another service. They may raise
    ``ConnectionInterrupted`` for trouble that may pass, so that IGNORE_EXCEPTIONS holds for it, and
    ImproperlyConfigured for what somebody has to mend; whatever they raise, the caller gets.
    """

    #: The one server that takes everything, so that ``route`` and ``discover`` are never asked; it
    #: is looked at once, when the cache is built. None: they are asked.
    single: Node | None = None

    #: Whether what is known may be used. While it is False, ``discover`` runs before a command is
    #: routed. Looked at for every command: an attribute, or a property that compares the time.
    ready: bool = True

    #: Whether ``confirm`` can be asked.
    confirms: bool = False

    @abstractmethod
    def route(self, command: Command) -> Node:
        """The server for ``command``, by its key and whether it writes (``command.kind.write``).

        Called after ``discover`` where ``ready`` was False, and for each command, so it only looks
        at what is known. Raises ``ConnectionInterrupted`` where there is no server now.
        """

    @abstractmethod
    def primaries(self) -> Nodes:
        """All servers that together hold the whole keyspace, for scans and ``clear``. Called after
        ``survey``, and by system checks before anything is known: no I/O. Raises
        ``ConnectionInterrupted`` where none is known."""

    def nodes(self) -> Nodes:
        """All servers, those that serve only reads included: for ``doctor``, ``stats`` and closing
        idle connections. No I/O, and nothing may be known yet: ``()`` then."""
        return self.primaries()

    def unfit(self) -> Nodes:
        """Servers that nothing is sent to, since somebody who watches over them says that they
        are not well: for who has to look after them."""
        return ()

    def clients(self, command: Command) -> Clients:
        """Who gives a redis-py client that can serve ``command``, for ``get_redis_connection``: its
        server, or what follows the server when that changes. No I/O here, and ``discover`` may not
        have run yet: a topology that must run it first returns an object of its own, whose
        ``client`` and ``async_client`` see to that."""
        return self.route(command)

    def close_idle(self) -> None:
        """Closes blocking connections that nobody uses: of its nodes, and of redis-py's clients
        where ``clients`` gives others than those of nodes. Whoever needs one later has it opened.
        """
        for node in self.nodes():
            node.close_idle()

    def place(self, key: Key) -> Place:
        """Where ``key``, as stored, lives: keys of equal places may stand in one command. One place
        for all unless this is overridden."""
        return None

    def parts(self, spread: Spread) -> Parts:
        """``spread`` as one command a place, each with its keys' positions. Where one server has
        all keys, ``[(list(range(len(spread.keys))), spread.whole())]`` saves the look at each."""
        return spread.split(self.place)

    def discover(self) -> Operation[None]:
        """Finds out which servers there are.

        Runs while ``ready`` is False, before a command is routed: in the call of whoever came, who
        waits for it, and in that of others who come meanwhile. So it first sets the time until
        which others go on with what is known, and keeps what is known when the source is away: only
        who knows nothing at all raises ``ConnectionInterrupted``. Nodes that are no longer named it
        retires (``Node.retire``). Never asked where ``single`` is set.
        """
        yield from ()

    def survey(self) -> Operation[None]:
        """Before work over the whole keyspace: makes sure that ``primaries`` are still all. After
        ``discover``, where that had to run."""
        yield from ()

    def confirm(self, seconds: float) -> Operation[Confirmed]:
        """Which servers are the primaries at this moment, by the word of those who decide: for who
        keeps what a server said (``near``), since one that was ousted may not know it, and goes on
        saying that it is a primary and that nothing was written. Asked where ``confirms`` is True,
        also before ``discover``, again and again and in a thread that nobody waits for.

        Answers all primaries that ``route`` may give for writes, each with an object that is equal
        for as long as the server answers for the same keys without a break: an epoch, its slots. Or
        with a ``ConnectionInterrupted`` that says why it is not known to be the primary, where not
        enough of those who decide have answered, for example. A majority of them has to, so that
        no switch that a majority knows of is missed; what is known from earlier is no answer. May
        raise what ``discover`` raises. An answer that takes longer than ``seconds`` is of no use.

        Whoever learns meanwhile, in ``discover`` or ``after``, that another server answers for
        what one answered for calls ``revoke``; ``Node.retire`` does that by itself.
        """
        yield from ()
        return {}

    def after(
        self, command: Command, node: Node, trouble: ConnectionInterrupted, attempt: int
    ) -> Operation[Instead]:
        """What to send instead when ``command`` failed on ``node``. ``attempt`` counts from 1, and
        this is asked again for what was sent instead, until it answers None.

        Answer ``[command.on(other)]`` to try another server; several commands go to the last one's
        node, on one connection, and the last reply counts. A ``Spread`` is split anew. None:
        nothing, the caller gets ``trouble``. Whoever answers something must end: by ``attempt``, or
        because no server is left.

        What to look at: ``trouble.before_sending`` or a ``ServerRefused`` say that the server did
        not run the command, so it may be sent elsewhere; otherwise only where
        ``command.kind.repeatable``. A ``ServerTimeout`` has used up the caller's time. ``moved_on``
        tells whether another server may do better. A command with a ``node`` and no ``key`` was
        meant for that server: a cursor means nothing elsewhere.
        """
        yield from ()
        return None


class SingleServer(Topology):
    """One primary, and replicas that may serve reads. ``read_from`` is as in ``READ_FROM``.

    ``max_lag`` is as in ``REPLICA_MAX_LAG``, in seconds. A topology whose servers change may hold
    one, ask it, and put another in its place.

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

    def close_idle(self) -> None:
        for node in (*self.nodes(), *self._whole.values()):
            node.close_idle()

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
    """Whether another server may be able to do what this one could not: it is away, or it answered
    that it is loading, is a replica without its primary, may not write, or has too many clients."""
    return not isinstance(trouble, ServerRefused) or trouble.code in _ELSEWHERE


_ELSEWHERE = frozenset({"LOADING", "MASTERDOWN", "READONLY", "MAXCLIENTS"})
