"""A new cache whose replicas serve reads, and are late: what has just come over is no miss."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from django_redis_core.cache import RedisCache
from django_redis_core.testing.clients import PATIENCE
from django_redis_core.testing.servers import Server
from django_redis_core_mirror.phases import Phase

from .conftest import KIND, MakeCache, add, old_of


@pytest.fixture
def late() -> Iterator[Server]:
    """As late as a replica can be: nothing ever comes there."""
    with Server(KIND) as server:
        yield server


@pytest.fixture
def cache(
    make_cache: MakeCache, redis_server: Server, old_server: Server, late: Server
) -> RedisCache:
    add("before", {"LOCATION": old_server.url, "KEY_PREFIX": "before", "OPTIONS": PATIENCE})
    old = {"CLIENT": "mirror", "MIRROR_OF": "before", "READ_FROM": "replicas", **PATIENCE}
    return make_cache(old, LOCATION=[redis_server.url, late.url], KEY_PREFIX="replicated")


@pytest.mark.parametrize("phase", [Phase.BOTH, Phase.NEW], ids=str)
def test_what_was_taken_over_is_found(cache: RedisCache, phase: Phase) -> None:
    old = old_of(cache)
    old.set_many({"k": "value", "n": 5, "other": 1}, 600)
    assert cache.incr("n") == 6
    for _ in range(3):
        assert cache.get("k") == "value"
        assert cache.get("n") == 6
        assert cache.get_many(["k", "n", "other"]) == {"k": "value", "n": 6, "other": 1}
        assert cache.has_key("n")
        assert 0 < cache.ttl("n") <= 600
