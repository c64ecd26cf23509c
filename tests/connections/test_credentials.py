"""Providers that stream credentials (``redis-entraid``), and ways in which connecting fails."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from redis.credentials import CredentialProvider, StreamingCredentialProvider

from django_redis_core.cache import RedisCache
from django_redis_core.exceptions import ConnectionInterrupted
from django_redis_core.testing.clients import PATIENCE
from django_redis_core.testing.servers import Server

USERS = {"old": "on >one ~* &* +@all", "new": "on >two ~* &* +@all"}


@pytest.fixture(scope="module")
def its_server() -> Iterator[Server]:
    with Server(users=USERS) as own:
        yield own


@pytest.fixture
def server(its_server: Server) -> Server:
    """Without connections of the test before."""
    for user in USERS:
        its_server.client().execute_command("CLIENT", "KILL", "USER", user)
    return its_server


class Token:
    """As ``redis.auth.token.TokenInterface``."""

    def __init__(self, user: str, password: str) -> None:
        self.user, self.password = user, password

    def try_get(self, key: str) -> str | None:
        return self.user if key == "oid" else None

    def get_value(self) -> str:
        return self.password


class Stream(StreamingCredentialProvider):
    """Knows one listener, as those of redis-py and ``redis-entraid`` do."""

    def __init__(self) -> None:
        self.token = Token("old", "one")
        self.listener: Callable[[Any], Any] = lambda token: None
        self.of_errors: Callable[[Exception], Any] = lambda error: None

    def get_credentials(self) -> tuple[str, str]:
        return self.token.user, self.token.password

    def on_next(self, callback: Callable[[Any], Any]) -> None:
        self.listener = callback

    def on_error(self, callback: Callable[[Exception], Any]) -> None:
        self.of_errors = callback

    def is_streaming(self) -> bool:
        return True

    def renew(self, user: str = "new", password: str = "two") -> Any:
        self.token = Token(user, password)
        return self.listener(self.token)


def cache_of(server: Server, provider: Any, **options: Any) -> RedisCache:
    kwargs = {"credential_provider": provider}
    return RedisCache(
        server.url, {"OPTIONS": {**PATIENCE, "CONNECTION_POOL_KWARGS": kwargs, **options}}
    )


def connections(server: Server) -> dict[str, str]:
    """The user of each connection, by its id."""
    listed = server.client().client_list()
    return {one["id"]: one["user"] for one in listed if one["user"] in USERS}


def until(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 30
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def test_idle_connections_authenticate_anew_when_the_token_does(server: Server) -> None:
    provider = Stream()
    cache = cache_of(server, provider)
    cache.set("key", "value")
    before = connections(server)
    assert set(before.values()) == {"old"}
    provider.renew()
    assert cache.get("key") == "value"
    assert connections(server) == dict.fromkeys(before, "new")


def test_a_connection_that_is_not_let_in_anew_is_replaced(server: Server) -> None:
    provider = Stream()
    cache = cache_of(server, provider)
    cache.set("key", "value")
    before = connections(server)
    provider.renew(password="already over")
    provider.token = Token("new", "two")
    assert cache.get("key") == "value"
    assert before.keys().isdisjoint(connections(server))


def test_connections_of_asyncio_authenticate_anew_at_once(server: Server) -> None:
    provider = Stream()
    cache = cache_of(server, provider)

    async def renewed() -> None:
        await cache.aset("key", "value")
        before = connections(server)
        # Awaited by the token manager of redis-py, where that runs on a loop.
        await provider.renew()
        assert await cache.aget("key") == "value"
        assert connections(server) == dict.fromkeys(before, "new")
        provider.renew(password="wrong")
        await cache.aget("key")
        provider.token = Token("new", "two")
        assert await cache.aget("key") == "value"
        assert await asyncio.to_thread(until, lambda: before.keys().isdisjoint(connections(server)))

    asyncio.run(renewed())


def test_raw_clients_authenticate_anew_and_take_the_provider_from_nobody(server: Server) -> None:
    provider = Stream()
    cache = cache_of(server, provider)
    cache.set("key", "value")
    cache.raw_client().ping()

    async def renewed() -> None:
        await cache.async_raw_client().ping()
        before = connections(server)
        assert len(before) == 3
        provider.renew()
        assert cache.get("key") == "value"
        await cache.async_raw_client().ping()
        assert await asyncio.to_thread(
            until, lambda: connections(server) == dict.fromkeys(before, "new")
        )

    asyncio.run(renewed())


def test_near_goes_on_listening_with_the_new_token(server: Server) -> None:
    provider = Stream()
    cache = cache_of(server, provider, CLIENT_CLASS="near", NEAR_LEASE=0.2)
    cache.set("key", "value")
    assert until(lambda: cache.get("key") == "value" and cache.client.near_info().entries > 0)
    before = connections(server)
    provider.renew()
    assert until(lambda: cache.get("key") == "value" and "old" not in connections(server).values())
    assert connections(server).keys() == before.keys()
    assert cache.client.near_info().entries > 0


def test_that_there_is_no_new_token_is_logged(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    provider = Stream()
    cache = cache_of(server, provider)
    cache.get("key")
    provider.of_errors(OSError("the endpoint is down"))
    assert "Stream has no new token: OSError('the endpoint is down')" in caplog.text


class Failing(CredentialProvider):
    def get_credentials(self) -> tuple[str, str]:
        raise ValueError("the endpoint is down")


@pytest.mark.parametrize("ignored", [False, True])
def test_a_provider_that_fails_is_trouble_with_the_server(server: Server, ignored: bool) -> None:
    cache = cache_of(server, Failing(), IGNORE_EXCEPTIONS=ignored)
    if ignored:
        assert cache.get("key", "default") == "default"
        assert asyncio.run(cache.aget("key", "default")) == "default"
        return
    with pytest.raises(ConnectionInterrupted, match="provider Failing failed: ValueError: the end"):
        cache.get("key")
    with pytest.raises(ConnectionInterrupted, match="provider Failing failed: ValueError: the end"):
        asyncio.run(cache.aget("key"))


class Limit(Exception):
    """As the time limits of Celery and RQ."""


class Slow(CredentialProvider):
    def get_credentials(self) -> tuple[str, str]:
        signal.raise_signal(signal.SIGALRM)
        return "old", "one"


def test_a_time_limit_that_strikes_in_a_provider_passes(server: Server) -> None:
    def strike(number: int, frame: Any) -> None:
        raise Limit("10 s")

    before = signal.signal(signal.SIGALRM, strike)
    try:
        with pytest.raises(Limit):
            cache_of(server, Slow(), IGNORE_EXCEPTIONS=True).get("key")
    finally:
        signal.signal(signal.SIGALRM, before)


class Waiting(CredentialProvider):
    def __init__(self) -> None:
        self.go = threading.Event()

    def get_credentials(self) -> tuple[str, str]:
        self.go.wait(30)
        return "old", "one"


def test_a_provider_that_waits_holds_up_no_event_loop(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    provider = Waiting()
    cache = cache_of(server, provider)

    async def turns() -> int:
        asked = asyncio.ensure_future(cache.aget("key"))
        count = 0
        while not asked.done():
            await asyncio.sleep(0.01)
            count += 1
            if count == 5:
                provider.go.set()
        await asked
        return count

    assert asyncio.run(turns()) >= 5
    assert not [one for one in caplog.records if one.name == "asyncio"]


@pytest.mark.parametrize("host", ["a..b", "x" * 70 + ".test"])
def test_a_host_name_that_idna_refuses_is_trouble_with_the_server(host: str) -> None:
    cache = RedisCache(f"redis://{host}:6379/0", {})
    with pytest.raises(ConnectionInterrupted, match=r"idna|label empty or too long"):
        cache.get("key")
    with pytest.raises(ConnectionInterrupted, match=r"idna|label empty or too long"):
        asyncio.run(cache.aget("key"))
    ignoring = RedisCache(f"redis://{host}:6379/0", {"OPTIONS": {"IGNORE_EXCEPTIONS": True}})
    assert ignoring.get("key") is None
