"""Caches on near, and what a test waits for before it can look at copies."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from django_redis_core.cache import RedisCache
from django_redis_core.testing.clients import wait_until
from django_redis_core.testing.servers import Server

pytest_plugins = ["django_redis_core.testing.fixtures"]

Make = Callable[..., RedisCache]


def heard(cache: RedisCache) -> bool:
    """Whether the cache's servers are heard, so that copies are served."""
    return all(state is True for state in cache.client.near_info().tracking.values())


def listening(cache: RedisCache) -> RedisCache:
    """``cache``, as soon as its servers are heard."""

    def asked() -> bool:
        cache.get_many([f"is-anybody-there-{number}" for number in range(20)])
        return heard(cache)

    wait_until(asked, "the servers are heard")
    return cache


def kept(cache: RedisCache, key: str, *, version: Any = None, read: bool = True) -> bool:
    """Whether there is a copy that is served now; with ``read`` after one more ``get``."""
    if read:
        cache.get(key, version=version)
    copy = cache._engine.client._copies.get(cache.make_key(key, version))
    now = time.monotonic()
    return copy is not None and now < copy.until and now < copy.session.lease


def reads(cache: RedisCache, key: str, value: Any, *, version: Any = None) -> bool:
    return bool(cache.get(key, version=version) == value)


def told(cache: RedisCache) -> None:
    """Returns when the cache has heard of everything that was written before."""
    raw, key = cache.raw_client(), cache.make_key("told")
    raw.set(key, 1)
    wait_until(lambda: kept(cache, "told"), "a copy")
    raw.set(key, 2)
    wait_until(lambda: not kept(cache, "told", read=False), "the server's word")


@pytest.fixture
def make_near(make_cache: Make) -> Make:
    """``make_near(options, **entry)``: a cache that serves copies, when it is returned. It has read
    nothing before: caches that are made alike are one engine.

    Its lease is longer than a busy machine keeps a thread waiting, unless given."""

    def make(options: Any = None, **entry: Any) -> RedisCache:
        cache = listening(
            make_cache({"CLIENT": "near", "NEAR_LEASE": 30, **(options or {})}, **entry)
        )
        cache.client.near_clear()
        return cache

    return make


@pytest.fixture
def cache(make_near: Make) -> RedisCache:
    return make_near({"NEAR_TTL": 600})


@pytest.fixture
def server() -> Iterator[Server]:
    """A server that the test may do anything to."""
    with Server(os.environ.get("DRC_TEST_SERVER", "valkey")) as server:
        yield server
