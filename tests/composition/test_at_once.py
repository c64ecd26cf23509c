"""One backend used from threads, several event loops and forked children at once, on each topology:
right values, and no connection left open, as the servers count them."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from django_redis_core.cache import RedisCache
from django_redis_core.testing.clients import wait_until
from django_redis_core.testing.fixtures import MakeCache
from django_redis_core.testing.forks import forked, status_of

from .conftest import Place
from .test_table import TOPOLOGIES

ROUNDS, KEYS = 20, 12


def data(name: str) -> dict[str, str]:
    return {f"{name}-{number}": f"{name}'s {number}" for number in range(KEYS)}


def blocking(cache: RedisCache, name: str) -> None:
    mine = data(name)
    for turn in range(1, ROUNDS + 1):
        assert cache.set_many(mine) == []
        assert cache.get_many(mine) == mine
        for key, value in mine.items():
            assert cache.get(key) == value
        with cache.pipeline() as pipe:
            pipe.set(f"{name}-turn", turn)
            read = pipe.get(f"{name}-turn")
        assert read.value == turn
    with cache.lock("held", timeout=10):
        assert cache.incr(f"{name}-turn") == ROUNDS + 1


async def native(cache: RedisCache, name: str) -> None:
    async def one(number: int) -> None:
        mine = data(f"{name}-{number}")
        for _ in range(ROUNDS):
            assert await cache.aset_many(mine) == []
            assert await cache.aget_many(mine) == mine
            found = await asyncio.gather(*[cache.aget(key) for key in mine])
            assert found == list(mine.values())

    await asyncio.gather(*[one(number) for number in range(5)])
    async with cache.alock("held", timeout=10):
        pass


def child(cache: RedisCache, number: int) -> int:
    def work() -> None:
        blocking(cache, f"child{number}")
        asyncio.run(native(cache, f"child-loop{number}"))

    return forked(work)


def open_for(cache: RedisCache, name: str) -> int:
    """The connections of that name that the servers see, but for those that ask them."""
    total = 0
    for node in cache._engine.topology.nodes():
        for line in node.client().client_list():
            total += line["name"] == name and not line["cmd"].startswith("client")
    return total


@pytest.mark.parametrize("topology", TOPOLOGIES.values())
def test_threads_loops_and_children_at_once(
    topology: str, make_cache: MakeCache, request: pytest.FixtureRequest
) -> None:
    place: Place = request.getfixturevalue(topology)
    name = f"at-once-{topology}"
    options: dict[str, Any] = {**place.options, "CONNECTION_POOL_KWARGS": {"client_name": name}}
    # What is read at once must be there, and a busy machine may be slow.
    options |= {"READ_FROM": "primary", "SOCKET_TIMEOUT": 10, "SOCKET_CONNECT_TIMEOUT": 10}
    if place.alone is None:
        options["CLIENT"] = "shard"
    cache = make_cache(options, LOCATION=place.alone or place.sharded)
    wrong: list[BaseException] = []

    def guarded(work: Any, *args: Any) -> None:
        try:
            work(*args)
        except BaseException as error:  # an assertion in a thread would be lost
            wrong.append(error)

    def loops(number: int) -> None:
        for turn in range(2):
            asyncio.run(native(cache, f"loop{number}-{turn}"))

    threads = [
        *(threading.Thread(target=guarded, args=(blocking, cache, f"thread{n}")) for n in range(4)),
        *(threading.Thread(target=guarded, args=(loops, number)) for number in range(3)),
    ]
    for thread in threads:
        thread.start()
    children = [child(cache, number) for number in range(3)]
    for thread in threads:
        thread.join()
    ends = [status_of(pid) for pid in children]
    assert (wrong, ends) == ([], [0, 0, 0])
    assert open_for(cache, name) >= 1, "the free list's, so they are counted"
    cache._engine.close_idle()
    wait_until(lambda: open_for(cache, name) == 0, "no connection is left open", timeout=30)
