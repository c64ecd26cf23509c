"""Data structures while the server is down, ignored or not; and on clients of the caller's own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
import redis
import redis.asyncio

from django_redis_core._operations.hashes import Hashes
from django_redis_core._operations.lists import Lists
from django_redis_core._operations.sets import Sets
from django_redis_core._operations.sorted_sets import SortedSets
from django_redis_core.cache import RedisCache
from django_redis_core.exceptions import ConnectionInterrupted, WrongTypeError
from django_redis_core.interfaces import OPERATIONS
from django_redis_core.testing.caller import WAYS, Caller
from django_redis_core.testing.fixtures import MakeCache
from django_redis_core.testing.processes import free_port
from django_redis_core.testing.servers import Server

FAMILIES = (Hashes, Lists, Sets, SortedSets)
STRUCTURES = {name for name in OPERATIONS if any(name in vars(family) for family in FAMILIES)}

RAISES = "raises"

#: Calls with what they answer when the server is down and that is ignored.
FALLBACKS: list[tuple[str, tuple[Any, ...], Any]] = [
    ("hset", ("k", "f", 1), 0),
    ("hget", ("k", "f"), None),
    ("hgetall", ("k",), {}),
    ("hmget", ("k", ["f", "g"]), [None, None]),
    ("hvals", ("k",), []),
    ("hkeys", ("k",), []),
    ("hlen", ("k",), 0),
    ("hexists", ("k", "f"), False),
    ("hdel", ("k", "f"), 0),
    ("hincrby", ("k", "f"), RAISES),
    ("lpush", ("k", 1), 0),
    ("rpush", ("k", 1), 0),
    ("lpop", ("k",), None),
    ("lpop", ("k", 2), []),
    ("rpop", ("k",), None),
    ("rpop", ("k", 2), []),
    ("lrange", ("k", 0, 1), []),
    ("llen", ("k",), 0),
    ("ltrim", ("k", 0, 1), False),
    ("lrem", ("k", 0, 1), 0),
    ("lindex", ("k", 0), None),
    ("sadd", ("k", 1), 0),
    ("srem", ("k", 1), 0),
    ("scard", ("k",), 0),
    ("sismember", ("k", 1), False),
    ("smismember", ("k", 1, 2), [False, False]),
    ("smembers", ("k",), set()),
    ("spop", ("k",), None),
    ("spop", ("k", 2), set()),
    ("srandmember", ("k",), None),
    ("srandmember", ("k", 2), []),
    ("sscan", ("k",), set()),
    ("sscan_iter", ("k",), []),
    ("sdiff", ("k", "j"), set()),
    ("sinter", ("k", "j"), set()),
    ("sunion", ("k", "j"), set()),
    ("sdiffstore", ("d", "k", "j"), 0),
    ("sinterstore", ("d", "k", "j"), 0),
    ("sunionstore", ("d", "k", "j"), 0),
    ("smove", ("k", "j", 1), False),
    ("zadd", ("k", {"a": 1}), 0),
    ("zadd", ("k", {"a": 1}, False, False, False, True), None),
    ("zincrby", ("k", 1, "a"), RAISES),
    ("zrem", ("k", 1), 0),
    ("zremrangebyscore", ("k", 0, 1), 0),
    ("zcard", ("k",), 0),
    ("zcount", ("k", 0, 1), 0),
    ("zscore", ("k", "a"), None),
    ("zmscore", ("k", "a", "b"), [None, None]),
    ("zrank", ("k", "a"), None),
    ("zpopmin", ("k",), None),
    ("zpopmin", ("k", 2), []),
    ("zpopmax", ("k",), None),
    ("zpopmax", ("k", 2), []),
    ("zrange", ("k", 0, 1), []),
    ("zrevrange", ("k", 0, 1), []),
    ("zrangebyscore", ("k", 0, 1), []),
    ("zrevrangebyscore", ("k", 1, 0), []),
    ("getdel", ("k", "default"), "default"),
    ("getex", ("k", 5, "default"), "default"),
]


def test_no_operation_is_forgotten() -> None:
    assert {name for name, _, _ in FALLBACKS} - {"getdel", "getex"} == STRUCTURES


def answers(caller: Caller) -> list[Any]:
    """What all calls answer."""
    found = []
    for name, args, _ in FALLBACKS:
        try:
            found.append(caller.run(name, *args))
        except ConnectionInterrupted:
            found.append(RAISES)
    return found


class Ignoring(Caller):
    """The pipeline's company (a get whose default is a sentinel) is of no use without a server."""

    def _queue(self, name: str, args: Any, kwargs: Any) -> Any:
        queue = self.cache.apipeline() if self.asynchronous else self.cache.pipeline()
        result = getattr(queue, name)(*args, **kwargs)
        self.wait(queue.execute, raise_on_error=False)
        return result.value


