"""Connection, pool and client classes of a site's own: asyncio goes where blocking code goes, or is
told what to write, and never past the site's class to whatever answers at LOCATION."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from typing import Any

import pytest
import redis
import redis.asyncio
from django.core.exceptions import ImproperlyConfigured

from django_redis_core.cache import RedisCache
from django_redis_core.exceptions import ConnectionInterrupted, ServerTimeout, WrongTypeError
from django_redis_core.testing.certificates import local_certificate
from django_redis_core.testing.clients import PATIENCE
from django_redis_core.testing.proxy import FaultProxy
from django_redis_core.testing.servers import Server

HERE = __name__


@pytest.fixture(scope="module")
def named() -> Iterator[Server]:
    """The server that LOCATION names."""
    with Server() as own:
        yield own


@pytest.fixture(scope="module")
def meant() -> Iterator[Server]:
    """The server at the other end of the tunnel."""
    with Server() as own:
        yield own


class Tunnel(redis.Connection):
    """Connects elsewhere. ``exit_port`` is an argument that only this class knows."""

    def __init__(self, *, exit_port: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.exit_port = exit_port

    def _connect(self) -> Any:
        self.port = self.exit_port
        return super()._connect()


class AsyncTunnel(redis.asyncio.Connection):
    """The same for asyncio."""

    def __init__(self, *, exit_port: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.exit_port = exit_port

    async def _connect(self) -> None:
        self.port = self.exit_port
        await super()._connect()


def tunnelled(named: Server, meant: Server, **options: Any) -> RedisCache:
    kwargs = {"connection_class": Tunnel, "exit_port": meant.port}
    options = {"CONNECTION_POOL_KWARGS": kwargs, **options}
    return RedisCache(named.url, {"OPTIONS": options})


async def every_call(cache: RedisCache) -> None:
    """What reaches a server on asyncio by each way there is."""
    await cache.aset("a", 1)
    assert await cache.aincr("a") == 2
    assert await cache.aget_many(["a", "none"]) == {"a": 2}
    async with cache.apipeline() as pipe:
        pipe.set("b", 1)
        value = pipe.get("b")
    assert value.value == 1
    async with cache.alock("lock", timeout=5):
        pass
    assert [key async for key in cache.aiter_keys("*")]
    assert await cache.async_raw_client().exists(":1:a")


def empty(*servers: Server) -> None:
    for server in servers:
        server.client().flushall()


def test_asyncio_without_a_counterpart_is_refused_and_reaches_no_server(
    named: Server, meant: Server
) -> None:
    empty(named, meant)
    cache = tunnelled(named, meant)
    cache.set("s", 1)
    assert meant.client().exists(":1:s")
    for call in (
        lambda: cache.aset("a", 1),
        lambda: cache.aget_many(["a"]),
        lambda: cache.aget_or_set("a", 1),
    ):
        with pytest.raises(ImproperlyConfigured, match="ASYNC_CONNECTION_CLASS") as refused:
            asyncio.run(call())
        assert f"{HERE}.Tunnel" in str(refused.value)
        assert str(refused.value).startswith("CACHES[")
        assert '"redis.asyncio.Connection"' in str(refused.value)

    async def raw() -> None:
        cache.async_raw_client()

    with pytest.raises(ImproperlyConfigured, match="ASYNC_CONNECTION_CLASS"):
        asyncio.run(raw())
    assert named.client().dbsize() == 0


def test_an_outage_is_no_excuse_for_it(named: Server, meant: Server) -> None:
    cache = tunnelled(named, meant, IGNORE_EXCEPTIONS=True)
    with pytest.raises(ImproperlyConfigured, match="ASYNC_CONNECTION_CLASS"):
        asyncio.run(cache.aget("a"))


@pytest.mark.parametrize("connections", [1, 2])
def test_the_counterpart_serves_asyncio(named: Server, meant: Server, connections: int) -> None:
    empty(named, meant)
    cache = tunnelled(
        named,
        meant,
        ASYNC_CONNECTION_CLASS=f"{HERE}.AsyncTunnel",
        ASYNC_CONNECTIONS=connections,
    )
    cache.set("s", 1)
    asyncio.run(every_call(cache))
    assert cache.get("a") == 2
    assert named.client().dbsize() == 0


def test_a_plain_connection_where_the_site_says_so(named: Server, meant: Server) -> None:
    class Counted(redis.Connection):
        pass

    cache = RedisCache(
        named.url,
        {
            "OPTIONS": {
                "CONNECTION_POOL_KWARGS": {"connection_class": Counted},
                "ASYNC_CONNECTION_CLASS": "redis.asyncio.Connection",
            }
        },
    )
    asyncio.run(every_call(cache))
    assert cache.get("a") == 2


def test_an_argument_that_the_counterpart_does_not_know_is_told_before_any_io(
    named: Server, meant: Server
) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"ASYNC_CONNECTION_CLASS.*'exit_port'"):
        tunnelled(named, meant, ASYNC_CONNECTION_CLASS="redis.asyncio.Connection").get("a")


class Sealed(redis.SSLConnection):
    connections = 0

    def _connect(self) -> Any:
        Sealed.connections += 1
        return super()._connect()


class AsyncSealed(redis.asyncio.SSLConnection):
    connections = 0

    async def _connect(self) -> None:
        AsyncSealed.connections += 1
        await super()._connect()


def test_tls_of_the_sites_own(named: Server) -> None:
    certificate = local_certificate()
    with FaultProxy(named.host, named.port, tls=certificate) as proxy:
        url = f"rediss://127.0.0.1:{proxy.port}/0"
        kwargs = {"connection_class": Sealed, "ssl_ca_certs": certificate.ca_file}
        options = {"CONNECTION_POOL_KWARGS": kwargs, "SOCKET_CONNECT_TIMEOUT": 5}
        cache = RedisCache(url, {"OPTIONS": options})
        cache.set("s", 1)
        assert Sealed.connections
        with pytest.raises(ImproperlyConfigured, match="ASYNC_CONNECTION_CLASS"):
            asyncio.run(cache.aget("s"))
        options["ASYNC_CONNECTION_CLASS"] = AsyncSealed
        asyncio.run(every_call(RedisCache(url, {"OPTIONS": options})))
        assert AsyncSealed.connections


def test_a_plain_class_for_an_encrypted_location_is_refused() -> None:
    kwargs = {"connection_class": Tunnel, "exit_port": 1}
    options = {"CONNECTION_POOL_KWARGS": kwargs}
    with pytest.raises(ImproperlyConfigured, match=r"rediss://.*not encrypted.*SSLConnection"):
        RedisCache("rediss://localhost", {"OPTIONS": options}).get("a")


class Local(redis.UnixDomainSocketConnection):
    connections = 0

    def _connect(self) -> Any:
        Local.connections += 1
        return super()._connect()


class AsyncLocal(redis.asyncio.UnixDomainSocketConnection):
    connections = 0

    async def _connect(self) -> None:
        AsyncLocal.connections += 1
        await super()._connect()


def test_a_unix_socket_of_the_sites_own(named: Server) -> None:
    options: dict[str, Any] = {"CONNECTION_POOL_KWARGS": {"connection_class": Local}}
    cache = RedisCache(named.unix_url, {"OPTIONS": options})
    cache.set("s", 1)
    assert Local.connections
    with pytest.raises(ImproperlyConfigured, match="ASYNC_CONNECTION_CLASS"):
        asyncio.run(cache.aget("s"))
    options["ASYNC_CONNECTION_CLASS"] = AsyncLocal
    asyncio.run(every_call(RedisCache(named.unix_url, {"OPTIONS": options})))
    assert AsyncLocal.connections


def announce(connection: Any) -> None:
    connection.on_connect()


def test_what_a_blocking_connection_does_when_it_connects_is_not_left_out(named: Server) -> None:
    kwargs = {"redis_connect_func": announce}
    cache = RedisCache(named.url, {"OPTIONS": {**PATIENCE, "CONNECTION_POOL_KWARGS": kwargs}})
    cache.set("s", 1)
    with pytest.raises(ImproperlyConfigured, match=r"redis_connect_func.*ASYNC_CONNECTION_CLASS"):
        asyncio.run(cache.aget("s"))


class RegionalPool(redis.ConnectionPool):
    """A pool with an argument of its own, that connects elsewhere."""

    def __init__(self, *, exit_port: int, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "port": exit_port})


class AsyncRegionalPool(redis.asyncio.ConnectionPool):
    made: list[AsyncRegionalPool] = []

    def __init__(self, *, exit_port: int, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "port": exit_port})
        self.made.append(self)


def pooled(named: Server, meant: Server, **options: Any) -> RedisCache:
    kwargs = {"exit_port": meant.port, "max_connections": 3}
    options = {
        "CONNECTION_POOL_CLASS": RegionalPool,
        "CONNECTION_POOL_KWARGS": kwargs,
        **options,
    }
    return RedisCache(named.url, {"OPTIONS": options})


def test_a_pool_class_without_a_counterpart(named: Server, meant: Server) -> None:
    empty(named, meant)
    cache = pooled(named, meant)
    cache.set("s", 1)
    assert meant.client().exists(":1:s")
    with pytest.raises(ImproperlyConfigured, match="ASYNC_CONNECTION_POOL_CLASS"):
        asyncio.run(cache.aset("a", 1))
    assert named.client().dbsize() == 0


@pytest.mark.parametrize("connections", [1, 2])
def test_a_pool_class_of_asyncios(named: Server, meant: Server, connections: int) -> None:
    empty(named, meant)
    cache = pooled(
        named,
        meant,
        ASYNC_CONNECTION_POOL_CLASS=AsyncRegionalPool,
        ASYNC_CONNECTIONS=connections,
    )
    AsyncRegionalPool.made.clear()
    asyncio.run(every_call(cache))
    assert cache.get("a") == 2
    assert named.client().dbsize() == 0
    (pool,) = AsyncRegionalPool.made
    # The cache's connections are among those that the pool may have, and were given back.
    assert not pool._in_use_connections


def test_a_pools_limit_counts_the_caches_connection(named: Server, meant: Server) -> None:
    kwargs = {"exit_port": meant.port, "max_connections": 1}
    cache = pooled(
        named,
        meant,
        ASYNC_CONNECTION_POOL_CLASS=AsyncRegionalPool,
        CONNECTION_POOL_KWARGS=kwargs,
    )

    async def both() -> None:
        await cache.aset("a", 1)
        with pytest.raises(redis.ConnectionError):
            await cache.async_raw_client().get(":1:a")
        await cache.aset("a", 2)

    asyncio.run(both())


class Indirect:
    """A connection that is no socket: only redis-py's public methods are there."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.inner, name)


