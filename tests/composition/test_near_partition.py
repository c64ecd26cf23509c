"""A cluster's primary is cut off from the other nodes, and from nobody else: it answers as before,
says that it is a primary, and that nothing was written."""

from __future__ import annotations

import time

from django_redis_core.cache import RedisCache
from django_redis_core.testing.clients import wait_until
from django_redis_core.testing.cluster import cluster, slot_of
from django_redis_core.testing.fixtures import MakeCache
from django_redis_core.testing.servers import Server

from .bus import proxied
from .conftest import KIND
from .readers import reading, wait_for_copies

LEASE = 0.5


def test_no_copy_outlives_the_lease_of_a_primary_that_the_others_do_not_hear(
    make_cache: MakeCache,
) -> None:
    config = {"cluster-require-full-coverage": "no", "cluster-allow-reads-when-down": "yes"}
    with cluster(replicas=1, kind=KIND, config=config) as nodes, proxied(nodes) as bus:
        before, after = nodes.primaries[0], nodes.replicas[0]
        key = next(f"k{n}" for n in range(100) if nodes.owner_of(f"cut:1:k{n}") is before)
        full = f"cut:1:{key}"
        with before.client() as client:
            client.set(full, 0)
            assert client.wait(1, 10_000) == 1

        def make(number: int) -> RedisCache:
            options = {
                "CONNECTION_FACTORY": "cluster",
                "CLIENT": "near",
                "NEAR_TTL": 600 + number,
                "NEAR_LEASE": LEASE,
                "SOCKET_TIMEOUT": 1,
            }
            return make_cache(options, LOCATION=nodes.urls, KEY_PREFIX="cut")

        due: list[float] = []
        with reading(make, key) as readers:
            bus.cut_off(before)
            others = [*nodes.primaries[1:], after]
            wait_until(
                lambda: all(_primary_of(node, full) == after.port for node in others),
                "another one took over",
                timeout=30,
            )
            with after.client() as writer:
                for number in range(1, 401):
                    writer.set(full, number)
                    due.append(time.monotonic() + LEASE)
                    time.sleep(0.002)
                # All this while it has said of itself what it always said.
                assert before.info("replication")["role"] == "master"
                assert _primary_of(before, full) == before.port
                wait_for_copies(readers, 400)
                bus.heal()
                nodes.wait_failover(before)
                writer.set(full, 401)
                due.append(time.monotonic() + LEASE)
            wait_for_copies(readers, 401)
        for reader in readers:
            assert not reader.late(due), reader.way
            assert reader.copies[0][1] == 0


def _primary_of(node: Server, key: str) -> int:
    """The port of the primary that has ``key``, as ``node`` sees it."""
    slot = slot_of(key)
    return next(
        int(primary[1])
        for first, last, primary, *_ in node.cli("CLUSTER", "SLOTS")
        if first <= slot <= last
    )
