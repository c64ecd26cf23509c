"""Whatever a server answers is a value, or trouble with that server; never a TypeError of ours."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from django_redis_core.cache import RedisCache
from django_redis_core.connections import resp
from django_redis_core.exceptions import ConnectionInterrupted, RedisCacheError, ReplyError
from django_redis_core.testing.busy import patiently
from django_redis_core.testing.clients import PATIENCE

from .scripted import Scripted

REPLIES = {
    "negative length": b"$-7\r\n",
    "negative count": b"*-7\r\n",
    "length without a number": b"$abc\r\n",
    "integer without a number": b":abc\r\n",
    "empty integer": b":\r\n",
    "count without a number": b"*x\r\n",
    "length beyond all": b"$99999999999999999999999\r\n",
    "count beyond all": b"*1099511627776\r\n",
    "nested": b"*1\r\n" * 5 + b":1\r\n",
    "nested deeply": b"*1\r\n" * 1000 + b":1\r\n",
    "an integer of 5000 digits": b":" + b"1" * 5000 + b"\r\n",
    "map with an array for a key": b"%1\r\n*1\r\n+a\r\n+b\r\n",
    "two replies": b"$1\r\n7\r\n$1\r\n8\r\n",
    "boolean": b"#t\r\n",
    "double": b",1.5\r\n",
    "map": b"%1\r\n+a\r\n+b\r\n",
    "status": b"+OK\r\n",
    "integer": b":12\r\n",
    "text": b"$1\r\nx\r\n",
    "array": b"*1\r\n$1\r\n7\r\n",
    "long array": b"*9\r\n" + b"$1\r\n7\r\n" * 9,
    "nil": b"_\r\n",
    "another protocol": b"HTTP/1.1 400 Bad\r\n\r\n",
}
CALLS: dict[str, tuple[Any, ...]] = {
    "get": ("k",),
    "get_many": (["a", "b"],),
    "ttl": ("k",),
    "incr": ("k",),
    "has_key": ("k",),
    "touch": ("k",),
    "delete_many": (["a", "b"],),
    "hgetall": ("k",),
    "hget": ("k", "f"),
    "hmget": ("k", ["f", "g"]),
    "hkeys": ("k",),
    "lrange": ("k", 0, -1),
    "lpush": ("k", 1),
    "smembers": ("k",),
    "smismember": ("k", 1, 2),
    "zrange": ("k", 0, -1),
    "zscore": ("k", 1),
    "zrank": ("k", 1),
    "zpopmin": ("k",),
}


@pytest.fixture(params=["hiredis", "python"], autouse=True)
def reader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "python":
        monkeypatch.setattr(resp, "_reader", resp.PythonReader)
        monkeypatch.setattr(resp, "_push", resp.Push)


#: What each of these is to have; of another type it is trouble with the server, also where that
#: passes for a value: an entry that "cannot be read" is a miss, and may be deleted for it.
TEXT = ("status", "text", "nil", "null")
TYPED: dict[str, tuple[str, ...]] = {
    "get": TEXT,
    "getdel": TEXT,
    "getex": TEXT,
    "get_or_set": TEXT,
    "hget": TEXT,
    "lindex": TEXT,
    "lpop": TEXT,
    "spop": TEXT,
    "hmget": (),
    "smismember": (),
    "zmscore": (),
    "zadd": ("integer", "boolean", "double", "nil"),
    "zrank": ("integer", "boolean", "double", "nil"),
    "zincrby": ("integer", "boolean", "double"),
    "rpop_many": ("array", "long array", "nil"),
    "srandmember_many": ("array", "long array"),
    "keys": (),
    "delete_pattern": (),
    "sscan": (),
    "sscan_iter": (),
    "get_many": (),
    "delete": ("integer", "boolean", "double"),
}
ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "get_or_set": ("k", 5),
    "lindex": ("k", 0),
    "hmget": ("k", ["f", "g", "h"]),
    "smismember": ("k", 1, 2, 3),
    "zmscore": ("k", 1, 2, 3),
    "zadd": ("k", {"a": 1}),
    "zincrby": ("k", 1, "a"),
    "zrank": ("k", "a"),
    "rpop_many": ("k", 9),
    "srandmember_many": ("k", 9),
    "keys": ("*",),
    "delete_pattern": ("*",),
    "hget": ("k", "f"),
    "get_many": (["a", "b", "c"],),
}
WRONG = {
    **{name: REPLIES[name] for name in ("integer", "array", "map", "boolean", "double", "status")},
    **{name: REPLIES[name] for name in ("text", "nil", "long array")},
    "two integers": b"*2\r\n:1\r\n:2\r\n",
    "arrays": b"*2\r\n*0\r\n*0\r\n",
    "a page of integers": b"*2\r\n$1\r\n0\r\n*1\r\n:5\r\n",
}


@pytest.mark.parametrize("client", ["default", "herd", "near"])
def test_a_reply_of_another_type_is_trouble(client: str) -> None:
    with Scripted(lambda args: b"") as server:
        options = {"SERIALIZER": "json", "BREAKER_FAILURES": 0, "CLIENT": client}
        cache = RedisCache(server.url, {"OPTIONS": options})
        for name, may_be in TYPED.items():
            call = getattr(cache, name.removesuffix("_many") if name[0] in "rs" else name)
            for what, reply in WRONG.items():
                if what in may_be or (client == "herd" and name in ("getex", "delete")):
                    continue
                server.reply = lambda args, reply=reply: reply  # type: ignore[misc]
                try:
                    answer = call(*ARGUMENTS.get(name, ("k",)))
                    if name == "sscan_iter":
                        answer = list(answer)
                except ConnectionInterrupted:
                    continue
                raise AssertionError((name, what, answer))


@pytest.mark.parametrize("name", ["getex", "delete", "delete_many", "touch", "incr", "persist"])
def test_scripts_and_batches_are_looked_at_too(name: str) -> None:
    """Of ``herd``, whose operations are scripts and batches where others are commands."""
    with Scripted(lambda args: b"") as server:
        options = {"SERIALIZER": "json", "BREAKER_FAILURES": 0, "CLIENT": "herd"}
        cache = RedisCache(server.url, {"OPTIONS": options})
        for what in ("array", "map", "status", "text", "two integers", "arrays"):
            reply = WRONG[what]
            server.reply = lambda args, reply=reply: reply  # type: ignore[misc]
            if (name, what) == ("incr", "array"):
                continue  # what it says where a number is for the caller to add to
            with pytest.raises(ConnectionInterrupted):
                getattr(cache, name)(["a", "b"] if name == "delete_many" else "k")


def test_an_entry_is_not_deleted_for_a_reply_of_another_type() -> None:
    with Scripted(lambda args: b"*1\r\n$1\r\n7\r\n") as server:
        options = {"DELETE_UNREADABLE": True, "BREAKER_FAILURES": 0}
        cache = RedisCache(server.url, {"OPTIONS": options})
        with pytest.raises(
            ConnectionInterrupted, match="the reply to GET is not one of its own, b"
        ):
            cache.get("k")
        assert [args[0] for args in server.commands] == [b"GET"]


def called(cache: RedisCache, name: str, asynchronous: bool) -> Any:
    if not asynchronous:
        return getattr(cache, name)(*CALLS[name])

    async def call() -> Any:
        return await getattr(cache, f"a{name}")(*CALLS[name])

    return asyncio.run(call())


@pytest.mark.parametrize("asynchronous", [False, True], ids=["blocking", "asyncio"])
@pytest.mark.parametrize("name", CALLS)
def test_a_value_or_trouble(name: str, asynchronous: bool) -> None:
    """A ValueError only where the reply says that the key is not there, as ``incr`` has it."""
    with Scripted(lambda args: b"") as server:
        options = {"SERIALIZER": "json", "BREAKER_FAILURES": 0, "SOCKET_TIMEOUT": 0.5}
        cache = RedisCache(server.url, {"OPTIONS": options})
        for what, reply in REPLIES.items():
            server.reply = lambda args, reply=reply: reply  # type: ignore[misc]
            said = ""
            try:
                called(cache, name, asynchronous)
            except RedisCacheError:
                pass
            except ValueError as error:
                said = str(error)
            assert not said or (reply == b"_\r\n" and "not found" in said), (what, said)
            # And the next one has its own reply.
            server.reply = lambda args: b"$1\r\n7\r\n"
            assert patiently(lambda: cache.get("k")) == 7, what


def test_memory_for_what_is_announced(monkeypatch: pytest.MonkeyPatch) -> None:
    """An array of two thousand million elements, for which there is no room."""

    class Full:
        def __init__(self) -> None:
            self.inner = resp.PythonReader()

        def feed(self, *args: Any) -> None:
            self.inner.feed(*args)

        def gets(self) -> Any:
            raise MemoryError

        def has_data(self) -> bool:
            return False

    monkeypatch.setattr(resp, "_reader", Full)
    with Scripted(lambda args: b"*2147483647\r\n") as server:
        cache = RedisCache(server.url, {"OPTIONS": {**PATIENCE, "BREAKER_FAILURES": 0}})
        with pytest.raises(ConnectionInterrupted, match="MemoryError"):
            cache.get("k")
        with pytest.raises(ConnectionInterrupted, match="MemoryError"):
            asyncio.run(cache.aget("k"))


def test_an_outage_is_answered_by_the_fallback() -> None:
    with Scripted(lambda args: b":1\r\n") as server:
        cache = RedisCache(server.url, {"OPTIONS": {**PATIENCE, "IGNORE_EXCEPTIONS": True}})
        assert cache.get_many(["a", "b"]) == {}
        assert cache.hgetall("k") == {}


def test_a_mistake_of_the_callers_stays_one() -> None:
    with Scripted(lambda args: b"-ERR unknown\r\n") as server:
        cache = RedisCache(server.url, {"OPTIONS": PATIENCE})
        with pytest.raises(ReplyError):
            cache.get("k")
        with pytest.raises(TypeError):
            cache.incr("k", "one")