def indirect(**kwargs: Any) -> Indirect:
    """A function in the place of a class."""
    return Indirect(redis.Connection(**kwargs))


def async_indirect(**kwargs: Any) -> Indirect:
    return Indirect(redis.asyncio.Connection(**kwargs))


def indirectly(url: str, **options: Any) -> RedisCache:
    return RedisCache(
        url,
        {
            "OPTIONS": {
                "CONNECTION_POOL_KWARGS": {"connection_class": indirect},
                "ASYNC_CONNECTION_CLASS": async_indirect,
                **options,
            }
        },
    )


def test_functions_that_make_connections(named: Server) -> None:
    empty(named)
    cache = indirectly(named.url)
    cache.set("s", [1])
    assert cache.get("s") == [1]
    assert cache.incr_version("s") == 2
    with cache.pipeline() as pipe:
        pipe.set("n", 1)
        value = pipe.incr("n")
    assert value.value == 2

    async def native() -> None:
        await cache.aset("a", 1)
        assert await cache.aincr("a") == 2
        assert await asyncio.gather(*[cache.aget("a") for _ in range(50)]) == [2] * 50
        with pytest.raises(WrongTypeError):
            await cache.ahget("a", "field")
        async with cache.apipeline() as pipe:
            pipe.set("b", 1)
            value = pipe.incr("b")
        assert value.value == 2

    asyncio.run(native())
    without: dict[str, Any] = {"CONNECTION_POOL_KWARGS": {"connection_class": indirect}}
    with pytest.raises(ImproperlyConfigured, match=rf"{HERE}\.indirect.*ASYNC_CONNECTION_CLASS"):
        asyncio.run(RedisCache(named.url, {"OPTIONS": without}).aget("a"))


