"""The topologies that plugins are put together on, each started once a session."""

from __future__ import annotations

import gc
import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.core.signals import setting_changed

from django_redis_core.testing.cluster import Cluster, cluster
from django_redis_core.testing.servers import Server
from django_redis_core.testing.topologies import (
    Replicated,
    Sentinels,
    replicated,
    sentinels,
    shards,
)

KIND = os.environ.get("DRC_TEST_SERVER", "valkey")
SERVICES = ("Orders", "Solo")
PASSWORD = "of the servers"


@dataclass(frozen=True)
class Place:
    """Where a cache may be: its LOCATION with the client ``shard`` and without, its OPTIONS, and
    what waits until reads see all writes."""

    alone: Any = None
    sharded: Any = None
    options: Mapping[str, Any] = field(default_factory=dict)
    settle: Callable[[], object] = lambda: None


@pytest.fixture(scope="session")
def four_servers() -> Iterator[list[Server]]:
    with shards(4, kind=KIND) as servers:
        yield servers


@pytest.fixture(scope="session")
def group() -> Iterator[Replicated]:
    with replicated(2, kind=KIND) as group:
        yield group


@pytest.fixture(scope="session")
def services() -> Iterator[Sentinels]:
    """Sentinels that know two services, the second of one server. They are more patient than a busy
    machine is slow: who waits for them to act has others."""
    with two_services(down_after=30) as group:
        yield group


@contextmanager
def two_services(*, down_after: float) -> Iterator[Sentinels]:
    each: dict[str, Any] = {"kind": KIND, "password": PASSWORD, "replicas": 1}
    with (
        sentinels(SERVICES[0], **each, down_after=down_after) as group,
        Server(KIND, password=PASSWORD) as alone,
    ):
        for sentinel in group.sentinels:
            sentinel.cli("SENTINEL", "MONITOR", SERVICES[1], alone.host, alone.port, 2)
            sentinel.cli("SENTINEL", "SET", SERVICES[1], "auth-pass", PASSWORD)
            sentinel.cli(
                "SENTINEL", "SET", SERVICES[1], "down-after-milliseconds", int(down_after * 1000)
            )
        yield group
        setting_changed.send(sender=None, setting="CACHES", value=None, enter=True)
        with warnings.catch_warnings():
            # redis-py's clients close their sockets when they are collected, or the sockets do.
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()  # with the caches go the threads that listen


@pytest.fixture(scope="session")
def three_nodes() -> Iterator[Cluster]:
    with cluster(replicas=0, kind=KIND) as nodes:
        yield nodes


@pytest.fixture(scope="session")
def another_node() -> Iterator[Cluster]:
    """A cluster of its own."""
    with cluster(primaries=1, replicas=0, kind=KIND) as nodes:
        yield nodes


@pytest.fixture
def one_server(redis_server: Server) -> Place:
    return Place(redis_server.url, redis_server.url)


@pytest.fixture
def primary_and_replicas(group: Replicated) -> Iterator[Place]:
    with group.primary.client(db=1) as client:

        def settle() -> None:
            client.set("written after", "all others")
            assert client.wait(len(group.replicas), 10_000) == len(group.replicas)

        yield Place(group.urls, options={"READ_FROM": "replicas"}, settle=settle)


@pytest.fixture
def service(services: Sentinels) -> Place:
    options = {
        **services.options,
        "PASSWORD": PASSWORD,
    }
    urls = [f"redis://{name}/0" for name in SERVICES]
    return Place(urls[0], urls, options)


@pytest.fixture
def on_cluster(three_nodes: Cluster, another_node: Cluster) -> Place:
    urls = [three_nodes.urls[0], another_node.urls[0]]
    return Place(urls[0], urls, {"CONNECTION_FACTORY": "cluster"})


@pytest.fixture
def several_servers(four_servers: list[Server]) -> Place:
    return Place(sharded=[server.url for server in four_servers])
