"""Servers that are broken on purpose, and caches that talk to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from django_redis_core.cache import RedisCache
from django_redis_core.testing.proxy import FaultProxy
from django_redis_core.testing.servers import Server


@pytest.fixture
def server() -> Iterator[Server]:
    """A server of the test's own, to be killed, paused and restarted."""
    with Server() as own:
        yield own


@pytest.fixture
def proxy(server: Server) -> Iterator[FaultProxy]:
    """What stands between the cache and that server."""
    with FaultProxy(server.host, server.port) as between:
        yield between


@pytest.fixture
def cache_at() -> Callable[..., RedisCache]:
    """``cache_at(url, OPTION=…)``: a cache with connections of its own."""

    def make(url: Any, **options: Any) -> RedisCache:
        return RedisCache(url, {"OPTIONS": options})

    return make