def test_a_cancelled_task_on_such_a_connection_disturbs_nobody(named: Server) -> None:
    cache = indirectly(named.url)

    async def main() -> None:
        await asyncio.gather(*[cache.aset(f"k{number}", number) for number in range(20)])
        for _ in range(20):
            tasks = [asyncio.create_task(cache.aget(f"k{number}")) for number in range(20)]
            await asyncio.sleep(0)
            for task in tasks[::3]:
                task.cancel()
            got = await asyncio.gather(*tasks, return_exceptions=True)
            for number, value in enumerate(got):
                assert value == number or isinstance(value, asyncio.CancelledError)

    asyncio.run(main())


def test_such_a_connection_in_trouble() -> None:
    with Server() as server, FaultProxy(server.host, server.port) as proxy:
        cache = indirectly(proxy.url, SOCKET_TIMEOUT=1, BREAKER_FAILURES=0)

        async def main() -> None:
            await cache.aset("a", 1)
            proxy.reset_all()
            assert await cache.aget("a") == 1  # once more, on a new connection
            proxy.black_hole()
            answers = await asyncio.gather(
                *[cache.aget("a") for _ in range(5)], return_exceptions=True
            )
            proxy.heal()
            assert all(isinstance(answer, ConnectionInterrupted) for answer in answers)
            assert any(isinstance(answer, ServerTimeout) for answer in answers)
            assert await cache.aget("a") == 1

        asyncio.run(main())
        gc.collect()


class SiteRedis(redis.Redis):
    pass


class AsyncSiteRedis(redis.asyncio.Redis):
    pass


