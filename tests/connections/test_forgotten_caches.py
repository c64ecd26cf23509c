"""A cache is forgotten while a loop that used it lives on, as when a test changes settings."""

from __future__ import annotations

import asyncio
import gc
import warnings

from django.core.signals import setting_changed

from django_redis_core.cache import RedisCache
from django_redis_core.testing.clients import wait_until
from django_redis_core.testing.servers import Server


async def use(url: str) -> None:
    cache = RedisCache(url, {})
    assert await cache.aset("k", 1)
    assert await cache.async_raw_client().exists(":1:k")  # on a connection of redis-py's client


def test_its_connections_are_closed_with_the_loop(redis_server: Server) -> None:
    loop = asyncio.new_event_loop()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        # redis-py's, on Python 3.14.
        warnings.filterwarnings("ignore", "'asyncio.iscoroutinefunction'", DeprecationWarning)
        loop.run_until_complete(use(redis_server.url))
        setting_changed.send(sender=None, setting="CACHES", value=None, enter=True)
        gc.collect()  # between two turns of the loop, which cannot close anything now
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
        gc.collect()
    assert [str(warning.message) for warning in caught] == []


def test_idle_connections_of_a_raw_client_are_closed_at_once(redis_server: Server) -> None:
    def clients() -> set[int]:
        return {int(one["id"]) for one in redis_server.client().client_list()}

    raw = RedisCache(redis_server.url, {}).raw_client()
    idle = raw.client_id()
    with raw.client() as user:  # takes it out of the pool
        assert user.client_id() == idle
        second = raw.client_id()
        setting_changed.send(sender=None, setting="CACHES", value=None, enter=True)
        wait_until(lambda: second not in clients(), "the server has seen it closed")
        assert user.client_id() == idle
    assert raw.ping()  # whoever still has the client may go on


def test_its_idle_connections_are_closed_at_once(redis_server: Server) -> None:
    def clients() -> int:
        return int(redis_server.info("clients")["connected_clients"])

    cache = RedisCache(redis_server.url, {"OPTIONS": {"SOCKET_TIMEOUT": 4.5}})  # its own ones
    assert cache.set("k", 1)
    before = clients()
    setting_changed.send(sender=None, setting="CACHES", value=None, enter=True)
    wait_until(lambda: clients() < before, "the server has seen them closed")
    assert cache.get("k") == 1  # whoever still has the cache may go on
