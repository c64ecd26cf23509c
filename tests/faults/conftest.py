"""Servers that are broken on purpose, and caches that talk to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from django_redis_core.cache import RedisCache
from django_redis_core.testing.clients import PATIENCE
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
    """``cache_at(url, OPTION=…)``: a cache with connections of its own, and with patience where the
    test is not about a SOCKET_TIMEOUT."""

    def make(url: Any, **options: Any) -> RedisCache:
        patience = {} if "SOCKET_TIMEOUT" in options else PATIENCE
        return RedisCache(url, {"OPTIONS": {**patience, **options}})

    return make
