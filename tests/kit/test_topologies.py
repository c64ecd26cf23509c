"""The kit's groups of servers: they are joined when the `with` begins, and really fail over."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator

import pytest
import redis

from django_redis_core.testing.cluster import SLOTS, Cluster, cluster, slot_of
from django_redis_core.testing.servers import Server, ServerError
from django_redis_core.testing.topologies import Sentinels, replicated, sentinels, shards

KINDS = ["valkey", *(["redis"] if shutil.which("redis-server") else [])]


# Replicas


@pytest.mark.parametrize("kind", KINDS)
def test_replicas_have_what_the_primary_wrote(kind: str) -> None:
    with replicated(2, kind=kind, password="secret") as group:
        assert [server.cli("ROLE")[0] for server in group.servers] == ["master", "slave", "slave"]
        assert group.urls == [server.url for server in group.servers]

        group.primary.cli("SET", "key", "value")
        group.wait_in_sync()

        assert [replica.cli("GET", "key") for replica in group.replicas] == ["value", "value"]
        with group.replicas[0].client() as client, pytest.raises(redis.ReadOnlyError):
            client.set("key", "other")


def test_a_replica_stays_one_when_it_restarts() -> None:
    with replicated(1) as group:
        (replica,) = group.replicas
        replica.kill()
        group.primary.cli("SET", "key", "value")
        replica.start()
        group.wait_in_sync()

        assert replica.cli("GET", "key") == "value"


def test_shards_know_nothing_of_each_other() -> None:
    with shards(4) as servers:
        for number, server in enumerate(servers):
            server.cli("SET", "number", number)

        assert [server.cli("GET", "number") for server in servers] == ["0", "1", "2", "3"]
        assert {server.info("replication")["connected_slaves"] for server in servers} == {0}


# Sentinels


@pytest.fixture(scope="module")
def watched() -> Iterator[Sentinels]:
    with sentinels("orders", password="secret") as group:
        yield group


def discovered(group: Sentinels, password: str | None) -> int:
    """The primary's port, as a client of redis-py learns it from the sentinels."""
    client = redis.Sentinel(group.addresses, socket_timeout=5.0)  # type: ignore[no-untyped-call]
    with client.master_for(group.service, password=password) as primary:  # type: ignore[no-untyped-call]
        primary.set("from", "sentinel")
        return int(primary.info("server")["tcp_port"])


@pytest.mark.parametrize("kind", KINDS)
def test_sentinels_lead_to_the_primary(kind: str) -> None:
    with sentinels(kind=kind, replicas=1) as group:
        assert group.current_primary() is group.data.primary
        assert discovered(group, None) == group.data.primary.port
        with pytest.raises(ServerError, match="password"):
            group.isolate(group.data.primary)


def test_sentinels_elect_another_primary(watched: Sentinels) -> None:
    before = watched.current_primary()
    before.kill()
    try:
        after = watched.wait_failover(before)

        assert after is not before
        assert after.cli("ROLE")[0] == "master"
        assert discovered(watched, "secret") == after.port
    finally:
        before.start()

    watched.wait_settled()
    assert before.cli("ROLE")[:3] == ["slave", "127.0.0.1", after.port]


def test_a_failover_can_be_ordered(watched: Sentinels) -> None:
    before = watched.current_primary()
    after = watched.failover()

    assert after is not before
    watched.wait_settled()
    assert before.cli("ROLE")[2] == after.port


def test_an_ousted_primary_can_stay_writable(watched: Sentinels) -> None:
    before = watched.current_primary()
    with before.client() as client:  # connected since before
        client.set("key", "old")
        watched.isolate(before)
        after = watched.wait_failover(before)

        assert client.set("key", "lost")
        assert client.role()[0] == b"master"
        assert after.cli("ROLE")[0] == "master"

        watched.rejoin(before)
        watched.wait_settled()
        assert before.cli("ROLE")[2] == after.port
        assert client.get("key") == b"old", "what an ousted primary took is lost"


# Cluster


