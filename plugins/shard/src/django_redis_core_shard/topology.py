"""The servers of a ring of shards: each command goes to its key's shard, and asks there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING

from django_redis_core.commands import Command, Key, Spread
from django_redis_core.connections import Topology
from django_redis_core.exceptions import ConnectionInterrupted, CrossNodeError

from .ring import Ring

if TYPE_CHECKING:
    from django_redis_core.commands import Operation, Place
    from django_redis_core.connections import Clients, Instead, Node, Nodes, Parts

#: Keys whose shard is remembered: about 4 MB. Hashing a key takes 1 µs, remembering it 0.1, and
#: without it hashing would be half of what ``get_many`` costs.
REMEMBERED = 2**14


class RingTopology(Topology):
    """Shards that know nothing of each other. Each is a topology of its own, so it may be whatever
    the connection factory makes: one server, or the service of a sentinel.

    A key is never looked for elsewhere than on its shard: where that one is down, its keys fail
    and all others are served.
    """

    def __init__(self, names: Sequence[str], shards: Sequence[Topology]) -> None:
        self.shards = tuple(shards)
        self._shard_of = lru_cache(REMEMBERED)(Ring(names))
        # Asked before every command, and most topologies have nothing to find out.
        self._finders = [
            shard for shard in self.shards if type(shard).discover is not Topology.discover
        ]
        self._unfound: dict[Topology, ConnectionInterrupted] = {}

    @property
    def ready(self) -> bool:  # type: ignore[override]  # here it follows from the shards'
        return all(shard.ready for shard in self._finders)

    def discover(self) -> Operation[None]:
        """Asks each shard that does not know its servers; one that cannot tell fails its own keys
        only."""
        for shard in self._finders:
            if shard.ready:
                continue
            try:
                yield from shard.discover()
            except ConnectionInterrupted as trouble:
                self._unfound[shard] = trouble
            else:
                self._unfound.pop(shard, None)

    def survey(self) -> Operation[None]:
        for shard in self.shards:
            yield from shard.survey()

    def shard(self, key: Key) -> Topology:
        """The shard where ``key`` (as stored) lives."""
        return self.shards[self._shard_of(key)]

    def route(self, command: Command) -> Node:
        shard = self._shard_for(command)
        self._refuse_unfound(shard)
        return shard.route(command)

    def clients(self, command: Command) -> Clients:
        return self._shard_for(command).clients(command)

    def close_idle(self) -> None:
        for shard in self.shards:
            shard.close_idle()

    def _shard_for(self, command: Command) -> Topology:
        if not command.key:  # "" stands for "any server", which nobody can choose here
            raise CrossNodeError(
                f"This cache spreads its keys over {len(self.shards)} shards, and "
                f"{command.kind.name.decode()} without a key belongs to none of them: use the "
                "cache's own methods, or name one: get_redis_connection(alias, key=…)."
            )
        return self.shard(command.key)

    def primaries(self) -> Nodes:
        for shard in self._finders:
            self._refuse_unfound(shard)
        return _once(shard.primaries() for shard in self.shards)

    def nodes(self) -> Nodes:
        return _once(shard.nodes() for shard in self.shards)

    def unfit(self) -> Nodes:
        return _once(shard.unfit() for shard in self.shards)

    def place(self, key: Key) -> Place:
        position = self._shard_of(key)
        return position, self.shards[position].place(key)

    def parts(self, spread: Spread) -> Parts:
        """One command a shard, or for that server's shard alone where the keys were found on one
        server: there they are, whatever the ring says since it was resized."""
        keys = spread.keys
        if spread.node is not None:
            shard = self._shard_of_node(spread.node)
            return super().parts(spread) if shard is None else shard.parts(spread)
        shard_of = self._shard_of
        groups: list[list[int]] = [[] for _ in self.shards]
        for position, key in enumerate(keys):
            groups[shard_of(key)].append(position)
        parts: Parts = []
        for shard, positions in zip(self.shards, groups, strict=True):
            if positions:
                part = Spread(spread.kind, [keys[position] for position in positions], spread.join)
                if shard in self._unfound:  # it cannot say how to split; ``route`` refuses it
                    parts.append((positions, part.whole()))
                    continue
                for inner, command in shard.parts(part):
                    parts.append(([positions[position] for position in inner], command))
        return parts

    def after(
        self, command: Command, node: Node, trouble: ConnectionInterrupted, attempt: int
    ) -> Operation[Instead]:
        shard = self._shard_behind(command, node)
        if shard is None:
            return None
        return (yield from shard.after(command, node, trouble, attempt))

    def _shard_behind(self, command: Command, node: Node) -> Topology | None:
        if command.node is None:
            return self.shard(command.key) if command.key else None
        return self._shard_of_node(node)

    def _shard_of_node(self, node: Node) -> Topology | None:
        return next((shard for shard in self.shards if node in shard.nodes()), None)

    def _refuse_unfound(self, shard: Topology) -> None:
        trouble = self._unfound.get(shard) if self._unfound else None
        if trouble is not None and not shard.ready:
            # Of one object, raised in many threads, the traceback would grow.
            raise ConnectionInterrupted(trouble.connection, trouble.reason) from trouble


def _once(groups: Iterable[Nodes]) -> Nodes:
    """All nodes, and a server that has two places on the ring only once."""
    return tuple(dict.fromkeys(chain.from_iterable(groups)))
