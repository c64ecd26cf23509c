"""``ADDRESS_REMAP``: servers that are reached by other addresses than the sentinels know."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from django.core.exceptions import ImproperlyConfigured

from django_redis_core.cache import RedisCache
from django_redis_core.testing.clients import wait_until
from django_redis_core.testing.proxy import FaultProxy
from django_redis_core.testing.topologies import Sentinels, sentinels

from .conftest import PASSWORD, SERVICE

MakeCache = Callable[..., RedisCache]
Proxies = dict[tuple[str, int], FaultProxy]


@pytest.fixture(scope="module")
def group() -> Iterator[Sentinels]:
    """Of these tests alone: after a failover it takes long to be as it was."""
    kind = os.environ.get("DRC_TEST_SERVER", "valkey")
    with sentinels(SERVICE, kind=kind, password=PASSWORD, down_after=30) as group:
        yield group


@pytest.fixture
def proxies(service: Sentinels) -> Iterator[Proxies]:
    with ExitStack() as stack:
        yield {
            server.address: stack.enter_context(FaultProxy(*server.address))
            for server in service.data.servers
        }


def test_all_goes_to_where_the_servers_are_reached(
    service: Sentinels, cache_on: MakeCache, proxies: Proxies
) -> None:
    remap = {address: proxy.address for address, proxy in proxies.items()}
    cache = cache_on(ADDRESS_REMAP=remap, READ_FROM="replicas")
    cache.set("k", 1)
    service.data.wait_in_sync()
    assert cache.get("k") == 1

    async def native() -> None:
        assert await cache.aset("k", 2)
        assert await cache.aget("k") in (1, 2)
        assert await cache.async_raw_client().ping()

    asyncio.run(native())
    assert cache.raw_client(write=True).ping()
    assert cache.raw_client(write=False).ping()
    places = {node.config.kwargs["port"] for node in cache._engine.topology.nodes()}
    assert places == {proxy.port for proxy in proxies.values()}
    raw = [cache.raw_client(write=write).connection_pool for write in (True, False)]
    used = {pool._available_connections[0].port for pool in raw}
    assert used <= places


def test_the_new_primary_is_found_there_too(
    service: Sentinels, cache_on: MakeCache, proxies: Proxies
) -> None:
    cache = cache_on(ADDRESS_REMAP=lambda address: proxies[address].address)
    cache.set("k", "before")
    before = service.current_primary()
    service.data.wait_in_sync()
    after = service.failover()

    def written() -> bool:
        cache.set("k", "after")
        return bool(after.cli("EXISTS", ":1:k") and after.cli("STRLEN", ":1:k"))

    wait_until(written, "the new primary has the write")
    (primary,) = cache._engine.topology.primaries()
    assert primary.config.kwargs["port"] == proxies[after.address].port
    assert after is not before


def test_a_function_that_returns_no_address_is_named(
    service: Sentinels, cache_on: MakeCache
) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"ADDRESS_REMAP must return \(host, port\), su"):
        cache_on(ADDRESS_REMAP=str).get("k")