def test_a_client_class_of_raw_clients(named: Server) -> None:
    cache = RedisCache(named.url, {"OPTIONS": {**PATIENCE, "REDIS_CLIENT_CLASS": SiteRedis}})

    async def raw(cache: RedisCache) -> Any:
        assert await cache.aget("nothing") is None
        return type(cache.async_raw_client())

    with pytest.raises(ImproperlyConfigured, match="ASYNC_REDIS_CLIENT_CLASS"):
        asyncio.run(raw(cache))
    options = {"REDIS_CLIENT_CLASS": SiteRedis, "ASYNC_REDIS_CLIENT_CLASS": AsyncSiteRedis}
    assert asyncio.run(raw(RedisCache(named.url, {"OPTIONS": options}))) is AsyncSiteRedis


class Audited:
    """A client that is no subclass of redis-py's."""

    commands: list[Any] = []

    def __init__(self, connection_pool: Any) -> None:
        self.inner = redis.Redis(connection_pool=connection_pool)
        self.connection_pool = connection_pool

    def execute_command(self, *args: Any) -> Any:
        self.commands.append(args[0])
        return self.inner.execute_command(*args)


class AsyncAudited:
    commands: list[Any] = []

    def __init__(self, connection_pool: Any) -> None:
        self.inner = redis.asyncio.Redis.from_pool(connection_pool)

    async def execute_command(self, *args: Any) -> Any:
        self.commands.append(args[0])
        return await self.inner.execute_command(*args)

    async def aclose(self) -> None:
        await self.inner.aclose()


def test_a_client_class_that_serves_the_cache(named: Server) -> None:
    cache = RedisCache(named.url, {"OPTIONS": {**PATIENCE, "REDIS_CLIENT_CLASS": Audited}})
    cache.set("s", 1)
    assert Audited.commands
    with pytest.raises(ImproperlyConfigured, match="ASYNC_REDIS_CLIENT_CLASS"):
        asyncio.run(cache.aget("s"))
    options = {"REDIS_CLIENT_CLASS": Audited, "ASYNC_REDIS_CLIENT_CLASS": AsyncAudited}
    cache = RedisCache(named.url, {"OPTIONS": options})

    async def native() -> None:
        assert await cache.aget("s") == 1
        assert await cache.aincr("s") == 2
        assert await cache.aget_many(["s", "none"]) == {"s": 2}

    asyncio.run(native())
    assert b"GET" in AsyncAudited.commands
    assert len(AsyncAudited.commands) >= 3


class Bringing(redis.Redis):
    """As fakes do it: its connections are of its own class, unless it is given a pool."""

    def __init__(self, connection_class: Any = Tunnel, **kwargs: Any) -> None:
        super().__init__(**kwargs)


def test_a_client_class_whose_connections_nobody_would_make(named: Server) -> None:
    with pytest.raises(ImproperlyConfigured) as refused:
        RedisCache(named.url, {"OPTIONS": {**PATIENCE, "REDIS_CLIENT_CLASS": Bringing}}).get("a")
    assert f"write {HERE}.Tunnel as connection_class" in str(refused.value)


def test_a_test_that_replaces_redis_pys_client(
    named: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("redis.Redis", Bringing)
    with pytest.raises(ImproperlyConfigured, match=r"redis\.Redis is .*connection_class"):
        RedisCache(named.url, {"OPTIONS": {"SOCKET_TIMEOUT": 7}}).get("a")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            {"CONNECTION_POOL_KWARGS": {"connection_class": redis.asyncio.Connection}},
            "for asyncio: write it as ASYNC_CONNECTION_CLASS",
        ),
        (
            {"CONNECTION_POOL_CLASS": "redis.asyncio.ConnectionPool"},
            "for asyncio: write it as ASYNC_CONNECTION_POOL_CLASS",
        ),
        (
            {"REDIS_CLIENT_CLASS": "redis.asyncio.Redis"},
            "for asyncio: write it as ASYNC_REDIS_CLIENT_CLASS",
        ),
        (
            {"ASYNC_CONNECTION_CLASS": "redis.Connection"},
            "for blocking code: write it as connection_class of CONNECTION_POOL_KWARGS",
        ),
        (
            {"ASYNC_CONNECTION_POOL_CLASS": "redis.BlockingConnectionPool"},
            "for blocking code: write it as CONNECTION_POOL_CLASS",
        ),
        (
            {"ASYNC_REDIS_CLIENT_CLASS": "redis.StrictRedis"},
            "for blocking code: write it as REDIS_CLIENT_CLASS",
        ),
        ({"ASYNC_CONNECTION_CLASS": 7}, "ASYNC_CONNECTION_CLASS must be a class, a function"),
    ],
)
def test_a_class_in_the_wrong_place(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=words) as refused:
        RedisCache("redis://localhost", {"OPTIONS": options}).get("a")
    assert str(refused.value).startswith("CACHES[")
