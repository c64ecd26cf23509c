"""Round trips where the servers are found out by asking, and move."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from typing import Any

import pytest

from django_redis_core.testing.cluster import Cluster, cluster
from django_redis_core.testing.topologies import Sentinels, sentinels

from .conftest import MakeObserved

KIND = os.environ.get("DRC_TEST_SERVER", "valkey")
KEYS = [f"key{number}" for number in range(30)]


@pytest.fixture(scope="module")
def nodes() -> Iterator[Cluster]:
    with cluster(replicas=0, kind=KIND) as nodes:
        yield nodes


@pytest.fixture(scope="module")
def group() -> Iterator[Sentinels]:
    with sentinels("Orders", kind=KIND, replicas=1, down_after=30) as group:
        yield group


def test_each_node_of_a_cluster_is_a_trip(observed: MakeObserved, nodes: Cluster) -> None:
    cache, notes = observed({"CONNECTION_FACTORY": "cluster"}, LOCATION=nodes.urls[0])
    assert cache.set_many(dict.fromkeys(KEYS, 1)) == []
    assert notes.told() == [("set_many", "blocking", 0, 0, "server")]
    ports = {node.port for node in nodes.nodes}
    assert {trip.port for trip in notes.trips if "SET" in trip.commands} == ports
    assert any("CLUSTER" in trip.commands[0] for trip in notes.trips)  # the map was asked for
    notes.trips.clear()
    assert len(cache.get_many(KEYS)) == 30
    assert len(asyncio.run(cache.aget_many(KEYS))) == 30
    assert [(one.operation, one.hits, one.source) for one in notes.calls] == [
        ("get_many", 30, "server")
    ] * 2
    assert {trip.port for trip in notes.trips} == ports
    assert {trip.role for trip in notes.trips} == {"primary"}


def test_sentinels_are_asked_and_have_no_role(observed: MakeObserved, group: Sentinels) -> None:
    host, port = group.addresses[0]
    options: dict[str, Any] = {**group.options, "SENTINELS": [(host, port)]}
    cache, notes = observed(options, LOCATION="redis://Orders/0")
    cache.set("k", 1)
    assert notes.told() == [("set", "blocking", 0, 0, "server")]
    assert {trip.role for trip in notes.trips if trip.commands == ("SET",)} == {"primary"}
    asked = [trip for trip in notes.trips if trip.port == port]
    assert asked
    assert {trip.role for trip in asked} == {""}
