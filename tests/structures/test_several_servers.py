"""Operations over several keys that live on different servers, and reads from replicas."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from django_redis_core._engine.driver import Driver
from django_redis_core.cache import RedisCache
from django_redis_core.commands import Command, Key
from django_redis_core.connections import Nodes
from django_redis_core.connections.delivery import AsyncioExecutor, BlockingExecutor, Plan
from django_redis_core.connections.node import Node
from django_redis_core.connections.topology import Topology
from django_redis_core.exceptions import CrossNodeError
from django_redis_core.testing.caller import WAYS, Caller
from django_redis_core.testing.fixtures import MakeCache
from django_redis_core.testing.topologies import Replicated, replicated, shards


class ByFirstLetter(Topology):
    """Keys from "a" to "m" live on one server, the others on another."""

    def __init__(self, nodes: Nodes) -> None:
        self._nodes = nodes

    def place(self, key: Key) -> int:
        text = key.decode() if isinstance(key, bytes) else key
        return int(text.rpartition(":")[2] > "m")

    def route(self, command: Command) -> Node:
        assert command.key is not None
        return self._nodes[self.place(command.key)]

    def primaries(self) -> Nodes:
        return self._nodes


@pytest.fixture(scope="module")
def urls() -> Iterator[list[str]]:
    with shards(2) as servers:
        yield [server.url for server in servers]


@pytest.fixture
def spread(make_cache: MakeCache, urls: list[str]) -> RedisCache:
    """A cache over two servers."""
    first, second = (make_cache(LOCATION=url, KEY_PREFIX="spread") for url in urls)
    topology = ByFirstLetter((first._engine.topology.single, second._engine.topology.single))
    plan = Plan(topology, lambda keys, error: None)
    async_plan = Plan(topology, lambda keys, error: None)
    first._driver = Driver(
        "spread",
        first._engine.client,
        first._engine.operations,
        BlockingExecutor(plan),
        AsyncioExecutor(async_plan),
    )
    return first


@pytest.fixture(params=WAYS)
def cache(
    request: pytest.FixtureRequest, spread: RedisCache, cache_loop: asyncio.AbstractEventLoop
) -> Caller:
    caller = Caller(spread, request.param, cache_loop)
    caller.sadd("a", 1, 2, 3)
    caller.sadd("b", 3, 4)
    caller.sadd("z", 2, 3, "x")
    return caller


def test_sets_of_two_servers_are_read_together(cache: Caller) -> None:
    assert cache.sdiff("a", "z") == {1}
    assert cache.sinter("a", "z", "b") == {3}
    assert cache.sunion("a", "z", "zz") == {1, 2, 3, "x"}


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("sdiffstore", ("d", "a", "z")),
        ("sinterstore", ("z", "a", "b")),
        ("sunionstore", ("d", "z")),
        ("smove", ("a", "z", 1)),
    ],
)
def test_what_must_be_atomic_is_refused(cache: Caller, name: str, args: tuple[Any, ...]) -> None:
    with pytest.raises(CrossNodeError, match=name):
        cache.run(name, *args)
    assert (cache.smembers("a"), cache.smembers("z")) == ({1, 2, 3}, {2, 3, "x"})
    assert cache.has_key("d") is False


def test_it_works_where_the_keys_live_together(cache: Caller) -> None:
    assert cache.sdiffstore("d", "a", "b") == 2
    assert cache.smove("a", "b", 1) is True
    assert cache.sinter("a", "b") == {3}


@pytest.fixture(scope="module")
def group() -> Iterator[Replicated]:
    with replicated(2) as group:
        yield group


def test_reads_go_to_replicas_and_pages_to_the_primary(
    make_cache: MakeCache, group: Replicated
) -> None:
    cache = make_cache(LOCATION=group.urls)
    reads: dict[str, Callable[[], Any]] = {
        "smembers": lambda: cache.smembers("s"),
        "hgetall": lambda: cache.hgetall("h"),
        "lrange": lambda: cache.lrange("l", 0, -1),
        "zrange": lambda: cache.zrange("z", 0, -1),
    }
    cache.sadd("s", *range(1000))
    cache.hset("h", "f", 1)
    cache.rpush("l", 1)
    cache.zadd("z", {1: 1})
    group.wait_in_sync()
    seen = [(server.info("commandstats"), server) for server in group.servers]
    for read in reads.values():
        assert len(read()) in (1, 1000)
    assert len(set(cache.sscan_iter("s", count=10))) == 1000
    for before, server in seen:
        after = server.info("commandstats")
        asked = {
            name: after.get(f"cmdstat_{name}", {}).get("calls", 0)
            - before.get(f"cmdstat_{name}", {}).get("calls", 0)
            for name in (*reads, "sscan")
        }
        if server is group.primary:
            assert asked.pop("sscan") > 10
            assert set(asked.values()) == {0}
        else:
            assert asked["sscan"] == 0
