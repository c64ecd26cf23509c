"""Every way to reach a server that redis-py knows: the cache, asyncio and raw clients alike."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from redis.connection import BlockingConnectionPool, ConnectionPool
from redis.credentials import CredentialProvider

from django_redis_core.cache import RedisCache
from django_redis_core.exceptions import ConnectionInterrupted, PoolExhausted, ServerRefused
from django_redis_core.testing.certificates import Certificate, local_certificate
from django_redis_core.testing.proxy import FaultProxy
from django_redis_core.testing.servers import Server
from django_redis_core.testing.topologies import Replicated, replicated

USERS = {"worker": "on >s3cret ~* &* +@all", "reader": "on >r34d ~* +@read +@connection"}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(users=USERS) as own:
        yield own


@pytest.fixture(scope="module")
def certificate() -> Certificate:
    return local_certificate()


def cache_at(url: Any, **options: Any) -> RedisCache:
    # A handshake of TLS may take its time on a busy machine: none of these tests is about that.
    return RedisCache(url, {"OPTIONS": {"SOCKET_CONNECT_TIMEOUT": 5, **options}})


def works(cache: RedisCache) -> None:
    """Blocking, on asyncio and through a raw client."""
    cache.set("key", ["value"])
    assert cache.get("key") == ["value"]

    async def native() -> None:
        assert await cache.aget("key") == ["value"]
        async with cache.alock("lock", timeout=5):
            pass
        assert await cache.async_raw_client().exists(":1:key")

    asyncio.run(native())
    assert cache.raw_client().exists(":1:key")
    with cache.lock("lock", timeout=5):
        pass


def test_a_unix_socket(server: Server) -> None:
    works(cache_at(server.unix_url))


def test_a_database_in_the_path_or_the_query(server: Server) -> None:
    works(cache_at(f"redis://127.0.0.1:{server.port}/3"))
    assert cache_at(f"redis://127.0.0.1:{server.port}?db=3").get("key") == ["value"]
    assert cache_at(f"redis://127.0.0.1:{server.port}/4").get("key") is None


def test_an_acl_user_in_the_url_or_the_options(server: Server) -> None:
    works(cache_at(f"redis://worker:s3cret@127.0.0.1:{server.port}/0"))
    works(cache_at(server.url, USERNAME="worker", PASSWORD="s3cret"))


def test_the_url_beats_the_pool_arguments_and_those_beat_the_plain_options(
    server: Server,
) -> None:
    wrong = {"username": "reader", "password": "r34d"}
    url = f"redis://worker:s3cret@127.0.0.1:{server.port}/0"
    works(cache_at(url, CONNECTION_POOL_KWARGS=wrong, USERNAME="nobody", PASSWORD="none"))
    right = {"username": "worker", "password": "s3cret"}
    works(cache_at(server.url, CONNECTION_POOL_KWARGS=right, USERNAME="nobody", PASSWORD="none"))


def test_what_an_acl_forbids_is_a_refusal_with_its_code(server: Server) -> None:
    cache = cache_at(server.url, USERNAME="reader", PASSWORD="r34d")
    assert cache.get("nothing") is None
    with pytest.raises(ServerRefused) as refused:
        cache.set("key", 1)
    assert refused.value.code == "NOPERM"


def test_a_wrong_password_is_a_refusal_with_its_code(server: Server) -> None:
    with pytest.raises(ServerRefused) as refused:
        cache_at(server.url, USERNAME="worker", PASSWORD="wrong").get("key")
    assert refused.value.code == "WRONGPASS"


class Vault(CredentialProvider):
    """Gives out a user and password when a connection is made, as a vault or a cloud does."""

    def get_credentials(self) -> tuple[str, str]:
        return "worker", "s3cret"

    async def get_credentials_async(self) -> tuple[str, str]:
        return self.get_credentials()


def test_a_credential_provider(server: Server) -> None:
    kwargs = {"credential_provider": Vault()}
    works(cache_at(server.url, CONNECTION_POOL_KWARGS=kwargs))


def test_tls(server: Server, certificate: Certificate) -> None:
    with FaultProxy(server.host, server.port, tls=certificate) as proxy:
        url = f"rediss://127.0.0.1:{proxy.port}/0"
        works(cache_at(url, CONNECTION_POOL_KWARGS={"ssl_ca_certs": certificate.ca_file}))


def test_tls_verifies_by_default(server: Server, certificate: Certificate) -> None:
    with (
        FaultProxy(server.host, server.port, tls=certificate) as proxy,
        pytest.raises(ConnectionInterrupted, match=r"(?i)certificate"),
    ):
        cache_at(f"rediss://127.0.0.1:{proxy.port}/0").get("key")


def test_tls_large_values_and_pipelines(server: Server, certificate: Certificate) -> None:
    with FaultProxy(server.host, server.port, tls=certificate) as proxy:
        cache = cache_at(
            f"rediss://127.0.0.1:{proxy.port}/0",
            CONNECTION_POOL_KWARGS={"ssl_ca_certs": certificate.ca_file},
        )
        many = {f"key{number}": str(number) * 20_000 for number in range(20)}
        assert cache.set_many(many) == []
        assert cache.get_many(many) == many
        assert cache.incr("count", ignore_key_check=True) == 1
        assert cache.incr("count") == 2


class CountingPool(ConnectionPool):
    """A pool class of a site's own."""

    taken = 0

    def get_connection(self, *args: Any, **kwargs: Any) -> Any:
        CountingPool.taken += 1
        return super().get_connection(*args, **kwargs)


