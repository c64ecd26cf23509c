"""Every command on every topology: one server, replicas, shards, the embedded one, a service of
sentinels, a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import caches

from django_redis_core.operating import OperatedCache
from django_redis_core.testing.cluster import cluster
from django_redis_core.testing.servers import Server
from django_redis_core.testing.topologies import replicated, sentinels, shards

from .conftest import Ran, advice, one

KEYS = 600
Entry = dict[str, Any]


def single(server: Server) -> Iterator[tuple[Entry, int]]:
    yield {"LOCATION": server.url}, 1


def with_replicas(server: Server) -> Iterator[tuple[Entry, int]]:
    with replicated(1) as group:
        yield {"LOCATION": group.urls, "OPTIONS": {"READ_FROM": "primary"}}, 2


def four_shards(server: Server) -> Iterator[tuple[Entry, int]]:
    with shards(4) as servers:
        yield {"LOCATION": [one.url for one in servers], "OPTIONS": {"CLIENT": "shard"}}, 4


def herd_on_shards(server: Server) -> Iterator[tuple[Entry, int]]:
    with shards(2) as servers:
        clients = ["herd", "shard"]
        yield {"LOCATION": [one.url for one in servers], "OPTIONS": {"CLIENT": clients}}, 2


def databases_as_shards(server: Server) -> Iterator[tuple[Entry, int]]:
    """Two shards of one server, whose cursors must not be taken for each other's."""
    with Server() as own:
        urls = [f"{own.url[:-1]}{database}" for database in (0, 1)]
        yield {"LOCATION": urls, "OPTIONS": {"CLIENT": "shard"}}, 2


def of_sentinels(server: Server) -> Iterator[tuple[Entry, int]]:
    with sentinels(service="orders", replicas=1, down_after=30) as group:
        # Its replica serves no reads of this cache, but may be the primary tomorrow.
        options = {**group.options, "READ_FROM": "primary"}
        yield {"LOCATION": "redis://orders/0", "OPTIONS": options}, 2


def of_a_cluster(server: Server) -> Iterator[tuple[Entry, int]]:
    with cluster(3, replicas=0) as group:
        urls = [node.url for node in group.nodes]
        yield {"LOCATION": urls, "OPTIONS": {"CONNECTION_FACTORY": "cluster"}}, 3


TOPOLOGIES = [
    single,
    with_replicas,
    four_shards,
    herd_on_shards,
    databases_as_shards,
    of_sentinels,
    of_a_cluster,
    "embedded",
]


@pytest.fixture(params=TOPOLOGIES, ids=lambda made: getattr(made, "__name__", made))
def topology(
    request: pytest.FixtureRequest, redis_server: Server, tmp_path: Path
) -> Iterator[tuple[Entry, int]]:
    """An entry without its formats, and how many servers it has."""
    if request.param == "embedded":
        yield {"LOCATION": f"embedded://{tmp_path}/cache"}, 1
    else:
        yield from request.param(redis_server)


def test_each_command(
    topology: tuple[Entry, int], site: Callable[..., Any], manage: Callable[..., Ran]
) -> None:
    entry, count = topology
    options = entry.pop("OPTIONS", {})
    new = {**options, "SERIALIZER": ["json", "pickle"]}
    cache = site(default={**entry, "OPTIONS": options}, new={**entry, "OPTIONS": new})
    values = {f"user:{number}": {"number": number} for number in range(KEYS)}
    assert cache.set_many(values, 500) == []
    cache.set("count", 7, None)

    [report] = manage("doctor", "--json", "--alias", "default", "--pings", "3").json
    assert report["ok"] is True, report["findings"]
    assert len(report["servers"]) == count
    ran = manage("doctor", "--json")
    assert ran.code == 0
    for report in ran.json:
        assert one(advice(report), "share a database"), "though one has found its servers before"

    [report] = manage("stats", "--json", "--alias", "default").json
    assert report["keys"] == KEYS + 1
    assert report["families"][0]["family"] == "user"
    assert report["families"][0]["keys"] == KEYS
    assert manage("stats").code == 0

    assert manage("get", "user:3", "--json").json["value"] == {"number": 3}
    assert 400 < manage("ttl", "user:3", "--json").json["ttl"] <= 500

    operated = OperatedCache("default")
    told = operated.overview()
    assert len(told["servers"]) == len(operated.live()["servers"]) == count
    assert not any("error" in server for server in (*told["servers"], *operated.live()["servers"]))
    page = operated.keys("user:*")
    found = [key["key"] for key in page["keys"]]
    while page["next"]:
        page = operated.keys("user:*", at=page["next"])
        found += [key["key"] for key in page["keys"]]
    assert sorted(found) == sorted(values)
    assert operated.entry("user:3")["value"] == {"number": 3}
    assert operated.expire("user:3", 300)
    assert 200 < cache.ttl("user:3") <= 300
    assert operated.delete(["user:90", "user:91"])["deleted"] == 2
    for number in (3, 90, 91):
        cache.set(f"user:{number}", {"number": number}, 500)

    report = manage("recode", "--alias", "new", "--json", "--rate", "1000000").json
    assert (report["keys"], report["rewritten"], report["integers"]) == (KEYS + 1, KEYS, 1)
    assert caches["new"].get_many(values) == values
    assert 400 < caches["new"].ttl("user:3") <= 500
    report = manage("recode", "--alias", "new", "--json", "--rate", "1000000").json
    assert (report["rewritten"], report["current"]) == (0, KEYS)

    assert manage("delete", "user:3", "user:4", "--no-input", "--json").json["deleted"] == 2
    assert manage("delete", "--pattern", "user:?", "--no-input", "--json").json["deleted"] == 8
    ran = manage("clear", "--json", answer="y\n")
    assert ran.json["deleted"] == KEYS + 1 - 10
    assert f"which are {KEYS - 9}" in ran.err
    assert cache.get("count") is None
