"""Copies of a cluster's values: of each primary's, for as long as a majority of the primaries says
that it serves the slots that it names."""

from __future__ import annotations

import contextlib
import io
import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import redis
from django.core.management import call_command
from django.test import override_settings

from django_redis_core.cache import RedisCache
from django_redis_core.management.commands.redis_cache import Command
from django_redis_core.testing.clients import PATIENCE, wait_until
from django_redis_core.testing.cluster import Cluster, cluster, slot_of
from django_redis_core.testing.fixtures import MakeCache
from django_redis_core.testing.proxy import FaultProxy
from django_redis_core.testing.servers import Server

from .conftest import KIND
from .readers import heard, kept, listening, reading, wait_for_copies, with_a_copy

LEASE = 0.5
CLUSTER = {"CONNECTION_FACTORY": "cluster", "CLIENT": "near", "NEAR_TTL": 600}
#: The lease is longer than a busy machine keeps a thread waiting.
LONG = {**CLUSTER, "NEAR_LEASE": 30}


@pytest.fixture(scope="module")
def nodes() -> Iterator[Cluster]:
    """Three primaries, and a replica of the first."""
    with cluster(replicas=1, kind=KIND, config={"cluster-require-full-coverage": "no"}) as nodes:
        yield nodes


def key_of(nodes: Cluster, server: Server, prefix: str) -> str:
    """A key, as the site names it, that lives on ``server``."""
    return next(
        f"k{number}"
        for number in itertools.count()
        if nodes.owner_of(f"{prefix}:1:k{number}") is server
    )


def first_primary(nodes: Cluster) -> Server:
    """The one that has a replica."""
    return next(
        node
        for node in (nodes.primaries[0], nodes.replicas[0])
        if node.info("replication")["role"] == "master"
    )


def replica_of_first(nodes: Cluster) -> Server:
    (other,) = {nodes.primaries[0], nodes.replicas[0]} - {first_primary(nodes)}
    return other


def reads(nodes: Cluster, prefix: str, make_cache: MakeCache, key: str) -> Any:
    def make(number: int) -> RedisCache:
        options = {**CLUSTER, "NEAR_TTL": 600 + number, "NEAR_LEASE": LEASE, "SOCKET_TIMEOUT": 1}
        return make_cache(options, LOCATION=nodes.urls, KEY_PREFIX=prefix)

    return reading(make, key)


def test_no_copy_outlives_the_lease_of_a_primary_that_was_replaced(
    nodes: Cluster, make_cache: MakeCache
) -> None:
    """It hangs until another one has taken over, and does not know that when it goes on."""
    before = first_primary(nodes)
    key = key_of(nodes, before, "replaced")
    full = f"replaced:1:{key}"
    wait_until(lambda: nodes.replicas_of(before), "a replica is there")
    with before.client() as client:
        client.set(full, 0)
        assert client.wait(1, 10_000) == 1
    due: list[float] = []
    with reads(nodes, "replaced", make_cache, key) as readers:
        before.pause()
        try:
            nodes.wait_failover(before)
            after = nodes.owner_of(full)
            with after.client() as client:
                for number in range(1, 201):
                    if number == 100:
                        before.resume()
                    client.set(full, number)
                    due.append(time.monotonic() + LEASE)
                    time.sleep(0.002)
        finally:
            before.resume()
        wait_for_copies(readers, 200)
    nodes.wait_ok()
    for reader in readers:
        assert not reader.late(due), reader.way
        assert reader.copies[0][1] == 0


def test_a_slot_on_its_way_and_moved(nodes: Cluster, make_cache: MakeCache) -> None:
    """What another server than the key's own has answered (ASK) is never kept, for nobody tells of
    its next write; what has moved is told by the new owner."""
    source, target = nodes.primaries[1:3]
    cache = listening(make_cache(LONG, LOCATION=nodes.urls))
    key = key_of(nodes, source, cache.key_prefix)
    full = cache.make_key(key)
    cache.set(key, 1, None)
    with_a_copy(cache, key)
    writer = nodes.client()
    with nodes.moving(slot_of(full), target) as move:
        assert kept(cache, key), "its own server has it still"
        assert move.migrate(10) == 1
        wait_until(lambda: not kept(cache, key, read=False), "the server tells that it is gone")
        for _ in range(4):
            assert not kept(cache, key)
        assert cache.get(key) == 1
        assert cache.get_many([key, "other"]) == {key: 1}
        assert not kept(cache, key, read=False)
        writer.set(full, 2)
        assert cache.get(key) == 2
    listening(cache)
    with_a_copy(cache, key)
    writer.set(full, 3)
    wait_until(lambda: cache.get(key) == 3, "the new owner tells", timeout=30)
    with_a_copy(cache, key)
    nodes.move_slot(slot_of(full), source)
    writer.set(full, 4)
    wait_until(lambda: cache.get(key) == 4, "the old owner again", timeout=30)
    writer.close()