@pytest.fixture(scope="module")
def nodes() -> Iterator[Cluster]:
    with cluster() as nodes:
        yield nodes


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "valkey"])
def test_the_other_kind_forms_a_cluster_too(kind: str) -> None:
    with cluster(kind=kind, password="secret") as nodes, nodes.client() as client:
        for number in range(100):
            assert client.set(f"key:{number}", number)
        assert all(node.cli("DBSIZE") > 0 for node in nodes.nodes)
        target = next(node for node in nodes.primaries if node is not nodes.owner_of("key:1"))
        nodes.move_slot(slot_of("key:1"), target)  # with a password
        assert client.get("key:1") == b"1"


def test_all_slots_are_served_and_every_primary_has_a_replica(nodes: Cluster) -> None:
    owners = [nodes.owner(slot) for slot in (0, SLOTS // 2, SLOTS - 1)]

    assert owners == nodes.primaries
    assert [len(nodes.replicas_of(primary)) for primary in nodes.primaries] == [1, 1, 1]
    for node in nodes.nodes:
        assert "cluster_state:ok" in node.cli("CLUSTER", "INFO")
        assert f"cluster_slots_ok:{SLOTS}" in node.cli("CLUSTER", "INFO")
    assert (
        slot_of("{tag}one")
        == slot_of(b"{tag}two")
        == nodes.nodes[0].cli("CLUSTER", "KEYSLOT", "tag")
    )


def test_a_slot_under_way_asks_for_the_keys_that_have_moved(nodes: Cluster) -> None:
    keys = [f"{{ask}}{number}" for number in range(10)]
    source = nodes.owner_of("{ask}")
    target = next(node for node in nodes.primaries if node is not source)
    with nodes.client() as client:
        for key in keys:
            client.set(key, key)
        with nodes.moving(slot_of("{ask}"), target) as move:
            assert move.migrate(4) == 4
            assert source.cli("CLUSTER", "COUNTKEYSINSLOT", move.slot) == 6
            gone = next(key for key in keys if not there(source, key))
            with pytest.raises(redis.ResponseError, match=rf"{move.slot} \S+:{target.port}$"):
                source.cli("GET", gone)
            assert [client.get(key) for key in keys] == [key.encode() for key in keys]

        assert nodes.owner_of("{ask}") is target
        with pytest.raises(redis.ResponseError, match=rf"{move.slot} \S+:{target.port}$"):
            source.cli("GET", gone)
        assert [client.get(key) for key in keys] == [key.encode() for key in keys]
    nodes.move_slot(move.slot, source)


def there(node: Server, key: str) -> bool:
    try:
        return bool(node.cli("EXISTS", key) == 1)
    except redis.ResponseError:
        return False


def test_a_slot_moves_under_a_client_that_reads_and_writes(nodes: Cluster) -> None:
    keys = [f"{{live}}{number}" for number in range(500)]
    wrong: list[object] = []
    rounds = 0
    stop = threading.Event()

    def use() -> None:
        nonlocal rounds
        with nodes.client() as client:
            while not stop.is_set():
                rounds += 1
                for key in keys[:: 1 + rounds % 7]:
                    try:
                        client.set(key, rounds)
                        if client.get(key) != str(rounds).encode():
                            wrong.append(key)
                    except redis.RedisError as error:
                        wrong.append(error)

    with nodes.client() as client:
        for key in keys:
            client.set(key, 0)
    thread = threading.Thread(target=use)
    thread.start()
    try:
        for target in (*nodes.primaries, nodes.primaries[0]):
            if nodes.owner_of("{live}") is not target:
                nodes.move_slot(slot_of("{live}"), target)
            assert nodes.owner_of("{live}") is target
            assert target.cli("CLUSTER", "COUNTKEYSINSLOT", slot_of("{live}")) == 500
            time.sleep(0.1)
    finally:
        stop.set()
        thread.join()

    assert wrong == []
    assert rounds > 2


def test_a_replica_takes_over_from_a_killed_node(nodes: Cluster) -> None:
    before = nodes.owner_of("key")
    (replica,) = nodes.replicas_of(before)
    with nodes.client() as client:
        client.set("key", "value")
        client.wait(1, 1000, target_nodes=client.get_node("127.0.0.1", before.port))
        before.kill()
        nodes.wait_failover(before)

        assert nodes.owner_of("key") is replica
        assert client.get("key") == b"value"

    before.start()
    nodes.wait_ok()
    assert nodes.replicas_of(replica) == [before]
