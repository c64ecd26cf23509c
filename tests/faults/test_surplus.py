"""A reply too many is nobody's, and a push is no reply, whenever it comes between calls."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest

from django_redis_core.cache import RedisCache
from django_redis_core.connections import resp
from django_redis_core.exceptions import ConnectionInterrupted

from .scripted import Scripted, bulk, echo

PUSH = b">2\r\n+MOVING\r\n:1\r\n"


@pytest.fixture(params=["hiredis", "python"], autouse=True)
def reader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    if request.param == "python":
        monkeypatch.setattr(resp, "_reader", resp.PythonReader)
        monkeypatch.setattr(resp, "_push", resp.Push)
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(params=[2, 3])
def protocol(request: pytest.FixtureRequest) -> int:
    return request.param  # type: ignore[no-any-return]


def cache_at(server: Scripted, protocol: int, **options: Any) -> RedisCache:
    options = {
        "SERIALIZER": "json",
        "BREAKER_FAILURES": 0,
        "CONNECTION_POOL_KWARGS": {"protocol": protocol},
        **options,
    }
    return RedisCache(server.url, {"OPTIONS": options})


def arrived() -> None:
    """What was sent is there, since it is the same machine."""
    time.sleep(0.02)


SURPLUS = [
    pytest.param(bulk(b'"stranger"'), id="a whole reply"),
    pytest.param(b'$10\r\n"stran', id="a part"),
    pytest.param(b"*1\r\n" + bulk(b'"stranger"'), id="an array"),
    pytest.param(b"-ERR stranger\r\n", id="an error"),
]


@pytest.mark.parametrize("surplus", SURPLUS)
def test_the_next_caller_does_not_get_it(protocol: int, surplus: bytes) -> None:
    with Scripted(echo) as server:
        cache = cache_at(server, protocol)
        assert cache.get("a") == "a"
        server.say(surplus)
        arrived()
        assert cache.get("b") == "b"
        server.say(surplus)
        arrived()
        assert cache.get_many(["c", "d"]) == {"c": "c", "d": "d"}
        server.say(surplus)
        arrived()
        assert cache.set("e", 1)
        assert [cache.get(key) for key in "fgh"] == ["f", "g", "h"]


@pytest.mark.parametrize("surplus", SURPLUS)
def test_nor_the_next_one_on_asyncio(protocol: int, surplus: bytes) -> None:
    """Also where the loop has had no time to hear of it."""
    with Scripted(echo) as server:
        cache = cache_at(server, protocol)

        async def main() -> None:
            assert await cache.aget("a") == "a"
            server.say(surplus)
            arrived()  # the loop is busy meanwhile
            assert await cache.aget("b") == "b"
            server.say(surplus)
            await asyncio.sleep(0.02)
            keys = ["c", "d", "e"]
            assert await asyncio.gather(*map(cache.aget, keys)) == keys
            server.say(surplus)
            arrived()
            assert await cache.aset("f", 1)  # never sent twice
            assert await cache.aget_many(["g", "h"]) == {"g": "g", "h": "h"}

        asyncio.run(main())


def test_what_may_not_be_sent_twice_is_sent_once(protocol: int) -> None:
    def reply(args: list[bytes]) -> bytes:
        return b":7\r\n" if args[0] in (b"LPUSH", b"EVALSHA") else echo(args)

    with Scripted(reply) as server:
        cache = cache_at(server, protocol)

        async def main() -> None:
            assert await cache.alpush("list", 1) == 7
            server.say(b":1\r\n")
            arrived()
            assert await cache.alpush("list", 1) == 7

        asyncio.run(main())
        assert cache.lpush("list", 1) == 7
        server.say(b":1\r\n")
        arrived()
        assert cache.lpush("list", 1) == 7
        assert len(server.commands) == 4


@pytest.mark.parametrize("count", [1, 2])
def test_it_comes_with_the_reply(protocol: int, count: int) -> None:
    def reply(args: list[bytes]) -> bytes:
        return bulk(b'"stranger"') * count + echo(args)

    with Scripted(reply) as server:
        cache = cache_at(server, protocol)
        with pytest.raises(ConnectionInterrupted, match="out of step"):
            cache.get("a")
        with pytest.raises(ConnectionInterrupted, match="out of step"):
            asyncio.run(cache.aget("a"))
        with pytest.raises(ConnectionInterrupted, match="out of step"):
            asyncio.run(cache.aget_many(["a", "b"]))


@pytest.mark.parametrize("cut", [0, 1, 5, len(PUSH) - 1])
def test_pushes_between_calls_cost_no_connection(cut: int) -> None:
    """``cut``: so much of the push comes first, and the rest with the next reply."""

    def reply(args: list[bytes]) -> bytes:
        return PUSH[cut:] + echo(args) + PUSH[:cut] if cut else echo(args) + PUSH

    with Scripted(lambda args: echo(args) + PUSH[:cut]) as server:
        cache = cache_at(server, 3)
        assert cache.get("a") == "a"
        server.reply = reply
        for key in "bcd":
            assert cache.get(key) == key
        assert len(server.connections) == 1
        server.reply = echo
        time.sleep(0.01)
        if not cut:
            server.say(PUSH * 3)
            arrived()
            assert cache.get("e") == "e"
            assert len(server.connections) == 1


def test_pushes_on_asyncio() -> None:
    with Scripted(lambda args: PUSH + echo(args) + PUSH) as server:
        cache = cache_at(server, 3)

        async def main() -> None:
            keys = ["a", "b", "c"]
            assert await asyncio.gather(*map(cache.aget, keys)) == keys
            server.say(PUSH * 2)
            await asyncio.sleep(0.02)
            assert await cache.aget_many(keys) == {key: key for key in keys}
            assert len(server.connections) == 1

        asyncio.run(main())


def test_a_miss_beside_a_good_read(protocol: int) -> None:
    def reply(args: list[bytes]) -> bytes:
        if args[1].endswith(b"none"):
            return b"_\r\n" if protocol == 3 else b"$-1\r\n"
        return echo(args)

    with Scripted(reply) as server:
        cache = cache_at(server, protocol)
        assert cache.get("none") is None

        async def main() -> None:
            assert await asyncio.gather(cache.aget("none"), cache.aget("a")) == [None, "a"]
            assert len(server.connections) == 2

        asyncio.run(main())


def test_behind_a_reply_and_before_the_next_command_leaves(protocol: int) -> None:
    """A task has asked for something, and what it asked for waits for its turn to be sent."""

    def once_too_many(args: list[bytes]) -> bytes:
        server.reply = echo
        time.sleep(0.01)
        return echo(args) + bulk(b'"stranger"')

    with Scripted(echo) as server:
        cache = cache_at(server, protocol)

        async def main() -> None:
            await cache.aget("first")
            server.reply = once_too_many
            early = asyncio.create_task(cache.aget("a"))
            for _ in range(9):  # until it is sent
                await asyncio.sleep(0)
            arrived()
            late = asyncio.create_task(cache.aget("b"))
            assert await asyncio.gather(early, late) == ["a", "b"]

        asyncio.run(main())