def test_slots_that_move_and_primaries_that_change_all_the_time(
    nodes: Cluster, make_cache: MakeCache
) -> None:
    """A counter's slot goes round, a replica takes over in between, and nothing is lost: each
    number must be seen a lease after it was acknowledged, or after the end of the change in which
    it was."""
    key = key_of(nodes, first_primary(nodes), "chaos")
    full = f"chaos:1:{key}"
    changes: list[tuple[float, float]] = []
    acknowledged: list[float] = []
    done = threading.Event()
    writer = nodes.client()
    writer.set(full, 0)

    def write() -> None:
        while not done.is_set():
            with contextlib.suppress(redis.RedisError):  # the same number again
                writer.set(full, len(acknowledged) + 1)
                acknowledged.append(time.monotonic())
            time.sleep(0.002)

    def move_to(server: Server) -> None:
        began = time.monotonic()
        nodes.move_slot(slot_of(full), server)
        changes.append((began, time.monotonic()))

    def take_over() -> None:
        began, other = time.monotonic(), replica_of_first(nodes)
        before = first_primary(nodes)
        other.cli("CLUSTER", "FAILOVER")
        nodes.wait_failover(before)
        changes.append((began, time.monotonic()))

    writing = threading.Thread(target=write)
    with reads(nodes, "chaos", make_cache, key) as readers:
        writing.start()
        try:
            take_over()
            for target in (nodes.primaries[1], nodes.primaries[2], first_primary(nodes)):
                move_to(target)
                time.sleep(0.3)
            take_over()
            move_to(nodes.primaries[1])
            wait_until(
                lambda: (
                    len(acknowledged) > 200
                    and all(len({value for _, value in one.copies}) > 10 for one in readers)
                ),
                "there is enough to be judged",
                timeout=60,
            )
        finally:
            done.set()
            writing.join(30)
        wait_for_copies(readers, int(writer.get(full)))
    writer.close()
    known: list[float] = []
    for at in acknowledged:
        ends = [end for began, end in changes if began <= at <= end]
        known.append(max(at, *ends, *known[-1:], 0.0))
    for reader in readers:
        assert not reader.late([at + LEASE for at in known]), reader.way


def test_without_a_majority_of_the_primaries_nothing_is_kept(
    nodes: Cluster, make_cache: MakeCache
) -> None:
    """One that is left may be the one that was cut off."""
    with ExitStack() as stack:
        proxies = {node: stack.enter_context(FaultProxy(*node.address)) for node in nodes.nodes}
        remap = {node.address: proxy.address for node, proxy in proxies.items()}
        options = {**CLUSTER, "NEAR_LEASE": 3, "ADDRESS_REMAP": remap}
        cache = listening(make_cache(options, LOCATION=proxies[nodes.nodes[0]].url))
        left, *others = [first_primary(nodes), *nodes.primaries[1:3]]
        key = key_of(nodes, left, cache.key_prefix)
        cache.set(key, "value", None)
        with_a_copy(cache, key)
        for node in others:
            proxies[node].refuse()
            proxies[node].reset_all()
        name = f"redis://127.0.0.1:{proxies[left].port}/0"
        wait_until(
            lambda: (
                "1 of the cluster's 3 primaries" in str(cache.client.near_info().tracking[name])
            ),
            "its word alone is not enough",
            timeout=30,
        )
        assert not kept(cache, key)
        assert cache.get(key) == "value"
        for proxy in proxies.values():
            proxy.heal()
        with_a_copy(listening(cache), key)


def test_operators_see_who_is_heard(nodes: Cluster) -> None:
    entry = {
        "BACKEND": "django_redis_core.cache.RedisCache",
        "LOCATION": nodes.urls[0],
        "OPTIONS": {**PATIENCE, **LONG},
    }
    with override_settings(CACHES={"default": entry}):
        told = io.StringIO()
        call_command(Command(), "near", stdout=told)
        found = io.StringIO()
        call_command(Command(), "doctor", stdout=found)
    assert told.getvalue().count("tells of writes; connections that listen: ") == 3
    assert found.getvalue().count('tells of writes, so "near" keeps copies of what it reads') == 3


def test_heard_is_what_it_says(nodes: Cluster, make_cache: MakeCache) -> None:
    cache = make_cache(LONG, LOCATION=nodes.urls)
    assert cache.client.near_info().tracking == {"its primary": "it is not known yet"}
    assert not heard(cache)
    assert heard(listening(cache))
    assert len(cache.client.near_info().tracking) == 3
