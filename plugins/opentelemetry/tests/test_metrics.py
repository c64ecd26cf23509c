"""Metrics: what operations and round trips add up to, and the state of caches."""

from __future__ import annotations

import pytest

from django_redis_core.exceptions import ConnectionInterrupted
from django_redis_core.testing.caller import new_loop
from django_redis_core.testing.servers import Server

from .conftest import MakeCache, Measured, of

#: A server that no other test has tried: breakers are a server's.
NOWHERE = "redis://127.0.0.1:2/0"


def test_round_trips_are_the_conventions_histogram(traced: MakeCache, measured: Measured) -> None:
    cache = traced()
    cache.set("k", 1)
    cache.get("k")
    cache.get("k")
    points = measured()["db.client.operation.duration"]
    (get,) = [
        point for attributes, point in points.items() if ("db.operation.name", "GET") in attributes
    ]
    assert get.count == 2
    assert 0 < get.sum < 30
    assert get.explicit_bounds == (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10)
    names = {name for attributes in points for name, _ in attributes}
    assert names == {
        *("db.system.name", "db.namespace", "db.operation.name"),
        *("server.address", "server.port"),
    }


def test_operations_hits_and_misses(traced: MakeCache, measured: Measured) -> None:
    cache = traced()
    cache.set_many({"a": 1, "b": 2})
    cache.get_many(["a", "b", "c"])
    cache.get("a")
    with cache.pipeline() as pipe:
        pipe.get("a")
        pipe.get("nothing")
    seen = measured()
    lookups = seen["django_redis_core.lookups"]
    assert [one.value for one in of(lookups, operation="get_many", result="hit")] == [2]
    assert [one.value for one in of(lookups, operation="get_many", result="miss")] == [1]
    assert [one.value for one in of(lookups, operation="get", result="hit")] == [2]
    assert [one.value for one in of(lookups, operation="get", result="miss")] == [1]
    durations = seen["django_redis_core.operation.duration"]
    assert [one.count for one in of(durations, operation="get", source="server")] == [3]
    assert [one.count for one in of(durations, operation="pipeline.execute")] == [1]


def test_an_outage_is_told_with_its_breaker(traced: MakeCache, measured: Measured) -> None:
    options = {"BREAKER_FAILURES": 2, "IGNORE_EXCEPTIONS": True}
    cache = traced(options, LOCATION=NOWHERE)
    for _ in range(3):
        cache.get("k")
    with pytest.raises(ConnectionInterrupted):
        cache.add("k", 1)
    seen = measured()
    durations = seen["django_redis_core.operation.duration"]
    assert [one.count for one in of(durations, source="fallback")] == [3]
    assert [one.count for one in of(durations, operation="add", source="")] == [1]
    kinds = [
        (value, point.count)
        for attributes, point in seen["db.client.operation.duration"].items()
        for name, value in attributes
        if name == "error.type" and ("db.operation.name", "GET") in attributes
    ]
    assert sorted(kinds) == [
        ("ConnectionRefusedError", 2),
        ("django_redis_core.exceptions.CircuitOpen", 1),
    ]
    assert [one.value for one in of(seen["django_redis_core.breaker.open"], server=NOWHERE)] == [1]
    failures = of(seen["django_redis_core.breaker.failures"], server=NOWHERE)
    assert [one.value >= 2 for one in failures] == [True]


def test_connections_are_counted_by_state(traced: MakeCache, measured: Measured) -> None:
    with Server() as server, new_loop() as loop:
        cache = traced(LOCATION=server.url)
        cache.get("k")
        loop.run_until_complete(cache.aget("k"))
        points = measured()["db.client.connection.count"]
        found = {
            (pool, state): of(points, name=pool, state=state)[0].value
            for pool, state in (
                (server.url, "idle"),
                (server.url, "used"),
                (f"{server.url} asyncio", "used"),
            )
        }
    assert list(found.values()) == [1, 0, 1]


def test_a_value_that_cannot_be_read(traced: MakeCache, measured: Measured) -> None:
    cache = traced()
    cache.raw_client().set(cache.make_key("k"), b"no pickle")
    assert cache.get("k") is None
    assert sum(one.value for one in of(measured()["django_redis_core.values.unreadable"])) == 1


def test_a_cache_that_is_gone_is_not_told_of(traced: MakeCache, measured: Measured) -> None:
    from django_redis_core.interfaces import Number
    from django_redis_core_opentelemetry import state

    alive = [Number("breaker_open", 1, "redis://gone:1/0")]
    state.CACHES.remember("gone", lambda: alive)
    assert of(measured()["django_redis_core.breaker.open"], alias="gone")
    alive.clear()
    assert not of(measured()["django_redis_core.breaker.open"], alias="gone")
    state.CACHES.remember("other", list)
    assert [alias for alias, _ in state.CACHES._caches if alias == "gone"] == []
