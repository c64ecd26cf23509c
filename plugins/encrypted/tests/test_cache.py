"""An encrypted value on a real server; what all sealers promise there is in the contract."""

from __future__ import annotations

from django_redis_core.testing.fixtures import MakeCache


def test_nothing_of_a_value_is_readable(make_cache: MakeCache) -> None:
    cache = make_cache({"SEALER": "encrypted"})
    raw = cache.raw_client()
    cache.set("k", "the secret text")
    cache.rpush("l", "the secret text")
    cache.hset("h", "f", "the secret text")
    stored = [
        raw.get(cache.make_key("k")),
        raw.lindex(cache.make_key("l"), 0),
        raw.hget(cache.make_key("h"), "f"),
    ]
    assert len(set(stored)) == 3
    assert not any(b"secret" in data for data in stored)
