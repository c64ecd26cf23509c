"""Four servers for the session, and caches on rings of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.signals import setting_changed

from django_redis_core.cache import RedisCache
from django_redis_core.testing.clients import PATIENCE
from django_redis_core.testing.servers import Server
from django_redis_core.testing.topologies import shards

pytest_plugins = ["django_redis_core.testing.fixtures"]


@pytest.fixture(scope="session")
def four_servers() -> Iterator[list[Server]]:
    with shards(4, kind=os.environ.get("DRC_TEST_SERVER", "valkey")) as servers:
        yield servers


@pytest.fixture
def servers(four_servers: list[Server]) -> Iterator[list[Server]]:
    """The four, empty and well when a test begins, which may break them."""
    for server in four_servers:
        server.cli("FLUSHALL")
    yield four_servers
    for server in four_servers:
        if server.running and server.paused:
            server.resume()
        if not server.running:
            server.restart(keep_data=False)


@pytest.fixture
def cache_on() -> Iterator[Callable[..., RedisCache]]:
    """``cache_on(urls, OPTION=…)``: a cache on a ring of them, without a past."""

    def make(locations: Any, **options: Any) -> RedisCache:
        entry = {name: options.pop(name) for name in ("KEY_PREFIX", "VERSION") if name in options}
        return RedisCache(
            locations, {**entry, "OPTIONS": {**PATIENCE, "CLIENT": "shard", **options}}
        )

    yield make
    # The process forgets its caches, and with them which servers were down.
    setting_changed.send(sender=None, setting="CACHES", value=None, enter=True)


@pytest.fixture
def cache(servers: list[Server], cache_on: Callable[..., RedisCache]) -> RedisCache:
    return cache_on([server.url for server in servers])


@pytest.fixture
def shard_of() -> Callable[[RedisCache, str], int]:
    """The position in LOCATION of the shard of a key, as callers name it."""

    def position(cache: RedisCache, key: str) -> int:
        place: Any = cache._engine.topology.place(cache.make_key(key))
        return int(place[0])

    return position


@pytest.fixture
def keys_of(shard_of: Callable[[RedisCache, str], int]) -> Callable[..., list[list[str]]]:
    """For each shard some keys that live there."""

    def keys(cache: RedisCache, count: int = 10, shards: int = 4) -> list[list[str]]:
        found: list[list[str]] = [[] for _ in range(shards)]
        number = 0
        while min(map(len, found)) < count:
            key = f"key{number}"
            of_shard = found[shard_of(cache, key)]
            if len(of_shard) < count:
                of_shard.append(key)
            number += 1
        return found

    return keys
