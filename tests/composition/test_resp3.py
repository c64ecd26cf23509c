"""RESP3 where replies are read by plugins: sentinels' answers, a cluster's map."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from django_redis_core.cache import RedisCache
from django_redis_core.connections import resp
from django_redis_core.testing.cluster import cluster
from django_redis_core.testing.topologies import sentinels


@pytest.fixture(params=["hiredis", "python"], autouse=True)
def reader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "python":
        monkeypatch.setattr(resp, "_reader", resp.PythonReader)
        monkeypatch.setattr(resp, "_push", resp.Push)


def works(cache: RedisCache) -> None:
    assert cache.set("k", "v")
    assert cache.get_many(["k", "none"]) == {"k": "v"}
    assert cache.get("none") is None

    async def native() -> None:
        assert await asyncio.gather(cache.aget("k"), cache.aget("none")) == ["v", None]

    asyncio.run(native())


def test_sentinels() -> None:
    with sentinels(service="orders", down_after=30) as group:
        options: dict[str, Any] = {
            **group.options,
            "SENTINEL_KWARGS": {**group.options["SENTINEL_KWARGS"], "protocol": 3},
            "CONNECTION_POOL_KWARGS": {"protocol": 3},
        }
        works(RedisCache("redis://orders/0", {"OPTIONS": options}))
        # Events are heard by a connection that has subscribed, and stays.
        sentinel = group.sentinels[0].client()
        deadline = time.monotonic() + 30
        while not any(int(one["sub"]) >= 9 for one in sentinel.client_list()):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        (before,) = [one["id"] for one in sentinel.client_list() if int(one["sub"]) >= 9]
        time.sleep(1)
        (after,) = [one["id"] for one in sentinel.client_list() if int(one["sub"]) >= 9]
        assert before == after


@pytest.mark.parametrize("read_from", ["primary", "nearest"])
def test_a_cluster_whose_nodes_have_no_hostname(read_from: str) -> None:
    config = {"cluster-preferred-endpoint-type": "hostname"}
    with cluster(primaries=2, replicas=0, config=config) as nodes:
        options = {
            "CONNECTION_FACTORY": "cluster",
            "CONNECTION_POOL_KWARGS": {"protocol": 3},
            "READ_FROM": read_from,
        }
        works(RedisCache(nodes.urls[0], {"OPTIONS": options}))