@pytest.mark.parametrize("way", WAYS)
def test_answers_while_the_server_is_down(
    make_cache: MakeCache, cache_loop: asyncio.AbstractEventLoop, way: str
) -> None:
    nowhere = f"redis://127.0.0.1:{free_port()}/0"
    ignoring = make_cache({"IGNORE_EXCEPTIONS": True}, LOCATION=nowhere)
    expected = [answer for _, _, answer in FALLBACKS]
    found = answers(Ignoring(ignoring, way, cache_loop))
    assert found == expected
    assert list(map(type, found)) == list(map(type, expected))
    again = answers(Ignoring(ignoring, way, cache_loop))
    for first, second in zip(found, again, strict=True):
        if isinstance(first, list | dict | set):
            assert first is not second, "two callers share what they may change"
    raising = make_cache(LOCATION=nowhere)
    assert set(answers(Ignoring(raising, way, cache_loop))) == {RAISES}


@pytest.mark.parametrize("way", WAYS)
def test_a_wrong_type_is_never_ignored(
    make_cache: MakeCache, cache_loop: asyncio.AbstractEventLoop, way: str
) -> None:
    caller = Caller(make_cache({"IGNORE_EXCEPTIONS": True}), way, cache_loop)
    caller.set("text", "value")
    caller.rpush("list", 1)
    for name, args, _ in FALLBACKS:
        if name.endswith("store"):
            args = ("dest", "text", "text")
        else:
            args = ("list" if name.startswith("get") else "text", *args[1:])
        with pytest.raises(WrongTypeError):
            caller.run(name, *args)


def test_bad_arguments_need_no_server(make_cache: MakeCache) -> None:
    cache = make_cache({"IGNORE_EXCEPTIONS": True}, LOCATION=f"redis://127.0.0.1:{free_port()}/0")
    with pytest.raises(ValueError, match="nan"):
        cache.zadd("k", {"a": float("nan")})
    with pytest.raises(TypeError, match="unhashable"):
        cache.sadd("k", [])
    with pytest.raises(TypeError, match="field"):
        cache.hget("k", None)


def test_what_needs_no_server_asks_none(make_cache: MakeCache) -> None:
    cache = make_cache(LOCATION=f"redis://127.0.0.1:{free_port()}/0")
    assert cache.sadd("k") == cache.srem("k") == cache.zadd("k", {}) == cache.zrem("k") == 0
    assert cache.hset("k", mapping={}) == 0
    assert cache.smismember("k") == cache.hmget("k", []) == cache.lpop("k", 0) == []
    assert cache.sunion() == cache.spop("k", 0) == set()


# redis-py 5 speaks RESP2 unless told otherwise and redis-py 8 RESP3: whose sets, maps and doubles
# are other Python types.
@pytest.fixture(params=[2, 3])
def client(request: pytest.FixtureRequest, redis_server: Server) -> Iterator[redis.Redis]:
    with redis.Redis(port=redis_server.port, protocol=request.param) as raw:
        yield raw


def everything(cache: RedisCache, **on: Any) -> list[Any]:
    return [
        cache.hset("h", mapping={"a": 1, "b": "two"}, **on),
        cache.hgetall("h", **on),
        sorted(cache.hvals("h", **on), key=str),
        cache.hexists("h", "a", **on),
        cache.rpush("l", 1, "two", **on),
        cache.lpop("l", 2, **on),
        cache.sadd("s", 1, "two", **on),
        cache.smembers("s", **on),
        cache.sunion("s", "t", **on),
        cache.smismember("s", 1, 2, **on),
        set(cache.sscan_iter("s", **on)),
        cache.smove("s", "t", 1, **on),
        cache.spop("s", 1, **on),
        cache.zadd("z", {"a": 1, "b": 2.5, "c": 3}, **on),
        cache.zadd("z", {"a": 1}, incr=True, **on),
        cache.zscore("z", "b", **on),
        cache.zrank("z", "b", True, **on),
        cache.zrange("z", 0, -1, withscores=True, **on),
        cache.zincrby("z", 1, "a", **on),
        cache.zpopmin("z", **on),
        cache.zpopmax("z", 5, **on),
        cache.incr("n", timeout=9, **on),
        cache.getex("n", None, **on),
        cache.getdel("n", **on),
        cache.get_or_set("k", lambda: 7, lock=True, **on),
    ]


def test_a_client_of_the_callers_own(make_cache: MakeCache, client: redis.Redis) -> None:
    expected = everything(make_cache())
    assert everything(make_cache(), client=client) == expected
    assert [type(each) for each in expected] == [
        type(each) for each in everything(make_cache(), client=client)
    ]


def test_waiting_for_a_turn_on_a_client_of_the_callers_own(
    make_cache: MakeCache, client: redis.Redis
) -> None:
    cache = make_cache()
    client.set(cache.make_key("k") + ":get_or_set", "held by another", px=100)
    assert cache.get_or_set("k", 5, lock=True, client=client) == 5


async def test_an_asyncio_client_of_the_callers_own(
    make_cache: MakeCache, redis_server: Server
) -> None:
    async def five() -> int:
        return 5

    cache = make_cache()
    async with redis.asyncio.Redis(port=redis_server.port) as raw:
        await raw.set(cache.make_key("k") + ":get_or_set", "held by another", px=100)
        assert await cache.aget_or_set("k", five, lock=True, client=raw) == 5
        assert await cache.asadd("s", 1, 2, client=raw) == 2
        assert {member async for member in cache.asscan_iter("s", client=raw)} == {1, 2}
        await cache.aclear()
