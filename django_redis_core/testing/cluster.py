"""A real cluster on this machine, and the live move of a slot.

    with cluster() as nodes:
        cache = RedisCache(nodes.urls, {...})
        nodes.owner_of("key").kill()          # its replica takes over
        nodes.move_slot(slot_of("other"), nodes.primaries[0])

The nodes are joined by commands, not by ``redis-cli``, which comes with no wheel.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from redis.cluster import RedisCluster
from redis.crc import key_slot

from .certificates import Certificate
from .clients import wait_until
from .configuration import Config
from .processes import BUS_OFFSET, ServerError
from .servers import Server
from .topologies import start_all

__all__ = ["SLOTS", "Cluster", "SlotMove", "cluster", "slot_of"]

SLOTS = 16_384
"""How many slots a cluster has, each of which some primary owns."""


def slot_of(key: str | bytes) -> int:
    """The slot of a key, by its ``{tag}`` if it has one."""
    return int(key_slot(key.encode() if isinstance(key, str) else key))


@dataclass
class SlotMove:
    """A slot under way: its source answers for the keys that it still has, ASK for others."""

    slot: int
    source: Server
    target: Server

    def migrate(self, count: int) -> int:
        """Move up to so many of its keys now; how many they were."""
        with self.source.client() as client:
            keys: list[bytes] = client.execute_command("CLUSTER GETKEYSINSLOT", self.slot, count)
            if keys:
                auth = () if self.target.password is None else ("AUTH", self.target.password)
                client.execute_command(
                    *("MIGRATE", *self.target.address, "", 0, 5000, *auth, "KEYS", *keys)
                )
            return len(keys)


@dataclass
class Cluster:
    """The nodes, ``primaries`` and ``replicas`` as they were at the start."""

    primaries: list[Server]
    replicas: list[Server]

    @property
    def nodes(self) -> list[Server]:
        """The primaries first."""
        return [*self.primaries, *self.replicas]

    @property
    def urls(self) -> list[str]:
        """As a LOCATION, the primaries first."""
        return [node.url for node in self.nodes]

    def client(self, **options: Any) -> RedisCluster:
        """redis-py's cluster client, which follows MOVED and ASK by itself."""
        defaults: dict[str, Any] = {
            "host": self._answering()[0].host,
            "port": self._answering()[0].port,
            "protocol": 2,
            "password": self.primaries[0].password,
            "socket_timeout": 5.0,
        }
        return RedisCluster(**(defaults | self.primaries[0].ssl_arguments | options))

    def owner(self, slot: int) -> Server:
        """The primary that serves a slot, as the answering nodes agree on it."""
        ports = {_owners(node).get(slot) for node in self._answering()}
        found = [node for node in self.nodes if ports == {node.port}]
        if not found:
            raise ServerError(f"the nodes do not agree on who serves slot {slot}: {ports}")
        return found[0]

    def owner_of(self, key: str | bytes) -> Server:
        """The primary that has the slot of ``key`` now."""
        return self.owner(slot_of(key))

    def replicas_of(self, primary: Server) -> list[Server]:
        """Those that replicate from it now."""
        return [
            node
            for node in self._answering()
            if node.info("replication").get("master_port") == primary.port
        ]

    def wait_ok(self, *, timeout: float = 30.0) -> None:
        """Until all answering nodes serve, agree on the slots, and replicas are linked."""
        wait_until(self._ok, "the cluster is ok", timeout=timeout, every=0.02)

    def wait_failover(self, before: Server, *, timeout: float = 30.0) -> None:
        """Until another node serves what this one served, and the cluster is well."""
        wait_until(
            lambda: all(before.port not in _owners(node).values() for node in self._answering()),
            "another node took over",
            timeout=timeout,
            every=0.02,
        )
        self.wait_ok(timeout=timeout)

    @contextlib.contextmanager
    def moving(self, slot: int, target: Server) -> Iterator[SlotMove]:
        """Hold a slot in the midst of its move: clients meet ASK in the body of the ``with``.

        No key has moved when the body begins; :meth:`SlotMove.migrate` moves some. At its end the
        others follow, and the target serves the slot.
        """
        move = SlotMove(slot, self.owner(slot), target)
        source_id, target_id = (node.cli("CLUSTER", "MYID") for node in (move.source, target))
        target.cli("CLUSTER", "SETSLOT", slot, "IMPORTING", source_id)
        move.source.cli("CLUSTER", "SETSLOT", slot, "MIGRATING", target_id)
        yield move
        while move.migrate(100):
            pass
        # The target first: the other way round, the two would send clients back and forth.
        primaries = {self._node(port) for port in _owners(move.source).values()}
        others = primaries - {target, move.source}
        for node in (target, move.source, *others):
            node.cli("CLUSTER", "SETSLOT", slot, "NODE", target_id)
        wait_until(lambda: self.owner(slot) is target, f"slot {slot} moved")

    def move_slot(self, slot: int, target: Server) -> None:
        """Move a slot with its keys to another primary, live."""
        with self.moving(slot, target):
            pass

    def _answering(self) -> list[Server]:
        return [node for node in self.nodes if node.answers]

    def _node(self, port: int) -> Server:
        return next(node for node in self.nodes if node.port == port)

    def _ok(self) -> bool:
        maps = [_owners(node) for node in self._answering()]
        if any(len(owners) != SLOTS or owners != maps[0] for owners in maps):
            return False
        for node in self._answering():
            if _state(node)["cluster_state"] != "ok":
                return False
            replication = node.info("replication")
            if replication["role"] == "slave" and replication["master_link_status"] != "up":
                return False
        return True


