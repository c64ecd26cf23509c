"""Which node of a cluster a command goes to, and what to do when it is not answered there.

The rules are those of https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/ .
Nothing is sent from here: what there is to find out is asked for by yielding commands, so that
blocking code and asyncio share every line.
"""

from __future__ import annotations

import math
import os
import random
import time
from binascii import crc_hqx
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from redis.crc import key_slot

from django_redis_core.commands import Command, Key, Kind, Sleep, Spread
from django_redis_core.connections import (
    Clients,
    Instead,
    Node,
    Readers,
    Topology,
    carry_out,
    in_background,
    instead_of,
    revoke,
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

from .identity import ids_in
from .majority import Primaries
from .nodes import SLOTS, Nodes, SlotMap

if TYPE_CHECKING:
    from django_redis_core.commands import Operation, Place
    from django_redis_core.connections import Confirmed, Parts
    from django_redis_core.connections import Nodes as SeveralNodes

    from .clients import ClusterClients

_CLUSTER = Kind("CLUSTER", write=False)
_ASKING = Kind("ASKING", write=False)

#: How often a command is sent on: by MOVED and ASK, and in waiting for a slot's new owner.
ATTEMPTS = 5

#: The part of an operation's time that it waits for nodes, all in all; in the rest they are asked.
WAITING = 0.9

#: MOVED that often is not a map out of date but nodes that name each other, until all of them have
#: heard of a move: they are given time.
DISAGREED = 2

#: Seconds for which knowledge is new: a redirection does not have the map read again, nor does an
#: operation over all keys.
NEW = 0.2

#: Seconds after which trouble has the map read again in the background.
AGAIN = 1.0

#: Seconds after which a slot whose keys were split between two nodes is looked at as a whole again.
MOVING = 1.0

# The commands over several keys that mean the same key by key, and how their replies are joined.
_BY_KEY: dict[bytes, Callable[..., Any]] = {b"MGET": list, b"UNLINK": sum}

FOREIGN = "it is a node of another cluster by now"

# The node answers, but cannot serve; it has not done anything.
_NOT_SERVING = frozenset({"LOADING", "MASTERDOWN", "READONLY", "MAXCLIENTS"})


# A call asks for each of its keys twice: to split it, and to route its parts.
@lru_cache(1024)
def slot_of(key: Key) -> int:
    """The slot of a key as stored; keys with the same ``{tag}`` have one slot."""
    data = key if isinstance(key, bytes) else key.encode()
    if b"{" in data:
        return int(key_slot(data))
    return crc_hqx(data, 0) % SLOTS  # the same for a key without a tag, and half the time


class ClusterTopology(Topology):
    """A cluster, as one of its nodes described it and as redirections corrected that since.

    ``timeout`` is an operation's, in seconds; while a slot has no owner it is waited for most of
    that. After waiting in vain, nobody waits again for ``interval`` seconds.

    What nobody contradicts would be believed for ever: a replica that was replaced, or nodes that
    came to the cluster. So after ``refresh`` seconds the map is read again, by a thread for which
    no caller waits.
    """

    confirms = True

    def __init__(
        self,
        start: Sequence[Node],
        nodes: Nodes,
        clients: ClusterClients,
        *,
        timeout: float,
        interval: float,
        refresh: float,
    ) -> None:
        self._start = tuple(dict.fromkeys(start))
        self._nodes = nodes
        self._clients = clients
        self._timeout = timeout
        self._interval = interval
        self._refresh = refresh
        self._map = SlotMap([None] * SLOTS, ())
        self._primaries = Primaries()
        # Until when there is nothing to find out, and until when the map is not too old.
        self._until = 0.0
        self._fresh_until = 0.0
        self._moving: dict[int, float] = {}
        # When the map was last asked for, and until when somebody who is asking is waited for, in
        # which process: a fork leaves all threads behind but one.
        self._asked_at = float("-inf")
        self._asking_until = float("-inf")
        self._asking_in = 0
        self._hopeless_until = float("-inf")
        self._renewing_in = 0  # the process whose thread reads the map

    # --- routing -----------------------------------------------------------------------------

    @property
    def ready(self) -> bool:  # type: ignore[override]  # what is known grows old
        return time.monotonic() < self._until

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
        known = dict.fromkeys(node for shard in shards for node in (shard.primary, *shard.replicas))
        names = {node.name for node in known}
        return (*known, *[node for node in self._start if node.name not in names])

    def clients(self, command: Command) -> Clients:
        return self._clients

    def close_idle(self) -> None:
        super().close_idle()
        self._clients.close_idle()

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
        if time.monotonic() >= self._fresh_until and not self._renew():
            yield from self._try_read(newer_than=time.monotonic() - NEW)
        until = self._fresh_until
        if self._nodes.measured:
            shards = self._map.shards
            yield from self._measure([each.readers for each in shards if not each.readers.ready])
            until = min(until, *[shard.readers.until for shard in shards])
        self._until = until

    def _renew(self) -> bool:
        """Has the map read again in the background, where several who find it old do so once.
        False: there is no thread to do it."""
        self._fresh_until = time.monotonic() + self._refresh
        if self._renewing_in == os.getpid():
            return True
        self._renewing_in = os.getpid()
        started = in_background(self._read_patiently, "reading a cluster's map")
        if not started:
            self._renewing_in = 0
        return started

    def _renew_soon(self) -> None:
        if time.monotonic() >= self._asked_at + AGAIN:
            self._renew()

    def _read_patiently(self) -> None:
        try:
            carry_out(self._read(newer_than=time.monotonic() - NEW, patient=True))
        finally:
            self._renewing_in = 0

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

    def confirm(self, seconds: float) -> Operation[Confirmed]:
        if not self._map.shards:
            yield from self._read(newer_than=time.monotonic())
        found = yield from self._primaries.confirm(self.primaries(), seconds)
        if any(isinstance(part, Exception) for part in found.values()):
            self._renew_soon()  # who only reads copies sends nothing, and would not be told MOVED
        return found

    def _read(
        self, *, newer_than: float, first: Sequence[Node] = (), patient: bool = False
    ) -> Operation[None]:
        """Has the map read again, unless somebody did so after ``newer_than``. Many who find out
        at once that something has changed ask once. ``patient``: nobody waits for it, so it may
        take its time."""
        while self._asked_at < newer_than:
            now = time.monotonic()
            if now < self._asking_until and self._asking_in == os.getpid():
                yield Sleep(0.002)
                continue
            # A time and not a flag: whoever asks may be a task that nobody goes on with.
            self._asking_until = until = now + self._timeout
            self._asking_in = os.getpid()
            try:
                yield from self._ask(first, math.inf if patient else until)
            finally:
                self._asked_at = now
                self._asking_until = float("-inf")

    def _try_read(self, *, newer_than: float, first: Sequence[Node] = ()) -> Operation[None]:
        """``_read``, where what is known already will do if nobody answers."""
        try:
            yield from self._read(newer_than=newer_than, first=first)
        except ConnectionInterrupted:
            self._renew_soon()  # with more patience than a caller may have

    def _ask(self, first: Sequence[Node], until: float) -> Operation[None]:
        known, found = list(self.nodes()), bool(self._map.shards)
        if found:
            random.shuffle(known)  # not all workers at one node, nor twice at a stale one
        # Those that are known to be down last, for they may cost a timeout.
        known.sort(key=lambda node: node.breaker.opened)
        troubles: list[ConnectionInterrupted] = []
        moved: tuple[Any, Node] | None = None
        for node in dict.fromkeys([*first, *known, *self._start]):
            if found and troubles and time.monotonic() > until:
                break
            try:
                reply = yield Command(_CLUSTER, (b"CLUSTER", b"SLOTS"), None, node)
            except ConnectionInterrupted as trouble:
                self._nodes.check_database(trouble)
                troubles.append(trouble)
                continue
            if not reply:
                troubles.append(ConnectionInterrupted(node.name, "it knows of no slots"))
            elif not self._is_foreign(reply):
                self._learn(reply, node)
                return
            else:
                troubles.append(ConnectionInterrupted(node.name, FOREIGN))
                if node in self._start:
                    moved = reply, node
                else:
                    node.retire(FOREIGN)
        else:
            if moved is not None:  # none of those that were known is there any more
                self._learn(*moved)
                return
        raise ConnectionInterrupted(
            ", ".join(str(trouble.connection) for trouble in troubles),
            f"no node says who serves which slots; the last one: {troubles[-1].reason}",
        ) from troubles[-1]

    def _is_foreign(self, reply: Any) -> bool:
        """Whether all nodes that are named are strangers: then the one that was asked, or its
        address, is another cluster's by now."""
        known, named = self._map.ids, ids_in(reply)
        return bool(known and named) and known.isdisjoint(named)

    def _learn(self, reply: Any, asked: Node) -> None:
        before, self._map = self._map, self._nodes.read(reply, asked)
        if before.shards:
            for node in before.left_by(self._map):
                revoke(node.config)
        self._fresh_until = time.monotonic() + self._refresh
        self._until = 0.0  # whose readers have to be measured is another question now
        others = self.nodes()
        for node in self._start:
            if node not in others:
                # One of those that it named. It was asked on a connection of its own, since
                # nothing was known yet that it could have been asked for.
                node.links.close_idle()
                node.channels.renew()

    def _hand_over(self, slot: int, node: Node, asked: Node) -> None:
        """``slot`` is served by ``node`` now, says ``asked``."""
        found = self._map
        shard = next((each for each in found.shards if each.primary is node), None)
        if shard is None:
            shard = self._nodes.shard(node, ())
            found.shards = (*found.shards, shard)
        before, found.owners[slot] = found.owners[slot], shard
        for other in {asked, asked if before is None else before.primary} - {node}:
            revoke(other.config)

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
                self._hand_over(slot, target, node)
                yield from self._try_read(newer_than=time.monotonic() - NEW, first=[target])
                return [command.on(target)]
            case "ASK":
                target = self._named_in(trouble, node)
                keys: Any = command.args[1:] if command.kind.name in _BY_KEY else (command.key,)
                revoke(node.config, keys)
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
        if not trouble.before_sending:
            if not command.kind.repeatable:
                return None  # it may have been executed
            if isinstance(trouble, ServerTimeout) and (attempt > 1 or not self._is_replica(node)):
                return None  # its time is spent; a replica was given a part of it only
        elsewhere = yield from self._elsewhere(command, node)
        if elsewhere:
            return elsewhere
        if attempt == 1 and isinstance(trouble, CircuitOpen | ServerTimeout):
            return None  # somebody has waited for it in vain already, or this caller now
        yield from self._pause(attempt)
        return [command.on(self.route(command))]

    def _elsewhere(self, command: Command, node: Node) -> Operation[Sequence[Command] | None]:
        """To another of the shard instead of a replica, or to the slot's new owner if any."""
        assert command.key is not None
        shard = self._map.owners[slot_of(command.key)]
        if shard is not None and node in shard.replicas:
            self._renew_soon()  # it may have been replaced
            return [command.on(instead_of(node, shard.primary, shard.readers.nodes))]
        yield from self._try_read(newer_than=time.monotonic() - NEW)
        other = self.route(command)
        return None if other is node else [command.on(other)]

    def _is_replica(self, node: Node) -> bool:
        return any(node in shard.replicas for shard in self._map.shards)

    def _pause(self, attempt: int) -> Operation[None]:
        """Waits longer each time, and reads the map again."""
        yield Sleep(WAITING * self._timeout * 2 ** (attempt - 1) / 2**ATTEMPTS)
        yield from self._try_read(newer_than=time.monotonic())
