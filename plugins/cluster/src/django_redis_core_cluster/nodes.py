"""From the addresses that a cluster speaks of to nodes that commands can be sent to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from django_redis_core.commands import text
from django_redis_core.connections import Node, Readers, ServerConfig, for_reads, node_for, readers
from django_redis_core.exceptions import ConnectionInterrupted, ServerRefused
from django_redis_core.interfaces import remapped

from .identity import Greets, ids_in

SLOTS = 16_384
#: How servers refuse a database: older ones that of any cluster, Valkey 9 those past its number.
_NO_DATABASE = ("SELECT is not allowed in cluster mode", "DB index is out of range")

Address = tuple[str, int]
Remap = Callable[[Address], Address]


@dataclass(frozen=True, slots=True)
class Shard:
    """A primary with its replicas, and which of them answers reads."""

    primary: Node
    replicas: tuple[Node, ...]
    readers: Readers


@dataclass(slots=True)
class SlotMap:
    """Who serves each slot, as one node saw it; None: nobody. ``ids`` are those of all nodes that
    it named."""

    owners: list[Shard | None]
    shards: tuple[Shard, ...]
    ids: frozenset[str] = field(default=frozenset())

    def left_by(self, later: SlotMap) -> set[Node]:
        """The primaries that have lost a slot to another node, or to none, in ``later``."""
        return {
            before.primary
            for before, after in zip(self.owners, later.owners, strict=True)
            if before is not after  # as of nearly all slots
            and before is not None
            and (after is None or after.primary is not before.primary)
        }


class Nodes:
    """Makes nodes after the pattern of ``config``, the first start node's.

    ``read_from`` is as in ``READ_FROM``, ``max_lag`` (seconds) as in ``REPLICA_MAX_LAG``.
    """

    def __init__(
        self,
        config: ServerConfig,
        remap: Remap | None,
        where: str,
        *,
        read_from: str,
        max_lag: float | None = None,
    ) -> None:
        self._config = config
        self._remap = remap
        self._where = where
        self._read_from = read_from
        self._max_lag = max_lag
        #: Whether readers take the time that replies take, so that each measures by itself.
        self.timed = read_from == "nearest"
        #: Whether readers must measure before they serve.
        self.measured = self.timed or (max_lag is not None and read_from != "primary")
        #: Who was last said to be where.
        self._ids: dict[Address, str] = {}
        self._made: dict[tuple[Address, str, bool], Node] = {}
        self._shards: dict[tuple[Node, tuple[Node, ...]], Shard] = {}

    def primary(self, address: Address) -> Node:
        return self._node(address, readonly=False)

    def replica(self, address: Address) -> Node:
        # A node of its own beside the primary that it may become: a connection that has said
        # READONLY must not answer reads that have to see the last write.
        return self._node(address, readonly=self._read_from != "primary")

    def _node(self, address: Address, *, readonly: bool) -> Node:
        key = (address, self._ids.get(address, ""), readonly)
        node = self._made.get(key)
        if node is None or node.retired:
            host, port = address
            kwargs = {**self._config.kwargs, "host": host, "port": port}
            greets = Greets(key[1], readonly)
            config = replace(self._config, kwargs=kwargs, greeting=greets if greets.any else None)
            node = self._made[key] = node_for(for_reads(config) if readonly else config)
        return node

    def named(self, place: str, asked: Node) -> Node:
        """The node that ``host:port`` in a redirection names, for ``asked``'s answer."""
        host, _, port = place.rpartition(":")
        return self.primary(self._address(host, int(port), asked))

    def check_database(self, trouble: ConnectionInterrupted) -> None:
        """Raises ImproperlyConfigured for the refusal of a database: somebody has to mend that."""
        database = self._config.kwargs["db"]
        if (
            database
            and isinstance(trouble, ServerRefused)
            and any(words in trouble.reason for words in _NO_DATABASE)
        ):
            raise ImproperlyConfigured(
                f"{self._where}: LOCATION names database {database}, which this cluster does not "
                "have: Redis' clusters have database 0 only, those of Valkey since 9 as many as "
                "their cluster-databases says. Leave it out, and give caches a KEY_PREFIX to keep "
                "them apart."
            ) from trouble

    def shard(self, primary: Node, replicas: tuple[Node, ...]) -> Shard:
        made = readers(self._read_from, primary, replicas, self._max_lag)
        return Shard(primary, replicas, made)

    def read(self, reply: Sequence[Any], asked: Node) -> SlotMap:
        """The answer of ``asked`` to https://redis.io/docs/latest/commands/cluster-slots/"""
        owners: list[Shard | None] = [None] * SLOTS
        shards: dict[tuple[Node, tuple[Node, ...]], Shard] = {}
        rows = [
            (first, last, [self._listed(server, asked) for server in servers])
            for first, last, *servers in reply
        ]
        self._ids = {address: node for _, _, servers in rows for address, node in servers}
        for first, last, servers in rows:
            primary, *replicas = [address for address, _ in servers]
            node, others = self.primary(primary), tuple(map(self.replica, sorted(replicas)))
            shard = shards.get((node, others))
            if shard is None:
                # Where nothing has changed, what was measured still counts.
                shard = self._shards.get((node, others)) or self.shard(node, others)
                shards[node, others] = shard
            owners[first : last + 1] = [shard] * (last + 1 - first)
        self._shards = shards
        self._forget()
        return SlotMap(owners, tuple(shards.values()), ids_in(reply))

    def _forget(self) -> None:
        """Of nodes that left the cluster idle connections are closed. They and their pool hold each
        other, so that a node that is well would have them until the collector comes."""
        here = {node for primary, replicas in self._shards for node in (primary, *replicas)}
        for key, node in list(self._made.items()):
            if node not in here and self._made.pop(key, None) is not None:
                node.links.close_idle()

    def _listed(self, server: Sequence[Any], asked: Node) -> tuple[Address, str]:
        """Its address and its id."""
        host, port, *more = server
        host = host.decode() if isinstance(host, bytes) else host
        if host == "?":  # it shall name itself by a hostname, and has none
            details = more[1] if len(more) > 1 else {}
            if not isinstance(details, Mapping):  # as in RESP2
                details = dict(zip(details[::2], details[1::2], strict=False))
            host = details.get(b"ip", b"").decode()
        return self._address(host or "", int(port), asked), text(more[0]) if more else ""

    def _address(self, host: str, port: int, asked: Node) -> Address:
        """Without a host, or one that it does not know itself, it is that of the node asked."""
        address = (str(asked.config.kwargs["host"]) if host in ("", "?") else host, port)
        return remapped(self._remap, address, self._where)
