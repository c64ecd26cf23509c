"""What a topology may yield in ``discover`` and ``after``: also code that waits by itself."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from typing import Any

import pytest

from django_redis_core.cache import RedisCache
from django_redis_core.commands import Call, Command, Operation
from django_redis_core.connections import Instead, Node, Nodes, Topology
from django_redis_core.exceptions import ConnectionInterrupted
from django_redis_core.interfaces import ConnectionFactory, Observer, Trip
from django_redis_core.testing.servers import Server

#: Seconds that the source of what a topology knows takes to answer.
TAKES = 0.2


class Asking(Topology):
    """Its server is asked for by code that waits."""

    ready = False

    def __init__(self, node: Node) -> None:
        self.found: Node | None = None
        self.node = node
        self.where: list[int] = []
        self.error: Exception | None = None
        self.go = threading.Event()
        self.go.set()

    def look(self, client: Any) -> Node:
        assert client is None
        self.where.append(threading.get_ident())
        time.sleep(TAKES)
        self.go.wait(30)
        if self.error is not None:
            raise self.error
        return self.node

    def discover(self) -> Operation[None]:
        self.found = yield Call(self.look)
        self.ready = True

    def route(self, command: Command) -> Node:
        assert self.found is not None
        return self.found

    def primaries(self) -> Nodes:
        return (self.node,)

    def after(
        self, command: Command, node: Node, trouble: ConnectionInterrupted, attempt: int
    ) -> Operation[Instead]:
        found = yield Call(self.look)
        return [command.on(found)] if attempt == 1 else None


class AskingFactory(ConnectionFactory):
    name = "asking"

    def topology(self, locations: Sequence[str]) -> Topology:
        return Asking(self.node(locations[0]))


@pytest.fixture
def cache(redis_server: Server) -> RedisCache:
    options = {"OPTIONS": {"CONNECTION_FACTORY": AskingFactory}, "KEY_PREFIX": str(time.time())}
    return RedisCache(redis_server.url, options)


def topology(cache: RedisCache) -> Asking:
    found = cache._engine.topology
    assert isinstance(found, Asking)
    return found


def test_in_blocking_code_the_caller_waits(cache: RedisCache) -> None:
    began = time.monotonic()
    cache.set("k", 1)
    assert time.monotonic() - began >= TAKES
    assert cache.get("k") == 1
    assert topology(cache).where == [threading.get_ident()]


def test_on_asyncio_the_loop_goes_on(cache: RedisCache) -> None:
    async def main() -> None:
        beats = 0

        async def beat() -> None:
            nonlocal beats
            while True:
                await asyncio.sleep(TAKES / 20)
                beats += 1
                if beats == 5:
                    topology(cache).go.set()

        topology(cache).go.clear()
        heart = asyncio.create_task(beat())
        await cache.aset("k", 1)
        heart.cancel()
        assert beats >= 5
        assert await cache.aget("k") == 1
        assert threading.get_ident() not in topology(cache).where

    asyncio.run(main())


class Watching(Observer):
    name = "watching"

    def round_trip(self, trip: Trip) -> None:
        return None


@pytest.mark.parametrize("way", ["blocking", "asyncio"])
def test_it_has_a_time_of_its_own_and_observers_do_not_mind(redis_server: Server, way: str) -> None:
    options = {
        "CONNECTION_FACTORY": AskingFactory,
        "OBSERVERS": Watching,
        "SOCKET_TIMEOUT": 1,
    }
    cache = RedisCache(redis_server.url, {"OPTIONS": options, "KEY_PREFIX": str(time.time())})
    topology(cache).go.clear()
    threading.Timer(1.2, topology(cache).go.set).start()
    assert cache.set("k", 1) if way == "blocking" else asyncio.run(cache.aset("k", 1))
    assert len(topology(cache).where) == 1


@pytest.mark.parametrize("way", ["blocking", "asyncio"])
def test_its_error_is_the_callers(cache: RedisCache, way: str) -> None:
    topology(cache).error = LookupError("the service does not know it")
    with pytest.raises(LookupError, match="does not know it"):
        cache.get("k") if way == "blocking" else asyncio.run(cache.aget("k"))


@pytest.mark.parametrize("way", ["blocking", "asyncio"])
def test_after_a_failure_of_many_commands_too(
    redis_server: Server, cache: RedisCache, way: str
) -> None:
    """Their ways go side by side."""
    asking, well = topology(cache), topology(cache).node
    with Server() as other:
        asking.node = AskingFactory(cache._engine.options.connection).node(other.url)
        cache.set("k", 0)
    asking.node = well
    values = dict.fromkeys("abc", 1)

    async def in_a_pipeline() -> None:
        async with cache.apipeline() as queue:
            for key, value in values.items():
                queue.set(key, value)
            queue.get_many(values)

    if way == "blocking":
        with cache.pipeline() as queue:
            for key, value in values.items():
                queue.set(key, value)
    else:
        asyncio.run(in_a_pipeline())
    assert len(asking.where) > 3
    asking.found = well
    assert cache.get_many(values) == values
