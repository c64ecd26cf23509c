"""TLS and users of the sentinels and of the servers, each apart from the other's."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from django_redis_core.cache import RedisCache
from django_redis_core.exceptions import ConnectionInterrupted
from django_redis_core.testing.certificates import local_certificate
from django_redis_core.testing.proxy import FaultProxy
from django_redis_core.testing.servers import Server

KIND = os.environ.get("DRC_TEST_SERVER", "valkey")
MakeCache = Callable[..., RedisCache]
FRONTS = [(False, False), (True, False), (False, True), (True, True)]


@pytest.fixture(scope="module")
def fronts() -> Iterator[dict[Any, Any]]:
    """(TLS of the server, TLS of the sentinel) → the sentinel's address.

    A sentinel says an address as it was told it: one that was told the address of a TLS proxy sends
    its clients there, though it cannot speak TLS itself.
    """
    with ExitStack() as stack:
        users = {"site": "on >of-the-server ~* &* +@all"}
        server = stack.enter_context(Server(KIND, users=users))
        certificate = local_certificate()
        secure = stack.enter_context(FaultProxy(*server.address, tls=certificate))
        found = {}
        for of_server, address in ((False, server.address), (True, secure.address)):
            directive = f"monitor Orders {address[0]} {address[1]} 2"
            sentinel = stack.enter_context(
                Server(KIND, mode="sentinel", config={"sentinel": [directive]})
            )
            sentinel.cli("ACL", "SETUSER", "watcher", "on", ">of-the-sentinel", "~*", "&*", "+@all")
            front = stack.enter_context(FaultProxy(*sentinel.address, tls=certificate))
            found[of_server, False], found[of_server, True] = sentinel.address, front.address
        yield found


def options(of_server: bool, of_sentinel: bool, address: Any) -> dict[str, Any]:
    trust = {"ssl_ca_certs": local_certificate().ca_file}
    # Handshakes take their time on a busy machine: none of these tests is about that.
    patience = {"socket_timeout": 5, "socket_connect_timeout": 5}
    watcher = {"username": "watcher", "password": "of-the-sentinel", **patience}
    return {
        "SENTINELS": [address],
        "SENTINEL_KWARGS": {**watcher, **({"ssl": True, **trust} if of_sentinel else {})},
        "SOCKET_CONNECT_TIMEOUT": 5,
        "USERNAME": "site",
        "PASSWORD": "of-the-server",
        "CONNECTION_POOL_KWARGS": trust if of_server else {},
    }


def location(of_server: bool) -> str:
    return f"{'rediss' if of_server else 'redis'}://Orders/0"


@pytest.mark.parametrize(("of_server", "of_sentinel"), FRONTS)
async def test_each_has_its_own(
    fronts: dict[Any, Any], cache_on: MakeCache, of_server: bool, of_sentinel: bool
) -> None:
    address = fronts[of_server, of_sentinel]
    cache = cache_on(location(of_server), **options(of_server, of_sentinel, address))
    assert cache.set("k", 1)
    assert cache.get("k") == 1
    assert await cache.aset("k", 2)
    assert await cache.aget("k") == 2
    (primary,) = cache._engine.topology.primaries()
    assert primary.name.startswith("rediss:" if of_server else "redis:")


@pytest.mark.parametrize("way", ["blocking", "asyncio"])
@pytest.mark.parametrize("whose", ["server", "sentinel"])
async def test_who_cannot_be_verified_is_not_used(
    fronts: dict[Any, Any], cache_on: MakeCache, whose: str, way: str
) -> None:
    every = options(True, True, fronts[True, True])
    del every["CONNECTION_POOL_KWARGS" if whose == "server" else "SENTINEL_KWARGS"]["ssl_ca_certs"]
    cache = cache_on(location(True), **every)
    with pytest.raises(ConnectionInterrupted, match=r"(?i)certificate.verify.failed"):
        cache.get("k") if way == "blocking" else await cache.aget("k")
