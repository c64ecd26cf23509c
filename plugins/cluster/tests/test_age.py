"""What is known of a cluster has an age: what nobody contradicts is not believed for ever."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from redis.exceptions import ResponseError

from django_redis_core.cache import RedisCache
from django_redis_core.exceptions import ConnectionInterrupted
from django_redis_core.testing.clients import PATIENCE, wait_until
from django_redis_core.testing.cluster import SLOTS, Cluster, cluster, slot_of
from django_redis_core.testing.servers import Server

KIND = os.environ.get("DRC_TEST_SERVER", "valkey")

CacheOn = Callable[..., RedisCache]


def reads(server: Server) -> int:
    return int(server.info("commandstats").get("cmdstat_get", {}).get("calls", 0))


def key_in(cache: RedisCache, first: int, last: int) -> str:
    """A key whose slot is one of these."""
    return next(
        key
        for key in (f"key{number}" for number in range(10_000))
        if first <= slot_of(cache.make_key(key)) <= last
    )


@contextmanager
def alone(port: int) -> Iterator[Server]:
    """A cluster of one node, which serves all slots."""
    with Server(KIND, mode="cluster", port=port) as node:
        node.cli("CLUSTER", "ADDSLOTS", *range(SLOTS))
        wait_until(lambda: "cluster_state:ok" in node.cli("CLUSTER", "INFO"), "it serves")
        yield node


@contextmanager
def of_three() -> Iterator[Cluster]:
    config = {"cluster-require-full-coverage": "no"}
    with cluster(3, 0, kind=KIND, config=config) as nodes:
        yield nodes


@pytest.fixture(params=["blocking", "asyncio"])
def get(request: pytest.FixtureRequest) -> Iterator[Callable[[RedisCache, str], Any]]:
    if request.param == "blocking":
        yield lambda cache, key: cache.get(key)
        return
    with asyncio.Runner() as runner:
        yield lambda cache, key: runner.run(cache.aget(key))


def test_a_replica_that_was_replaced_is_learnt(
    cache_on: CacheOn, get: Callable[[RedisCache, str], Any]
) -> None:
    config = {"repl-ping-replica-period": 1}
    with (
        cluster(1, 1, kind=KIND, config=config) as nodes,
        Server(KIND, mode="cluster", config=config) as new,
    ):
        [primary], [old] = nodes.primaries, nodes.replicas
        cache = cache_on(primary.url, READ_FROM="replicas", SLOTS_REFRESH_INTERVAL=0.2)
        cache.set("k", "v")
        nodes.wait_ok()
        assert get(cache, "k") == "v"
        old_id, primary_id = (node.cli("CLUSTER", "MYID") for node in (old, primary))
        new.cli("CLUSTER", "MEET", *primary.address)
        wait_until(lambda: primary_id in new.cli("CLUSTER", "NODES"), "they met")
        wait_until(lambda: new.cli("CLUSTER", "REPLICATE", primary_id) == "OK", "it replicates")
        old.kill()
        for node in (primary, new):
            with suppress(ResponseError):  # the new one may not have heard of it
                node.cli("CLUSTER", "FORGET", old_id)

        def asked() -> bool:
            assert get(cache, "k") == "v"
            return reads(new) > 3

        wait_until(asked, "reads go to the new replica", timeout=30)
        before = reads(primary)
        for _ in range(20):
            assert get(cache, "k") == "v"
        assert reads(primary) == before


def test_the_map_is_renewed_while_callers_wait_for_nothing(
    nodes: Cluster, cache_on: CacheOn
) -> None:
    cache = cache_on(nodes.urls[0], SLOTS_REFRESH_INTERVAL=0.1)
    cache.set("k", 1)
    asked = lambda: sum(  # noqa: E731
        int(node.info("commandstats").get("cmdstat_cluster|slots", {}).get("calls", 0))
        for node in nodes.nodes
    )
    before, caller = asked(), threading.get_ident()
    by = []
    read = cache._engine.topology._nodes.read  # type: ignore[attr-defined]

    def noted(*args: Any) -> Any:
        by.append(threading.get_ident())
        return read(*args)

    cache._engine.topology._nodes.read = noted  # type: ignore[attr-defined]
    began = time.monotonic()
    while time.monotonic() < began + 1 or (len(by) < 3 and time.monotonic() < began + 30):
        assert cache.get("k") == 1
    assert 3 <= len(by) <= (time.monotonic() - began) / 0.1 + 2
    assert caller not in by
    wait_until(lambda: asked() - before >= 3, "nodes were asked")


def test_an_idle_cache_asks_nobody(nodes: Cluster, cache_on: CacheOn) -> None:
    cache = cache_on(nodes.urls[0], SLOTS_REFRESH_INTERVAL=0.1)
    cache.set("k", 1)
    before = threading.active_count()
    time.sleep(0.5)
    assert threading.active_count() <= before


def test_an_address_that_is_another_clusters_now_is_not_read(
    cache_on: CacheOn, get: Callable[[RedisCache, str], Any]
) -> None:
    with of_three() as nodes:
        first, *_, last = nodes.nodes
        cache = cache_on(first.url)
        key = key_in(cache, SLOTS * 2 // 3 + 1, SLOTS)
        cache.set(key, "ours")
        assert get(cache, key) == "ours"
        last.kill()
        with alone(last.port) as other:
            stranger = RedisCache(
                other.url, {"OPTIONS": {**PATIENCE, "CONNECTION_FACTORY": "cluster"}}
            )
            stranger.set(key, "theirs")
            for _ in range(5):
                with pytest.raises(ConnectionInterrupted):
                    get(cache, key)
                with pytest.raises(ConnectionInterrupted):
                    cache.set(key, "ours again")
            assert stranger.get(key) == "theirs"
            # The healthy ones go on.
            mine = key_in(cache, 0, SLOTS // 3 - 1)
            cache.set(mine, "ours")
            assert get(cache, mine) == "ours"


def test_a_node_that_joined_another_cluster_is_dropped(cache_on: CacheOn) -> None:
    """Its connections live on, and it answers for the same slots."""
    with of_three() as nodes:
        first, *_, last = nodes.nodes
        cache = cache_on(first.url, SLOTS_REFRESH_INTERVAL=0.1)
        key = key_in(cache, SLOTS * 2 // 3 + 1, SLOTS)
        cache.set(key, "ours")
        last.cli("FLUSHALL")
        last.cli("CLUSTER", "RESET", "HARD")
        last.cli("CLUSTER", "ADDSLOTS", *range(SLOTS))
        wait_until(lambda: "cluster_state:ok" in last.cli("CLUSTER", "INFO"), "it serves")

        def refused() -> bool:
            time.sleep(0.02)
            try:
                cache.get(key)
            except ConnectionInterrupted as trouble:
                return "another cluster" in str(trouble) or "moments ago" in str(trouble)
            return False

        wait_until(refused, "the other cluster's node is dropped", timeout=30)
        for _ in range(20):
            with pytest.raises(ConnectionInterrupted):
                cache.set(key, "ours")
        assert last.cli("DBSIZE") == 0


def test_a_cluster_that_was_made_anew_is_found(cache_on: CacheOn) -> None:
    """Where none of the nodes that were known is there, the start node is believed."""
    with of_three() as nodes:
        first = nodes.nodes[0]
        cache = cache_on(first.url)
        cache.set("k", "old")
        for node in nodes.nodes:
            node.kill()
        with alone(first.port):
            assert cache.get("k") is None
            cache.set("k", "new")
            assert cache.get("k") == "new"


def test_a_user_who_may_not_ask_is_served(cache_on: CacheOn) -> None:
    """Its ACL allows what a cluster's clients needed before nodes were asked who they are."""
    users = {"site": "on >secret ~* +@all -cluster +cluster|slots"}
    with cluster(1, 0, kind=KIND, password="all", users=users) as nodes:
        place = f"redis://site:secret@127.0.0.1:{nodes.nodes[0].port}"
        cache = cache_on(place)
        cache.set("k", 1)
        assert cache.get("k") == 1
        assert asyncio.run(cache.aget("k")) == 1