def test_a_pool_class_of_the_sites_own_serves_the_cache_too(server: Server) -> None:
    cache = cache_at(
        server.url,
        CONNECTION_POOL_CLASS=f"{__name__}.CountingPool",
        ASYNC_CONNECTION_POOL_CLASS="redis.asyncio.ConnectionPool",
    )
    before = CountingPool.taken
    works(cache)
    with cache.pipeline() as pipe:
        pipe.set("a", 1)
        value = pipe.incr("a")
    assert value.value == 2
    assert CountingPool.taken - before >= 4
    assert type(cache.raw_client().connection_pool) is CountingPool


def test_a_blocking_pools_limits_hold_for_the_cache(server: Server) -> None:
    cache = cache_at(
        server.url,
        CONNECTION_POOL_CLASS="redis.connection.BlockingConnectionPool",
        CONNECTION_POOL_KWARGS={"max_connections": 1, "timeout": 0.1},
    )
    works(cache)
    node = cache._engine.topology.primaries()[0]
    taken = node.links.take()
    with pytest.raises(PoolExhausted):
        cache.get("key")
    node.links.give(taken)
    assert isinstance(cache.raw_client().connection_pool, BlockingConnectionPool)


class SiteRedis(redis.Redis):
    """A client class of a site's own."""


def test_a_client_class_for_raw_clients(server: Server) -> None:
    cache = cache_at(
        server.url,
        REDIS_CLIENT_CLASS=f"{__name__}.SiteRedis",
        ASYNC_REDIS_CLIENT_CLASS="redis.asyncio.Redis",
    )
    works(cache)
    assert type(cache.raw_client()) is SiteRedis


@pytest.fixture(scope="module")
def group() -> Iterator[Replicated]:
    with replicated(2) as three:
        yield three


def calls(server: Server, command: str) -> int:
    stats = server.info("commandstats").get(f"cmdstat_{command}", {})
    return int(stats.get("calls", 0))


@pytest.mark.parametrize("form", [list, tuple, ",".join])
def test_reads_go_to_replicas_and_writes_to_the_primary(group: Replicated, form: Any) -> None:
    cache = cache_at(form(group.urls))
    before = [calls(server, "get") for server in group.servers]
    cache.set("key", "value")
    group.wait_in_sync()
    for _ in range(50):
        assert cache.get("key") == "value"
    primary, *replicas = [
        calls(server, "get") - count for server, count in zip(group.servers, before, strict=True)
    ]
    assert primary == 0
    assert all(replicas)
    assert sum(replicas) == 50


def test_a_raw_client_for_reading_is_a_replicas(group: Replicated) -> None:
    cache = cache_at(group.urls)
    assert cache.raw_client(write=True).info("replication")["role"] == "master"
    assert cache.raw_client(write=False).info("replication")["role"] == "slave"


def test_what_was_just_written_is_read_from_the_primary_where_it_matters(
    group: Replicated,
) -> None:
    cache = cache_at(group.urls)
    for number in range(30):
        assert cache.get_or_set(f"computed{number}", lambda n=number: n) == number
        assert cache.touch(f"computed{number}", None) is True


def test_reads_move_on_from_a_replica_that_is_gone() -> None:
    with replicated(2) as group:
        cache = cache_at(group.urls)
        cache.set("key", "value")
        group.wait_in_sync()
        group.replicas[0].kill()
        for _ in range(20):
            assert cache.get("key") == "value"
        group.replicas[1].kill()
        for _ in range(20):
            assert cache.get("key") == "value"

        async def native() -> None:
            assert await cache.aget("key") == "value"

        asyncio.run(native())


def test_replica_read_only_false_writes_to_another_server_with_the_same_timeout() -> None:
    """A retried write must not multiply its timeout."""
    with Server() as first, Server() as second:
        cache = cache_at([first.url, second.url], REPLICA_READ_ONLY=False)
        first.kill()
        assert cache.set("key", "value", timeout=10)
        assert 9_000 < second.client().pttl(":1:key") <= 10_000


def test_replica_read_only_true_does_not(server: Server) -> None:
    with Server() as first:
        cache = cache_at([first.url, server.url])
        first.kill()
        with pytest.raises(ConnectionInterrupted):
            cache.set("only-here", "value", timeout=10)
    assert server.client().exists(":1:only-here") == 0
