"""A cluster of three primaries and three replicas for the session, and caches on it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from django.core.signals import setting_changed

from django_redis_core.cache import RedisCache
from django_redis_core.testing.clients import PATIENCE, wait_until
from django_redis_core.testing.cluster import Cluster, cluster, slot_of
from django_redis_core.testing.proxy import FaultProxy
from django_redis_core.testing.servers import Server

pytest_plugins = ["django_redis_core.testing.fixtures"]

KIND = os.environ.get("DRC_TEST_SERVER", "valkey")

CacheOn = Callable[..., RedisCache]
KeysOf = Callable[..., dict[Server, list[str]]]


@pytest.fixture(scope="session")
def cluster_of_six() -> Iterator[Cluster]:
    with cluster(kind=KIND, config={"cluster-require-full-coverage": "no"}) as nodes:
        yield nodes


@pytest.fixture
def nodes(cluster_of_six: Cluster) -> Iterator[Cluster]:
    """The cluster, well and empty when a test begins, which may break it."""
    yield cluster_of_six
    for node in cluster_of_six.nodes:
        if node.running and node.paused:
            node.resume()
        if not node.running:
            node.restart()
    cluster_of_six.wait_ok()
    wait_until(lambda: all_listed(cluster_of_six), "every node lists every replica again")
    for node in primaries_of(cluster_of_six):
        node.cli("FLUSHALL")


@pytest.fixture
def patient_nodes(nodes: Cluster) -> Iterator[None]:
    """None of them takes another one for dead that a busy machine keeps waiting."""
    for node in nodes.nodes:
        node.cli("CONFIG", "SET", "cluster-node-timeout", 15_000)
    yield
    for node in nodes.nodes:
        node.cli("CONFIG", "SET", "cluster-node-timeout", 1000)


def all_listed(nodes: Cluster) -> bool:
    every = {node.port for node in nodes.nodes}
    return all(
        every == {int(server[1]) for row in node.cli("CLUSTER", "SLOTS") for server in row[2:]}
        for node in nodes.nodes
    )


def primaries_of(nodes: Cluster) -> list[Server]:
    return [node for node in nodes.nodes if node.info("replication")["role"] == "master"]


@pytest.fixture
def primaries(nodes: Cluster) -> Callable[[], list[Server]]:
    """Those that are primaries now: a test may have had others take over."""
    return lambda: primaries_of(nodes)


@pytest.fixture
def cache_on() -> Iterator[CacheOn]:
    """``cache_on(location, OPTION=…)``: a cache on a cluster, without a past."""
    made: list[RedisCache] = []

    def make(location: Any, **options: Any) -> RedisCache:
        entry = {name: options.pop(name) for name in ("KEY_PREFIX", "VERSION") if name in options}
        # Connecting may take its time on a busy machine: none of these tests is about that.
        every = {"CONNECTION_FACTORY": "cluster", "SOCKET_CONNECT_TIMEOUT": 5, **options}
        made.append(RedisCache(location, {**entry, "OPTIONS": every}))
        return made[-1]

    yield make
    # The process forgets its caches, and with them which nodes were down.
    setting_changed.send(sender=None, setting="CACHES", value=None, enter=True)


@pytest.fixture
def cache(nodes: Cluster, cache_on: CacheOn) -> RedisCache:
    """Where no node is in trouble. Who measures how long one is waited for makes a cache."""
    return cache_on(nodes.urls[0], **PATIENCE)


@pytest.fixture
def keys_of(nodes: Cluster) -> KeysOf:
    """``keys_of(cache, count)``: so many keys of each primary, as callers name them."""

    def find(cache: RedisCache, count: int = 10) -> dict[Server, list[str]]:
        owners = owners_seen_by(nodes.nodes[0])
        of_port = {node.port: node for node in nodes.nodes}
        found: dict[Server, list[str]] = {of_port[port]: [] for port in set(owners.values())}
        number = 0
        while min(map(len, found.values())) < count:
            key = f"key{number}"
            keys = found[of_port[owners[slot_of(cache.make_key(key))]]]
            if len(keys) < count:
                keys.append(key)
            number += 1
        return found

    return find


def owners_seen_by(node: Server) -> dict[int, int]:
    """slot → port of its primary."""
    owners: dict[int, int] = {}
    for first, last, primary, *_ in node.cli("CLUSTER", "SLOTS"):
        owners |= dict.fromkeys(range(first, last + 1), int(primary[1]))
    return owners


@pytest.fixture
def stored(nodes: Cluster) -> Callable[[], dict[Server, set[str]]]:
    """The keys that each primary has, as stored."""

    return lambda: {node: set(node.cli("KEYS", "*")) for node in primaries_of(nodes)}


@pytest.fixture
def proxies(nodes: Cluster) -> Iterator[dict[tuple[str, int], FaultProxy]]:
    """A proxy before each node, by the node's address."""
    with ExitStack() as stack:
        yield {node.address: stack.enter_context(FaultProxy(*node.address)) for node in nodes.nodes}


@pytest.fixture
def through_proxies(
    nodes: Cluster, proxies: dict[tuple[str, int], FaultProxy], cache_on: CacheOn
) -> RedisCache:
    """A cache that reaches every node through its proxy."""
    remap = {address: proxy.address for address, proxy in proxies.items()}
    return cache_on(proxies[nodes.nodes[0].address].url, ADDRESS_REMAP=remap)