def _state(node: Server) -> dict[str, str]:
    lines = str(node.cli("CLUSTER", "INFO")).split()
    return dict(line.split(":", 1) for line in lines)


def _owners(node: Server) -> dict[int, int]:
    """slot → port of its primary, as one node sees it."""
    owners: dict[int, int] = {}
    for first, last, primary, *_ in node.cli("CLUSTER", "SLOTS"):
        owners |= dict.fromkeys(range(first, last + 1), int(primary[1]))
    return owners


@contextlib.contextmanager
def cluster(
    primaries: int = 3,
    replicas: int = 3,
    *,
    kind: str = "valkey",
    config: Config | None = None,
    password: str | None = None,
    users: Mapping[str, str] | None = None,
    tls: Certificate | None = None,
    node_timeout: float = 1.0,
) -> Iterator[Cluster]:
    """A cluster that serves all slots; ``replicas`` in all, given to the primaries in turn.

    ``config``, ``password`` and ``users`` are as :class:`.servers.Server`'s, for each node; with
    ``tls`` they speak nothing else, with each other too.

    ``node_timeout`` is the seconds of silence after which nodes take another for dead; a replica
    takes over one or two later. Two of its seconds of starting are the server's own: a primary
    waits so long before it serves.
    """
    settings: dict[str, Any] = {
        "cluster-node-timeout": int(node_timeout * 1000),
        "cluster-migration-barrier": max(1, replicas),  # a replica stays with its primary
        # Redis lists a replica in CLUSTER SLOTS only once it has received something: here, a ping.
        "repl-ping-replica-period": 1,
        **(config or {}),
    }
    with ExitStack() as stack:
        each: dict[str, Any] = {"config": settings, "password": password, "users": users}
        each |= {"tls": tls, "tls_only": tls is not None}
        nodes = [Server(kind, mode="cluster", **each) for _ in range(primaries + replicas)]
        for node in nodes:
            stack.callback(node.close)
        start_all(nodes)
        group = Cluster(nodes[:primaries], nodes[primaries:])
        _join(group)
        group.wait_ok()
        wait_until(lambda: _complete(group), "every node knows every other", every=0.02)
        yield group


def _join(group: Cluster) -> None:
    for number, node in enumerate(group.nodes):
        node.cli("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
    for number, node in enumerate(group.primaries):
        first, last = (SLOTS * edge // len(group.primaries) for edge in (number, number + 1))
        node.cli("CLUSTER", "ADDSLOTS", *range(first, last))  # ADDSLOTSRANGE is Redis 7's
    # Everybody meets everybody: by gossip alone, word takes seconds to get round.
    for number, node in enumerate(group.nodes):
        for other in group.nodes[number + 1 :]:
            node.cli("CLUSTER", "MEET", *other.address, other.port + BUS_OFFSET)
    for number, node in enumerate(group.replicas):
        primary = group.primaries[number % len(group.primaries)].cli("CLUSTER", "MYID")
        wait_until(lambda: _replicates(node, primary), "a node met its primary")  # noqa: B023


def _replicates(node: Server, primary: str) -> bool:
    """Redis knows no node by a name that it has not heard from the node itself: then an error."""
    return bool(node.cli("CLUSTER", "REPLICATE", primary) == "OK")


def _complete(group: Cluster) -> bool:
    return all(
        sum(len(row) - 2 for row in node.cli("CLUSTER", "SLOTS")) == len(group.nodes)
        for node in group.nodes
    )
