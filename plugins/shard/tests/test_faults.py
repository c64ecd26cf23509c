"""One of four shards in trouble: its keys fail, all others are served, none goes elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from django_redis_core.cache import RedisCache
from django_redis_core.exceptions import CircuitOpen, ConnectionInterrupted
from django_redis_core.signals import circuit_opened, partial_failure
from django_redis_core.testing.busy import HeldUp, quickest, seconds
from django_redis_core.testing.proxy import FaultProxy
from django_redis_core.testing.servers import Server

CacheOn = Callable[..., RedisCache]
KeysOf = Callable[..., list[list[str]]]

DEAD = 2
TIMEOUT = 0.8  # seconds that one operation may take
INTERVAL = 0.2  # seconds between two tries of a server that failed


@pytest.fixture(params=["killed", "black hole"])
def fault(request: pytest.FixtureRequest) -> str:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def proxy(servers: list[Server]) -> Iterator[FaultProxy]:
    with FaultProxy(*servers[DEAD].address) as between:
        yield between


@pytest.fixture
def locations(fault: str, servers: list[Server], proxy: FaultProxy) -> list[str]:
    urls = [server.url for server in servers]
    if fault == "black hole":
        urls[DEAD] = proxy.url
    return urls


@pytest.fixture
def ring(locations: list[str], cache_on: CacheOn) -> Callable[..., RedisCache]:
    def make(**options: Any) -> RedisCache:
        defaults = {"SOCKET_TIMEOUT": TIMEOUT, "BREAKER_INTERVAL": INTERVAL}
        return cache_on(locations, SHARD_NAMES=["a", "b", "c", "d"], **(defaults | options))

    return make


class Trouble:
    """What happens to the shard, and how it ends."""

    def __init__(self, fault: str, server: Server, proxy: FaultProxy) -> None:
        self.fault, self.server, self.proxy = fault, server, proxy

    def begin(self) -> None:
        if self.fault == "killed":
            self.server.kill()
        else:
            self.proxy.black_hole()

    def end(self) -> None:
        if self.fault == "killed":
            self.server.restart(keep_data=False)
        else:
            self.proxy.heal()


@pytest.fixture
def trouble(fault: str, servers: list[Server], proxy: FaultProxy) -> Trouble:
    return Trouble(fault, servers[DEAD], proxy)


@pytest.fixture
def keys(ring: Callable[..., RedisCache], keys_of: KeysOf) -> list[list[str]]:
    return keys_of(ring(), 5)


@pytest.fixture
def healthy(keys: list[list[str]]) -> list[str]:
    return [key for position, of_shard in enumerate(keys) for key in of_shard if position != DEAD]


@pytest.fixture
def everything(keys: list[list[str]]) -> list[str]:
    # One of each shard after the other, so that no shard's keys stand together.
    return [key for row in zip(*keys, strict=True) for key in row]


@pytest.fixture
def cache(ring: Callable[..., RedisCache], everything: list[str], trouble: Trouble) -> RedisCache:
    """A filled cache of which one shard has just gone."""
    cache = ring()
    assert cache.set_many(dict.fromkeys(everything, 1)) == []
    trouble.begin()
    return cache


@pytest.fixture
def partial() -> Iterator[list[dict[str, Any]]]:
    """What was sent by the signal ``partial_failure``."""
    sent: list[dict[str, Any]] = []

    def receive(**arguments: Any) -> None:
        sent.append(arguments)

    partial_failure.connect(receive)
    yield sent
    partial_failure.disconnect(receive)


def test_get_many_gives_the_values_of_the_healthy_shards(
    cache: RedisCache,
    keys: list[list[str]],
    everything: list[str],
    healthy: list[str],
    partial: list[dict[str, Any]],
) -> None:
    """django-redis gives none of them."""
    for _ in range(3):
        assert cache.get_many(everything) == dict.fromkeys(healthy, 1)
    assert len(partial) == 3
    for arguments in partial:
        assert arguments["keys"] == [cache.make_key(key) for key in keys[DEAD]]
        assert isinstance(arguments["exception"], ConnectionInterrupted)


async def test_get_many_does_so_on_asyncio(
    cache: RedisCache,
    keys: list[list[str]],
    everything: list[str],
    healthy: list[str],
    partial: list[dict[str, Any]],
) -> None:
    for _ in range(3):
        assert await cache.aget_many(everything) == dict.fromkeys(healthy, 1)
    lost = [cache.make_key(key) for key in keys[DEAD]]
    assert [arguments["keys"] for arguments in partial] == [lost] * 3


def test_set_many_returns_exactly_the_keys_that_failed(
    cache: RedisCache, keys: list[list[str]], everything: list[str], healthy: list[str]
) -> None:
    for value in (2, 3):
        assert sorted(cache.set_many(dict.fromkeys(everything, value))) == sorted(keys[DEAD])
        assert cache.get_many(healthy) == dict.fromkeys(healthy, value)


async def test_set_many_does_so_on_asyncio(
    cache: RedisCache, keys: list[list[str]], everything: list[str], healthy: list[str]
) -> None:
    assert sorted(await cache.aset_many(dict.fromkeys(everything, 2))) == sorted(keys[DEAD])
    assert await cache.aget_many(healthy) == dict.fromkeys(healthy, 2)


def test_delete_many_counts_what_the_healthy_shards_deleted(
    cache: RedisCache, everything: list[str], healthy: list[str]
) -> None:
    assert cache.delete_many(everything) == len(healthy)
    assert cache.get_many(everything) == {}


def test_a_key_of_the_dead_shard_fails_and_is_stored_nowhere_else(
    cache: RedisCache, servers: list[Server], keys: list[list[str]], healthy: list[str]
) -> None:
    key = keys[DEAD][0]
    calls: list[Callable[[], Any]] = [
        lambda: cache.get(key),
        lambda: cache.set(key, 2),
        lambda: cache.add(key, 2),
        lambda: cache.incr(key),
        lambda: cache.touch(key),
        lambda: cache.ttl(key),
        lambda: cache.delete(key),
        lambda: cache.has_key(key),
        lambda: cache.get_or_set(key, 2),
        lambda: cache.get_many(keys[DEAD]),
        lambda: cache.set_many(dict.fromkeys(keys[DEAD], 2)),
        lambda: cache.delete_many(keys[DEAD]),
    ]
    for call in calls:
        with pytest.raises(ConnectionInterrupted):
            call()
    full = cache.make_key(key)
    for position, server in enumerate(servers):
        if position != DEAD:
            assert full not in server.cli("KEYS", "*")
    assert cache.get_many(healthy) == dict.fromkeys(healthy, 1)


def test_a_pipeline_gives_each_operation_its_own_outcome(
    cache: RedisCache, keys: list[list[str]], everything: list[str], healthy: list[str]
) -> None:
    pipeline = cache.pipeline()
    for key in everything:
        pipeline.get(key)
    values = dict(zip(everything, pipeline.execute(raise_on_error=False), strict=True))
    assert {key: values[key] for key in healthy} == dict.fromkeys(healthy, 1)
    assert all(isinstance(values[key], ConnectionInterrupted) for key in keys[DEAD])


def test_ignore_mode_answers_for_the_dead_shard_only(
    cache: RedisCache,
    ring: Callable[..., RedisCache],
    keys: list[list[str]],
    everything: list[str],
    healthy: list[str],
) -> None:
    ignoring = ring(IGNORE_EXCEPTIONS=True)
    dead = keys[DEAD][0]
    assert ignoring.get(dead, "default") == "default"
    assert ignoring.set(dead, 2) is False
    assert ignoring.get_many(keys[DEAD]) == {}
    assert ignoring.set_many(dict.fromkeys(everything, 2)) != []
    assert sorted(ignoring.set_many(dict.fromkeys(keys[DEAD], 2))) == sorted(keys[DEAD])
    assert ignoring.get_many(everything) == dict.fromkeys(healthy, 2)
    assert sorted(ignoring.keys("*")) == sorted(ignoring.iter_keys("*")) == sorted(healthy)
    assert ignoring.delete_pattern(healthy[0]) == 1
    with pytest.raises(ConnectionInterrupted):
        ignoring.add(dead, 2)


def test_work_over_all_keys_is_done_where_it_can_be_and_says_that_it_is_not_whole(
    cache: RedisCache, healthy: list[str]
) -> None:
    found = cache.iter_keys("*")
    assert sorted(next(found) for _ in healthy) == sorted(healthy)
    with pytest.raises(ConnectionInterrupted):
        next(found)
    with pytest.raises(ConnectionInterrupted):
        cache.keys("*")
    with pytest.raises(ConnectionInterrupted):
        cache.delete_pattern(f"{healthy[0]}")
    assert cache.get_many(healthy) == dict.fromkeys(healthy[1:], 1)
    with pytest.raises(ConnectionInterrupted):
        cache.clear()
    assert cache.get_many(healthy) == {}


def test_clear_by_prefix_empties_the_healthy_shards(
    servers: list[Server], locations: list[str], cache_on: CacheOn, trouble: Trouble
) -> None:
    cache = cache_on(locations, SOCKET_TIMEOUT=TIMEOUT, KEY_PREFIX="site", SCAN_ITERSIZE=3)
    keys = [f"key{number}" for number in range(100)]
    cache.set_many(dict.fromkeys(keys, 1))
    trouble.begin()
    with pytest.raises(ConnectionInterrupted):
        cache.clear()
    assert cache.get_many(keys) == {}


def test_a_breaker_a_shard(
    cache: RedisCache, keys: list[list[str]], everything: list[str], healthy: list[str]
) -> None:
    opened: list[str] = []

    def receive(sender: str, **arguments: Any) -> None:
        opened.append(sender)

    circuit_opened.connect(receive)
    try:
        for _ in range(4):
            cache.get_many(everything)
    finally:
        circuit_opened.disconnect(receive)
    assert len(opened) == 1

    # The dead shard costs nothing now, and neither do the others.
    def again() -> None:
        refused = 0
        for _ in range(20):
            try:
                cache.get(keys[DEAD][0])
            except CircuitOpen:
                refused += 1
            except ConnectionInterrupted:
                pass  # one that tried, after the interval
            assert cache.get(healthy[0]) == 1
        assert refused >= 10

    assert quickest(lambda: seconds(again), below=20 * TIMEOUT / 3) < 20 * TIMEOUT / 3


def test_the_page_pays_one_timeout(cache: RedisCache, everything: list[str]) -> None:
    with HeldUp() as held:
        start = time.perf_counter()
        for _ in range(10):
            cache.get_many(everything)
        took = time.perf_counter() - start
    # One wait, and a probe for each interval that passed meanwhile.
    assert took < 5 * TIMEOUT + held.seconds


def test_it_is_served_again_when_it_is_back(
    cache: RedisCache, everything: list[str], trouble: Trouble
) -> None:
    assert cache.set_many(dict.fromkeys(everything, 2)) != []
    trouble.end()
    deadline = time.monotonic() + 30
    while cache.set_many(dict.fromkeys(everything, 3)):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert cache.get_many(everything) == dict.fromkeys(everything, 3)
