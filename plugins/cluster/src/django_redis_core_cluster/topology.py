"""Which node of a cluster a command goes to, and what to do when it is not answered there.

The rules are those of https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/ .
Nothing is sent from here: what there is to find out is asked for by yielding commands, so that
blocking code and asyncio share every line.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from redis.crc import key_slot

from django_redis_core.commands import Command, Key, Kind, Sleep, Spread
from django_redis_core.connections import (
    Clients,
    Instead,
    Node,
    Readers,
    Topology,
    side_by_side,
)
from django_redis_core.exceptions import (
    CircuitOpen,
    ConnectionInterrupted,
    CrossNodeError,
    PoolExhausted,
    ServerRefused,
    ServerTimeout,
)

from .nodes import SLOTS, Nodes, SlotMap

if TYPE_CHECKING:
    from django_redis_core.commands import Operation, Place
    from django_redis_core.connections import Nodes as SeveralNodes
    from django_redis_core.connections import Parts

_CLUSTER = Kind("CLUSTER", write=False)
_ASKING = Kind("ASKING", write=False)

#: How often a command is sent on: by MOVED and ASK, and in waiting for a slot's new owner.
ATTEMPTS = 5

#: MOVED that often is not a map out of date but nodes that name each other, until all of them have
#: heard of a move: they are given time.
DISAGREED = 2

#: Seconds for which knowledge is new: a redirection does not have the map read again, nor does an
#: operation over all keys.
NEW = 0.2

#: Seconds after which a slot whose keys were split between two nodes is looked at as a whole again.
MOVING = 1.0

# The commands over several keys that mean the same key by key, and how their replies are joined.
_BY_KEY: dict[bytes, Callable[..., Any]] = {b"MGET": list, b"UNLINK": sum}

# The node answers, but cannot serve; it has not done anything.
_NOT_SERVING = frozenset({"LOADING", "MASTERDOWN", "READONLY", "MAXCLIENTS"})


def slot_of(key: Key) -> int:
    """The slot of a key as stored; keys with the same ``{tag}`` have one slot."""
    return int(key_slot(key if isinstance(key, bytes) else key.encode()))


class ClusterTopology(Topology):
    """A cluster, as one of its nodes described it and as redirections corrected that since.

    ``timeout`` is an operation's, in seconds; while a slot has no owner it is waited for about as
    long. After waiting in vain, nobody waits again for ``interval`` seconds.
    """

    def __init__(
        self,
        start: Sequence[Node],
        nodes: Nodes,
        clients: Clients,
        *,
        timeout: float,
        interval: float,
    ) -> None:
        self._start = tuple(start)
        self._nodes = nodes
        self._clients = clients
        self._timeout = timeout
        self._interval = interval
        self._map = SlotMap([None] * SLOTS, ())
        self._measured_until = 0.0
        self._moving: dict[int, float] = {}
        # When the map was last asked for, and until when somebody who is asking is waited for, in
        # which process: a fork leaves all threads behind but one.
        self._asked_at = float("-inf")
        self._asking_until = float("-inf")
        self._asking_in = 0
        self._hopeless_until = float("-inf")

    # --- routing -----------------------------------------------------------------------------

    @property
    def ready(self) -> bool:  # type: ignore[override]  # what was measured grows old
        return bool(self._map.shards) and (
            not self._nodes.measured or time.monotonic() < self._measured_until
        )

    def route(self, command: Command) -> Node:
        if command.key is None:
            raise CrossNodeError(
                f"This cache is on a cluster, and {command.kind.name.decode()} without a key "
                "belongs to none of its nodes: use the cache's own methods, or a client of the "
                "node that you mean."
            )
        shard = self._map.owners[slot_of(command.key)]
        if shard is None:
            return random.choice(self.primaries() or self._start)  # whoever knows more says MOVED
        if command.kind.write:
            return shard.primary
        return shard.readers.pick() or shard.primary

    def primaries(self) -> SeveralNodes:
        return tuple(shard.primary for shard in self._map.shards)

    def nodes(self) -> SeveralNodes:
        shards = self._map.shards
        known = [node for shard in shards for node in (shard.primary, *shard.replicas)]
        return tuple(dict.fromkeys([*known, *self._start]))

    def clients(self, command: Command) -> Clients:
        return self._clients

    def place(self, key: Key) -> Place:
        return slot_of(key)

    def parts(self, spread: Spread) -> Parts:
        """A command a slot: those of one node travel together. While a slot moves, some of its
        keys are here and some there, and no command may name keys of both: one command a key."""
        if not self._moving:
            return spread.split(slot_of)
        now = time.monotonic()
        for slot, until in list(self._moving.items()):
            if until < now:
                self._moving.pop(slot, None)
        return spread.split(self._place_in_move)

    def _place_in_move(self, key: Key) -> Place:
        slot = slot_of(key)
        return (slot, key) if slot in self._moving else slot

    # --- knowledge ---------------------------------------------------------------------------

    def discover(self) -> Operation[None]:
        if not self._map.shards:
            yield from self._read(newer_than=time.monotonic())
        if self._nodes.measured:
            due = [shard.readers for shard in self._map.shards if not shard.readers.ready]
            yield from self._measure(due)
            self._measured_until = min(shard.readers.until for shard in self._map.shards)

    def _measure(self, due: Sequence[Readers]) -> Operation[None]:
        if self._nodes.timed:
            for readers in due:
                yield from readers.measure()
        else:
            done = yield from side_by_side([readers.measure() for readers in due])
            for trouble in done:
                if isinstance(trouble, Exception):
                    raise trouble

    def survey(self) -> Operation[None]:
        yield from self._try_read(newer_than=time.monotonic() - NEW)

    def _read(self, *, newer_than: float, first: Sequence[Node] = ()) -> Operation[None]:
        """Has the map read again, unless somebody did so after ``newer_than``. Many who find out
        at once that something has changed ask once."""
        while self._asked_at < newer_than:
            now = time.monotonic()
            if now < self._asking_until and self._asking_in == os.getpid():
                yield Sleep(0.002)
                continue
            # A time and not a flag: whoever asks may be a task that nobody goes on with.
            self._asking_until = until = now + self._timeout
            self._asking_in = os.getpid()
            try:
                yield from self._ask(first, until)
            finally:
                self._asked_at = now
                self._asking_until = float("-inf")

    def _try_read(self, *, newer_than: float, first: Sequence[Node] = ()) -> Operation[None]:
        """``_read``, where what is known already will do if nobody answers."""
        try:
            yield from self._read(newer_than=newer_than, first=first)
        except ConnectionInterrupted:
            pass

    def _ask(self, first: Sequence[Node], until: float) -> Operation[None]:
        known, found = list(self.nodes()), bool(self._map.shards)
        if found:
            random.shuffle(known)  # not all workers at one node, nor twice at a stale one
        # Those that are known to be down last, for they may cost a timeout.
        known.sort(key=lambda node: node.breaker.opened)
        troubles: list[ConnectionInterrupted] = []
        for node in dict.fromkeys([*first, *known]):
            if found and troubles and time.monotonic() > until:
                break
            try:
                reply = yield Command(_CLUSTER, (b"CLUSTER", b"SLOTS"), None, node)
            except ConnectionInterrupted as trouble:
                troubles.append(trouble)
                continue
            if reply:
                self._map = self._nodes.read(reply, node)
                self._measured_until = 0.0
                return
            troubles.append(ConnectionInterrupted(node.name, "it knows of no slots"))
        raise ConnectionInterrupted(
            ", ".join(str(trouble.connection) for trouble in troubles),
            f"no node says who serves which slots; the last one: {troubles[-1].reason}",
        ) from troubles[-1]

    def _hand_over(self, slot: int, node: Node) -> None:
        """``slot`` is served by ``node`` now."""
        found = self._map
        for shard in found.shards:
            if shard.primary is node:
                found.owners[slot] = shard
                return
        shard = self._nodes.shard(node, ())
        found.owners[slot] = shard
        found.shards = (*found.shards, shard)

    # --- trouble -----------------------------------------------------------------------------

    def after(
        self, command: Command, node: Node, trouble: ConnectionInterrupted, attempt: int
    ) -> Operation[Instead]:
        """Redirections are followed, and a node that is lost is waited for, but a command that may
        have been executed and must not be twice is not sent again."""
        now = time.monotonic()
        if command.key is None or attempt > ATTEMPTS:
            waited = getattr(trouble, "code", "") in ("CLUSTERDOWN", "MOVED")
            if waited and now >= self._hopeless_until:
                self._hopeless_until = now + self._interval
            return None
        if not isinstance(trouble, ServerRefused):
            return (yield from self._lost(command, node, trouble, attempt))
        slot = slot_of(command.key)
        match trouble.code:
            case "MOVED":
                target = self._named_in(trouble, node)
                if attempt > DISAGREED and now >= self._hopeless_until:
                    yield from self._pause(attempt)
                self._hand_over(slot, target)
                yield from self._try_read(newer_than=time.monotonic() - NEW, first=[target])
                return [command.on(target)]
            case "ASK":
                target = self._named_in(trouble, node)
                return [Command(_ASKING, (b"ASKING",), None, target), command.on(target)]
            case "TRYAGAIN":
                return (yield from self._split(command, slot, attempt))
            case "CLUSTERDOWN" if now >= self._hopeless_until:
                yield from self._pause(attempt)
                # Where nobody is known to serve the slot, this node will know first: the others
                # may go on naming it, and each such MOVED would be an attempt without a pause.
                unknown = self._map.owners[slot] is None
                return [command.on(node if unknown else self.route(command))]
            case code if code in _NOT_SERVING:
                return (yield from self._elsewhere(command, node))
        return None

    def _named_in(self, redirection: ServerRefused, asked: Node) -> Node:
        """The node in ``MOVED 3999 127.0.0.1:6381`` or ``ASK …``."""
        return self._nodes.named(redirection.reason.split(" ")[2], asked)

    def _split(self, command: Command, slot: int, attempt: int) -> Operation[Instead]:
        """The keys of ``command`` are on both ends of a move."""
        join = _BY_KEY.get(command.kind.name)
        if join is not None and len(command.args) > 2:
            self._moving[slot] = time.monotonic() + MOVING
            keys: list[Any] = list(command.args[1:])
            return Spread(command.kind, keys, join)
        yield from self._pause(attempt)
        return [command.on(self.route(command))]

    def _lost(
        self, command: Command, node: Node, trouble: ConnectionInterrupted, attempt: int
    ) -> Operation[Instead]:
        if isinstance(trouble, PoolExhausted):
            return None
        if not trouble.before_sending and (
            isinstance(trouble, ServerTimeout) or not command.kind.repeatable
        ):
            return None  # its time is spent, or it may have been executed
        elsewhere = yield from self._elsewhere(command, node)
        if elsewhere:
            return elsewhere
        if attempt == 1 and isinstance(trouble, CircuitOpen | ServerTimeout):
            return None  # somebody has waited for it in vain already, or this caller now
        yield from self._pause(attempt)
        return [command.on(self.route(command))]

    def _elsewhere(self, command: Command, node: Node) -> Operation[Sequence[Command] | None]:
        """To the primary instead of a replica, or to the slot's new owner if there is one."""
        assert command.key is not None
        shard = self._map.owners[slot_of(command.key)]
        if shard is not None and node in shard.replicas:
            return [command.on(shard.primary)]
        yield from self._try_read(newer_than=time.monotonic() - NEW)
        other = self.route(command)
        return None if other is node else [command.on(other)]

    def _pause(self, attempt: int) -> Operation[None]:
        """Waits longer each time, all in all an operation's time, and reads the map again."""
        yield Sleep(self._timeout * 2 ** (attempt - 1) / 2**ATTEMPTS)
        yield from self._try_read(newer_than=time.monotonic())
