"""Observers of operations: their figures are those of what was called, whichever way."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
import redis

from django_redis_core.cache import RedisCache
from django_redis_core.commands import GET, MGET, Operation
from django_redis_core.exceptions import ConnectionInterrupted, WrongTypeError
from django_redis_core.interfaces import (
    Client,
    Observer,
    always,
    argument,
    by_default,
    by_keys,
    operation,
)
from django_redis_core.testing.caller import WAYS, Caller, new_loop
from django_redis_core.testing.clients import wait_until
from django_redis_core.testing.contracts.observer import aeverything, everything
from django_redis_core.testing.fixtures import MakeCache
from django_redis_core.testing.servers import Server

from .conftest import CallsOnly, EndsOnly, MakeObserved, Notes

NOWHERE = "redis://127.0.0.1:1/0"


class Once(tuple[str, ...]):
    """Keys that an iterator gives, to each call anew."""

    __slots__ = ()


#: A call, and the hits and misses that it is. Before them ``here`` is 1, ``none`` is None.
LOOKUPS: list[tuple[str, tuple[Any, ...], dict[str, Any], int, int]] = [
    ("get", ("here",), {}, 1, 0),
    ("get", ("none",), {}, 1, 0),
    ("get", ("none", None), {}, 1, 0),
    ("get", ("there",), {}, 0, 1),
    ("get", ("there", "default"), {}, 0, 1),
    ("get", ("there",), {"default": "default"}, 0, 1),
    ("get", (), {"key": "there", "default": "default", "version": 1}, 0, 1),
    ("get", ("here", None, 1), {}, 1, 0),
    ("get_many", (["here", "none", "there", "here"],), {}, 2, 1),
    ("get_many", (Once(["here", "there", "elsewhere"]),), {}, 1, 2),
    ("get_many", (), {"keys": Once(["here"])}, 1, 0),
    ("get_many", ([],), {}, 0, 0),
    ("has_key", ("none",), {}, 1, 0),
    ("has_key", ("there",), {}, 0, 1),
    ("getex", ("here", 60), {}, 1, 0),
    ("getex", ("there", 60, "default"), {}, 0, 1),
    ("getdel", ("here",), {}, 1, 0),
    ("getdel", ("here",), {}, 0, 1),
    ("get_or_set", ("made", lambda: 5), {}, 0, 1),
    ("get_or_set", ("made", lambda: 6), {}, 1, 0),
    ("get_or_set", ("plain",), {"default": 7}, 0, 1),
    ("hget", ("hash", "field"), {}, 1, 0),
    ("hget", ("hash", "other"), {"default": 3}, 0, 1),
    ("set", ("here", 1), {}, 0, 0),
    ("incr", ("here",), {}, 0, 0),
    ("delete_many", (Once(["here", "none"]),), {}, 0, 0),
]


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_hits_and_misses_are_those_of_the_calls(
    observed: MakeObserved, make_cache: MakeCache, way: str
) -> None:
    cache, notes = observed()
    plain = make_cache()
    with new_loop() as loop:
        for each in (cache, plain):
            each.set_many({"here": 1, "none": None})
            each.hset("hash", "field", None)
        observing, unobserved = Caller(cache, way, loop), Caller(plain, way, loop)
        for name, args, kwargs, hits, misses in LOOKUPS:
            notes.told()
            answers = [
                caller.run(
                    name,
                    *[iter(arg) if isinstance(arg, Once) else arg for arg in args],
                    **{key: iter(arg) if key == "keys" else arg for key, arg in kwargs.items()},
                )
                for caller in (observing, unobserved)
            ]
            assert answers[0] == answers[1], (name, args)
            told = [one for one in notes.told() if one[0] == name]
            expected = "pipeline" if "pipeline" in way else {"async": "asyncio"}.get(way, way)
            source = "" if args == ([],) else "server"
            assert told == [(name, expected, hits, misses, source)], (name, args, kwargs)


def test_an_iterator_is_read_once_and_its_keys_are_told(observed: MakeObserved) -> None:
    cache, notes = observed()
    cache.set_many({"a": 1, "b": 2})
    assert cache.get_many(iter(["a", "c"])) == {"a": 1}
    assert cache.delete_many(iter(["a", "b"])) == 2
    assert [call.keys for call in notes.calls] == [("a", "b"), ("a", "c"), ("a", "b")]


def test_keys_and_arguments_are_handed_over_to_who_asks(observed: MakeObserved) -> None:
    cache, notes = observed()
    cache.set("k", "secret", 60)
    cache.sadd("one", 1)
    cache.sunionstore("both", "one", "two")
    cache.smove("one", "two", 1)
    cache.clear()
    with pytest.raises(TypeError):
        cache.get()  # type: ignore[call-arg]
    calls = notes.calls
    assert [call.keys for call in calls] == [
        ("k",),
        ("one",),
        ("both", "one", "two"),
        ("one", "two"),
        (),
        (),
    ]
    assert calls[0].arguments == {"key": "k", "value": "secret", "timeout": 60}
    assert "secret" not in repr(calls[0])
    assert "'k'" not in repr(calls[0])
    assert isinstance(calls[-1].error, TypeError)


def test_bytes_of_values(observed: MakeObserved) -> None:
    cache, notes = observed({"SERIALIZER": "json"})
    cache.set("k", "x" * 100)
    cache.get("k")
    cache.get_many(["k", "none"])
    cache.set_many({"a": "x" * 50, "b": 7})
    cache.has_key("k")
    cache.lpush("list", "abc")
    cache.lrange("list", 0, -1)
    cache.zadd("sorted", {"a": 1})
    stored = len(cache.raw_client().get(cache.make_key("k")))
    element = len(cache.raw_client().lindex(cache.make_key("list"), 0))
    assert [call.value_bytes for call in notes.calls] == [
        stored, stored, stored, stored - 50 + 1, 0, element, element, None,
    ]  # fmt: skip


def test_errors_are_told_and_raised(observed: MakeObserved) -> None:
    cache, notes = observed()
    cache.lpush("list", 1)
    with pytest.raises(WrongTypeError) as raised:
        cache.get("list")
    assert notes.calls[-1].error is raised.value
    with pytest.raises(ValueError, match="not found"):
        cache.incr("nothing")
    assert (notes.calls[-1].operation, notes.calls[-1].source) == ("incr", "")
    pipe = cache.pipeline()
    pipe.get("list")
    pipe.get("nothing")
    with pytest.raises(WrongTypeError):
        pipe.execute()
    errors = {call.operation: call.error for call in notes.calls[-3:]}
    assert isinstance(errors["pipeline.execute"], WrongTypeError)


def test_a_fallback_is_told_as_one(observed: MakeObserved, way: str) -> None:
    cache, notes = observed({"IGNORE_EXCEPTIONS": True}, LOCATION=NOWHERE)
    with new_loop() as loop:
        caller = Caller(cache, way, loop)
        assert caller.run("get", "k", "default") == "default"
        assert caller.run("get_or_set", "k", lambda: 5) == 5
        with pytest.raises(ConnectionInterrupted):
            caller.run("incr", "k")
    told = {call.operation: call for call in notes.mine()}
    for name in ("get", "get_or_set"):
        assert (told[name].hits, told[name].misses, told[name].source) == (0, 0, "fallback")
        assert isinstance(told[name].error, ConnectionInterrupted)
    assert told["incr"].source == ""
    assert isinstance(told["incr"].error, ConnectionInterrupted)


def test_a_stream_in_an_outage(observed: MakeObserved) -> None:
    cache, notes = observed({"IGNORE_EXCEPTIONS": True}, LOCATION=NOWHERE)
    assert list(cache.iter_keys("*")) == []

    async def go() -> list[str]:
        return [key async for key in cache.aiter_keys("*")]

    assert asyncio.run(go()) == []
    told = [("iter_keys", "blocking", 0, 0, "fallback"), ("iter_keys", "asyncio", 0, 0, "fallback")]
    assert notes.told() == told


def test_a_stream_is_one_operation_until_its_end(observed: MakeObserved) -> None:
    cache, notes = observed()
    cache.set_many(dict.fromkeys(map(str, range(40)), 1))
    notes.told(), notes.travelled()
    keys = cache.iter_keys("*", itersize=5)
    next(keys)
    time.sleep(0.05)
    assert notes.told() == []
    assert len({*keys}) >= 39
    assert [call.seconds > 0.05 for call in notes.calls] == [True]
    assert notes.told() == [("iter_keys", "blocking", 0, 0, "server")]
    assert len(notes.travelled()) > 1
    keys = cache.iter_keys("*", itersize=5)
    next(keys)
    keys.close()  # type: ignore[attr-defined]
    assert notes.calls[0].error is None
    assert notes.told() == [("iter_keys", "blocking", 0, 0, "server")]

    async def some() -> None:
        found = cache.aiter_keys("*", itersize=5)
        await anext(found)
        await found.aclose()  # type: ignore[attr-defined]
        assert len([key async for key in cache.aiter_keys("*", itersize=5)]) >= 40

    asyncio.run(some())
    assert notes.told() == [("iter_keys", "asyncio", 0, 0, "server")] * 2


def test_a_pipeline_is_told_with_its_operations(observed: MakeObserved) -> None:
    cache, notes = observed()
    cache.set("a", 1)
    notes.told(), notes.order.clear()
    with cache.pipeline() as pipe:
        hit, miss, many = pipe.get("a"), pipe.get("b", "no"), pipe.get_many(iter(["a", "b"]))
        pipe.incr("a")
    assert (hit.value, miss.value, many.value) == (1, "no", {"a": 1})
    assert notes.calls[-1].arguments == {"operations": ("get", "get", "get_many", "incr")}
    assert notes.order[0] == ("begins", "pipeline.execute")
    assert notes.order[-1] == ("ends", "pipeline.execute")
    assert notes.told() == [
        ("get", "pipeline", 1, 0, "server"),
        ("get", "pipeline", 0, 1, "server"),
        ("get_many", "pipeline", 1, 1, "server"),
        ("incr", "pipeline", 0, 0, "server"),
        ("pipeline.execute", "blocking", 0, 0, ""),
    ]


def test_locks_are_told_by_what_is_done_with_them(observed: MakeObserved) -> None:
    cache, notes = observed(kind=CallsOnly)
    with cache.lock("held", timeout=10) as lock:
        assert lock.locked()
        assert lock.owned()
        lock.extend(5)
        lock.reacquire()
        assert cache.lock("held", timeout=10).acquire(blocking=False) is False
    names = ["lock", "lock.acquire", "lock.locked", "lock.owned", "lock.extend", "lock.reacquire"]
    names += ["lock", "lock.acquire", "lock.release"]
    assert [call.operation for call in notes.calls] == names
    assert {call.keys for call in notes.calls} == {("held",)}
    assert {call.source for call in notes.calls if "." in call.operation} == {"server"}
    notes.calls.clear()

    async def go() -> None:
        async with cache.alock("held", timeout=10) as lock:
            assert await lock.locked()
            assert await lock.owned()
            await lock.extend(5)
            await lock.reacquire()

    asyncio.run(go())
    assert [call.operation for call in notes.calls] == [*names[:6], "lock.release"]
    assert {call.way for call in notes.calls} == {"asyncio"}


def test_copies_of_near_are_told_as_such(observed: MakeObserved, way: str) -> None:
    cache, notes = observed({"CLIENT": "near", "NEAR_TTL": 60})
    cache.set_many({"a": 1, "b": 2})
    wait_until(lambda: all(one is True for one in _heard(cache).values()), "near is heard")

    with new_loop() as loop:
        caller = Caller(cache, way, loop)
        for _ in range(3):
            caller.run("get", "a")
        notes.told(), notes.travelled()
        assert caller.run("get", "a", "default") == 1
        assert caller.run("get_or_set", "a", 5) == 1
        assert caller.run("has_key", "a") is True
        told = [one for one in notes.told() if "." not in one[0]]
        assert [(name, *rest) for name, _, *rest in told] == [
            ("get", 1, 0, "copy"), ("get_or_set", 1, 0, "copy"), ("has_key", 1, 0, "copy"),
        ]  # fmt: skip
        if "pipeline" not in way:  # whose neighbours have to ask
            assert notes.travelled() == []
        assert caller.run("get_many", ["a", "b"]) == {"a": 1, "b": 2}
        told = [one for one in notes.told() if "." not in one[0]]
        assert [(name, *rest) for name, _, *rest in told] == [("get_many", 2, 0, "server")]


def _heard(cache: RedisCache) -> dict[str, Any]:
    cache.get("nothing")
    tracking: dict[str, Any] = cache.client.near_info().tracking  # type: ignore[attr-defined]
    return tracking


class Lengths(Client):
    name = "lengths"

    @operation(fallback=argument("absent"), lookup=by_default("absent"))
    def length(self, key: Any, *, absent: Any = -1) -> Operation[int]:
        """How long an entry is."""
        data = yield GET(self.naming.make(key))
        return absent if data is None else len(data)

    @operation(fallback=always(dict), lookup=by_keys("names"), keys=("names",))
    def lengths(self, unit: int, names: Any) -> Operation[dict[str, int]]:
        """Those of several."""
        given = list(names)
        replies = yield MGET([self.naming.make(name) for name in given])
        return {
            name: len(data) // unit
            for name, data in zip(given, replies, strict=True)
            if data is not None
        }

    @operation(fallback=argument("default"))
    def get(
        self, key: Any, default: Any = None, version: Any = None, **more: Any
    ) -> Operation[Any]:
        return (yield from super().get(key, default, version, **more))


def test_operations_that_a_plugin_adds(observed: MakeObserved, way: str) -> None:
    cache, notes = observed({"CLIENT": Lengths})
    cache.set_many({"a": 1, "b": 22})
    with new_loop() as loop:
        caller = Caller(cache, way, loop)
        notes.told()
        assert caller.run("length", "a") == 1
        assert caller.run("length", "none") == -1
        assert caller.run("length", "none", absent=0) == 0
        assert caller.run("lengths", 1, iter(["a", "b", "none"])) == {"a": 1, "b": 2}
        assert caller.run("get", "none", 5) == 5
        told = [one for one in notes.mine() if "." not in one.operation]
    assert [(one.operation, one.hits, one.misses) for one in told] == [
        ("length", 1, 0), ("length", 0, 1), ("length", 0, 1), ("lengths", 2, 1), ("get", 0, 1),
    ]  # fmt: skip
    assert [one.arguments.get("absent") for one in told[:3]] == [None, None, 0]


def test_a_lookup_by_an_argument_that_is_not_there_is_refused() -> None:
    with pytest.raises(TypeError, match=r"fetch has no argument 'default', .* it has key"):

        @operation(fallback=None, lookup=by_default())
        def fetch(self: Any, key: Any) -> Operation[None]:
            """Reads it."""
            yield from ()


def test_a_client_of_the_callers_own(observed: MakeObserved, redis_server: Server) -> None:
    cache, notes = observed()
    with redis.Redis(port=redis_server.port) as client:
        cache.set("k", 1, client=client)
        assert cache.get("k", client=client) == 1
    assert notes.told() == [
        ("set", "blocking", 0, 0, "server"),
        ("get", "blocking", 1, 0, "server"),
    ]
    assert [(trip.server, trip.port, trip.role) for trip in notes.trips] == [
        ("Redis", redis_server.port, "")
    ] * 2


def test_an_operation_that_is_no_generator_is_told_of(observed: MakeObserved) -> None:
    class Plain(Client):
        name = "plain"

        def get(self, key: Any, default: Any = None, version: Any = None) -> Any:
            return 5

    cache, notes = observed({"CLIENT": Plain})
    with pytest.raises(TypeError, match=r"get\(\) of the client 'plain' .* returned an int"):
        cache.get("k")
    assert [type(call.error) for call in notes.calls] == [AttributeError]


def test_who_overrides_nothing_costs_nothing(make_cache: MakeCache) -> None:
    plain, idle = make_cache(), make_cache({"OBSERVERS": Observer2})
    assert type(idle._driver) is type(plain._driver)
    assert type(idle._driver.execute) is type(plain._driver.execute)
    assert type(idle.pipeline()) is type(plain.pipeline())
    calls = make_cache({"OBSERVERS": CallsOnly})
    assert type(calls._driver) is not type(plain._driver)
    assert type(calls._driver.execute) is type(plain._driver.execute)


class Observer2(Observer):
    name = "idle"


def test_several_observers_nest(make_cache: MakeCache) -> None:
    order: list[str] = []

    class Outer(Notes):
        name = "outer"

        def operation(self, call: Any) -> Any:
            order.append(f"{self.name} begins")
            return lambda call: order.append(f"{self.name} ends")

    class Inner(Outer):
        name = "inner"

    class Sampling(Outer):
        name = "sampling"

        def operation(self, call: Any) -> None:
            return None

    cache = make_cache({"OBSERVERS": [Outer, Sampling, Inner]})
    cache.get("k")
    assert order == ["outer begins", "inner begins", "inner ends", "outer ends"]


class AlsoEnds(EndsOnly):
    name = "also ends"


@pytest.mark.parametrize("beside", [[], [Notes], [AlsoEnds]], ids=["alone", "begins", "ends"])
def test_who_wants_the_end_alone_is_told_the_same(make_cache: MakeCache, beside: Any) -> None:
    told: list[Any] = []
    for observer in (Notes, EndsOnly):
        cache = make_cache({"OBSERVERS": [observer, *beside]}, KEY_PREFIX="ends")
        notes: Any = cache._engine.observers.all[0]  # type: ignore[union-attr]
        everything(cache)  # connects, and knows the scripts
        with new_loop() as loop:
            loop.run_until_complete(aeverything(cache))
            notes.calls.clear()
            notes.trips.clear()
            everything(cache)
            loop.run_until_complete(aeverything(cache))
        assert cache.get("none", 1) == 1
        told.append((notes.told(), notes.travelled()))
    assert told[0] == told[1]
    assert len(told[0][0]) > 30
    begun = [event for event, _ in notes.order if event == "begins"]
    assert not begun


def test_who_is_told_of_both(make_cache: MakeCache) -> None:
    order: list[str] = []

    class Both(Observer):
        name = "both"

        def operation(self, call: Any) -> Any:
            order.append("begins")
            return lambda call: order.append("is over")

        def operation_ended(self, call: Any) -> None:
            order.append(f"ended with {call.misses}")

    make_cache({"OBSERVERS": Both}).get("none")
    assert order == ["begins", "is over", "ended with 1"]


class OwnKeys(RedisCache):
    """A site's backend, whose keys are its own, and one of whose methods is."""

    def make_key(self, key: Any, version: Any = None) -> str:
        return f"own:{super().make_key(key, version)}"

    def has_key(self, key: Any, version: Any = None) -> bool:
        return bool(super().has_key(key, version))


def test_a_backend_of_the_sites_own(redis_server: Server) -> None:
    cache = OwnKeys(redis_server.url, {"KEY_PREFIX": "own", "OPTIONS": {"OBSERVERS": Notes}})
    notes: Any = cache._engine.observers.all[0]  # type: ignore[union-attr]
    cache.set("k", 1)
    assert cache.has_key("k")
    with cache.pipeline() as pipe:
        found = pipe.get("k")
    assert found.value == 1
    assert asyncio.run(cache.aget("none", 2)) == 2
    with cache.lock("held", timeout=5):
        pass
    assert [one.operation for one in notes.calls] == [
        "set", "has_key", "get", "pipeline.execute", "get", "lock", "lock.acquire", "lock.release",
    ]  # fmt: skip
    assert all("own:" in str(trip.arguments) for trip in notes.trips)
    cache.delete_many(["k", "none"])
