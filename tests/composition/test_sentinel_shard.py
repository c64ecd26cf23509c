"""Shards that are services of sentinels: each part of the ring follows its own primary."""

from __future__ import annotations

from django_redis_core.testing.fixtures import MakeCache

from .conftest import Place


def test_shards_that_are_services(service: Place, make_cache: MakeCache) -> None:
    cache = make_cache({"CLIENT": "shard", **service.options}, LOCATION=service.sharded)
    keys = [f"shard-{number}" for number in range(40)]
    assert cache.set_many(dict.fromkeys(keys, 1)) == []
    assert cache.get_many(keys) == dict.fromkeys(keys, 1)
    held = [
        sum(cache.make_key(key).encode() in node.client().keys("*") for key in keys)
        for node in cache._engine.topology.primaries()
    ]
    assert sum(held) == 40
    assert all(held)
    with cache.lock("locked", timeout=5):
        assert cache.has_key("locked")
    assert cache.delete_many(keys) == 40
