"""Site code that catches redis-py's errors goes on working: ours are of the class that a client of
redis-py's raises in the same trouble, which is what django-redis lets through."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import redis

from django_redis_core.cache import RedisCache
from django_redis_core.exceptions import (
    ConnectionInterrupted,
    PoolExhausted,
    RedisCacheError,
    ServerRefused,
    ServerTimeout,
)
from django_redis_core.testing.proxy import FaultProxy
from django_redis_core.testing.servers import Server

MakeCache = Callable[..., RedisCache]

#: What a test does to the server, and the URL that it has then.
Trouble = Callable[[Server], str]


def no_permission(server: Server) -> str:
    server.cli("ACL", "SETUSER", "reader", "on", ">secret", "~*", "+@read", "+@connection")
    return f"redis://reader:secret@127.0.0.1:{server.port}/0"


def wrong_password(server: Server) -> str:
    server.cli("ACL", "SETUSER", "site", "on", ">right", "~*", "+@all")
    return f"redis://site:wrong@127.0.0.1:{server.port}/0"


def out_of_memory(server: Server) -> str:
    server.cli("CONFIG", "SET", "maxmemory", "1")
    return server.url


def read_only(server: Server) -> str:
    server.cli("REPLICAOF", "127.0.0.1", "1")
    return server.url


def too_few_replicas(server: Server) -> str:
    server.cli("CONFIG", "SET", "min-replicas-to-write", "1")
    return server.url


def other_type(server: Server) -> str:
    server.cli("RPUSH", ":1:k", "element")
    return server.url


def down(server: Server) -> str:
    server.stop()
    return server.url


@pytest.mark.parametrize(
    "trouble",
    [no_permission, wrong_password, out_of_memory, read_only, too_few_replicas, other_type, down],
    ids=lambda trouble: trouble.__name__,
)
async def test_it_is_of_the_class_that_redis_py_raises(
    server: Server, cache_at: MakeCache, trouble: Trouble
) -> None:
    url = trouble(server)
    with redis.Redis.from_url(url) as plain, pytest.raises(redis.RedisError) as theirs:
        plain.incr(":1:k")
    cache = cache_at(url)
    with pytest.raises(theirs.type) as blocking:
        cache.incr("k", ignore_key_check=True)
    with pytest.raises(theirs.type) as native:
        await cache.aincr("k", ignore_key_check=True)
    for caught in (blocking, native):
        assert isinstance(caught.value, RedisCacheError)


async def test_no_answer_is_a_timeout_error(server: Server, cache_at: MakeCache) -> None:
    with FaultProxy(*server.address) as proxy:
        cache = cache_at(proxy.url)
        cache.set("k", 1)
        await cache.aset("k", 1)
        proxy.black_hole()
        with pytest.raises(redis.exceptions.TimeoutError) as caught:
            cache.get("k")
        assert isinstance(caught.value, ServerTimeout)
        with pytest.raises(redis.exceptions.ConnectionError):  # the breaker is open
            await cache.aget("k")


def test_all_trouble_is_a_connection_error() -> None:
    for error in (PoolExhausted(), ServerRefused(), ConnectionInterrupted()):
        assert isinstance(error, redis.exceptions.ConnectionError)
    wanted: Any = getattr(redis.exceptions, "MaxConnectionsError", redis.ConnectionError)
    assert isinstance(PoolExhausted(), wanted)


CODES = (
    "READONLY OOM LOADING MASTERDOWN CLUSTERDOWN MOVED ASK TRYAGAIN MISCONF BUSY NOREPLICAS NOPERM "
    "NOAUTH WRONGPASS UNKILLABLE MAXCLIENTS SOMETHING"
)


@pytest.mark.parametrize("code", CODES.split())
def test_a_refusal_keeps_what_it_has(code: str) -> None:
    """Whichever class its code makes of it."""
    error = ServerRefused("server", f"{code} because", code)
    assert type(error).__name__ == "ServerRefused"
    assert repr(error) == f"ServerRefused('server', '{code} because')"
    assert str(error) == f"Redis server server: {code} because"
    for twin in (error, copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert (twin.connection, twin.reason, twin.code) == ("server", f"{code} because", code)
        assert type(twin) is type(error)
