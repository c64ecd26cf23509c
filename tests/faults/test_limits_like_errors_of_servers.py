"""A time limit is the site's, also where it is a TimeoutError, as Python's own example of an alarm
raises: no trouble of the server's, no miss, and nothing that other callers would have to bear.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import redis

from django_redis_core import signals
from django_redis_core.cache import RedisCache
from django_redis_core.testing.certificates import local_certificate
from django_redis_core.testing.proxy import FaultProxy
from django_redis_core.testing.servers import Server

AFTER = 0.3  # seconds, far below the PATIENCE that servers are given
SIZE = 50_000_000  # bytes that no kernel takes at once

CacheAt = Callable[..., RedisCache]


class TaskTimeout(TimeoutError):
    """A site's own."""


class SiteConnection(redis.Connection):
    """Not redis-py's own class, so that it is used through its public methods only."""


class SiteRedis(redis.Redis):
    """A client of the site's."""


LIMITS = [TimeoutError("over"), ConnectionResetError("over"), TaskTimeout()]


@pytest.fixture(params=LIMITS, ids=lambda limit: type(limit).__name__)
def limit(request: pytest.FixtureRequest) -> Exception:
    return request.param  # type: ignore[no-any-return]


@contextmanager
def alarm(limit: Exception) -> Iterator[None]:
    def over(number: int, frame: Any) -> None:
        raise limit

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, AFTER)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def strike(cache: RedisCache, limit: Exception, call: Callable[[], Any]) -> None:
    """Has ``limit`` struck into ``call``, and looks at what comes of it."""
    ignored: list[Any] = []

    def note(**what: Any) -> None:
        ignored.append(what)

    signals.exception_ignored.connect(note)
    try:
        with pytest.raises(type(limit)) as raised, alarm(limit):
            call()
    finally:
        signals.exception_ignored.disconnect(note)
    assert raised.value is limit
    assert not ignored
    failures = [one.value for one in cache.numbers() if one.name == "breaker_failures"]
    assert failures == [0]


WAYS: dict[str, dict[str, Any]] = {
    "a socket": {},
    "a site's connection": {"CONNECTION_POOL_KWARGS": {"connection_class": SiteConnection}},
    "a site's client": {"REDIS_CLIENT_CLASS": SiteRedis},
}


@pytest.fixture(params=WAYS.values(), ids=WAYS.keys())
def cache(request: pytest.FixtureRequest, cache_at: CacheAt, proxy: FaultProxy) -> RedisCache:
    """Of a database that connections have to select."""
    return cache_at(proxy.url[:-1] + "1", IGNORE_EXCEPTIONS=True, **request.param)


def test_while_a_reply_is_waited_for(
    cache: RedisCache, proxy: FaultProxy, limit: Exception
) -> None:
    cache.set("key", "value")
    proxy.black_hole()
    strike(cache, limit, lambda: cache.get("key"))
    proxy.heal()
    assert cache.get("key") == "value"


def test_while_the_rest_of_a_reply_comes(
    cache: RedisCache, proxy: FaultProxy, limit: Exception
) -> None:
    cache.set("key", b"x" * 500_000)
    proxy.slice(10_000, pause=0.1)
    strike(cache, limit, lambda: cache.get("key"))
    proxy.heal()
    assert cache.get("key") == b"x" * 500_000


def test_while_a_large_value_is_sent(
    cache: RedisCache, proxy: FaultProxy, limit: Exception
) -> None:
    cache.set("key", "value")
    proxy.black_hole()
    strike(cache, limit, lambda: cache.set("key", b"x" * SIZE))
    proxy.heal()
    assert cache.get("key") == "value"


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(FaultProxy.stall_connects, id="connects"),
        pytest.param(FaultProxy.black_hole, id="selects its database"),
    ],
)
def test_while_it(
    fault: Callable[[FaultProxy], None], cache: RedisCache, proxy: FaultProxy, limit: Exception
) -> None:
    fault(proxy)
    strike(cache, limit, lambda: cache.get("key"))
    proxy.heal()
    assert cache.get("key") is None


def test_on_tls_whose_time_python_keeps(
    cache_at: CacheAt, server: Server, limit: Exception
) -> None:
    certificate = local_certificate()
    with FaultProxy(server.host, server.port, tls=certificate) as proxy:
        trusted = {"ssl_ca_certs": certificate.ca_file}
        cache = cache_at(proxy.url, IGNORE_EXCEPTIONS=True, CONNECTION_POOL_KWARGS=trusted)
        cache.set("key", b"x" * 500_000)
        proxy.slice(10_000, pause=0.1)
        strike(cache, limit, lambda: cache.get("key"))
        proxy.black_hole()
        strike(cache, limit, lambda: cache.set("key", b"x" * SIZE))
        proxy.heal()
        assert cache.get("key") == b"x" * 500_000


def test_what_the_caller_handles_is_no_limit_of_the_call(
    cache_at: CacheAt, proxy: FaultProxy, limit: Exception
) -> None:
    """A limit that was caught before, in whose handler a server is found to be in trouble."""
    cache = cache_at("redis://127.0.0.1:1", IGNORE_EXCEPTIONS=True)
    try:
        with alarm(limit):
            signal.pause()
    except OSError:
        assert cache.get("key", "instead") == "instead"
    else:
        pytest.fail("no limit has struck")
