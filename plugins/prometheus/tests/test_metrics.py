"""What is counted of operations, keys, errors and round trips, and the state of caches."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from prometheus_client import REGISTRY, generate_latest

from django_redis_core.exceptions import ConnectionInterrupted, WrongTypeError
from django_redis_core.testing.caller import new_loop
from django_redis_core.testing.servers import Server
from django_redis_core_prometheus.observer import PrometheusObserver

from .conftest import Counted, MakeCache

#: A server that no other test has tried: breakers are a server's.
NOWHERE = "redis://127.0.0.1:4/0"


def test_operations_by_outcome_in_every_way(measured: MakeCache, counted: Counted) -> None:
    cache = measured()
    cache.set("a", 1)
    assert cache.get("a") == 1
    assert cache.get("nothing") is None
    assert cache.get_many(["a", "nothing"]) == {"a": 1}
    with cache.pipeline() as pipe:
        pipe.get("a")

    async def native() -> None:
        await cache.aget("a")

    with new_loop() as loop:
        loop.run_until_complete(native())
    assert counted("operations_total", "operation", "outcome") == {
        ("set", "ok"): 1,
        ("get", "hit"): 3,
        ("get", "miss"): 1,
        ("get_many", "partial"): 1,
        ("pipeline.execute", "ok"): 1,
    }
    assert counted("operation_duration_seconds_count", "outcome", operation="get") == {
        "hit": 3,
        "miss": 1,
    }
    assert 0 < sum(counted("operation_duration_seconds_sum").values()) < 5
    assert counted("lookups_total", "operation", "result", "source") == {
        ("get", "hit", "server"): 3,
        ("get", "miss", "server"): 1,
        ("get_many", "hit", "server"): 1,
        ("get_many", "miss", "server"): 1,
    }
    assert {dict(key)["alias"] for _, key in _series("operations_total")} == {cache._engine.alias}


def _series(name: str) -> list[tuple[str, Any]]:
    from .conftest import samples

    return [one for one in samples() if one[0] == f"django_redis_core_{name}"]


def test_threads_lose_no_count(measured: MakeCache, counted: Counted) -> None:
    cache = measured()

    def work() -> None:
        for _ in range(100):
            cache.get("nothing")

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counted("lookups_total", "result") == {"miss": 800}
    assert counted("operations_total", "outcome") == {"miss": 800}


def test_round_trips_by_server_and_command(
    measured: MakeCache, counted: Counted, redis_server: Server
) -> None:
    cache = measured()
    cache.set("a", 1)
    with cache.pipeline() as pipe:
        pipe.get("a")
        pipe.get("b")
    trips = counted("round_trip_duration_seconds_count", "server", "command", "outcome")
    assert trips == {
        (redis_server.url, "SET", "ok"): 1,
        (redis_server.url, "PIPELINE", "ok"): 1,
    }


def test_round_trips_are_left_out_where_an_option_says_so(
    measured: MakeCache, counted: Counted
) -> None:
    cache = measured({"PROMETHEUS_ROUND_TRIPS": False})
    cache.get("a")
    assert counted("operations_total") == {(): 1}
    assert not counted("round_trip_duration_seconds_count")
    assert not cache._engine.observers.trips, "nobody pays for what nobody wants to know"

    class OfTheSite(PrometheusObserver):
        pass

    own = {"OBSERVERS": {"NAME": OfTheSite, "OPTIONS": {"prometheus_round_trips": False}}}
    measured(own).get("a")
    assert type(measured(own)._engine.observers.all[0]) is OfTheSite
    assert not counted("round_trip_duration_seconds_count")


def test_an_outage(measured: MakeCache, counted: Counted) -> None:
    options = {"BREAKER_FAILURES": 2, "IGNORE_EXCEPTIONS": True}
    cache = measured(options, LOCATION=NOWHERE)
    for _ in range(3):
        assert cache.get("k", "default") == "default"
    with pytest.raises(ConnectionInterrupted):
        cache.add("k", 1)
    assert counted("operations_total", "operation", "outcome") == {
        ("get", "fallback"): 3,
        ("add", "error"): 1,
    }
    assert counted("errors_total", "operation", "error") == {
        ("get", "ConnectionInterrupted"): 2,
        ("get", "CircuitOpen"): 1,
        ("add", "CircuitOpen"): 1,
    }
    assert counted("round_trip_duration_seconds_count", "server", "outcome") == {
        (NOWHERE, "error"): 4
    }
    assert counted("circuit_opened_total", "server") == {NOWHERE: 1}
    assert not counted("lookups_total")
    assert counted.now("breaker_open", "server")[NOWHERE,] == 1
    assert counted.now("breaker_failures", "server")[NOWHERE,] >= 2


def test_errors_by_class_and_the_servers_code(measured: MakeCache, counted: Counted) -> None:
    with Server() as server:
        cache = measured(LOCATION=server.url)
        cache.lpush("list", 1)
        with pytest.raises(WrongTypeError):
            cache.get("list")
        with pytest.raises(ValueError, match="not found"):
            cache.incr("nothing")
        server.cli("CONFIG", "SET", "maxmemory", "1")
        with pytest.raises(ConnectionInterrupted):
            cache.set("k", "x" * 100)
    assert counted("errors_total", "error", "code") == {
        ("WrongTypeError", ""): 1,
        ("ValueError", ""): 1,
        ("ServerRefused", "OOM"): 1,
    }


def test_a_value_that_cannot_be_read(measured: MakeCache, counted: Counted) -> None:
    cache = measured()
    cache.raw_client().set(cache.make_key("k"), b"no pickle")
    assert cache.get("k") is None
    assert list(counted("values_unreadable_total", "alias").values()) == [1]
    assert counted("lookups_total", "result") == {"miss": 1}


def test_connections_are_counted_by_state(measured: MakeCache, counted: Counted) -> None:
    with Server() as server, new_loop() as loop:
        cache = measured(LOCATION=server.url)
        cache.set("k", 1)
        loop.run_until_complete(cache.aset("other", 1))
        states = counted.now("connections", "server", "kind", "state")
        assert states[server.url, "blocking", "idle"] == 1
        assert states[server.url, "blocking", "in_use"] == 0
        assert states[server.url, "asyncio", "in_use"] == 1
        opened = counted("connections_opened_total", "server")
        assert opened == {server.url: 2}


FAMILIES = {"user": "user:*", "page": ["page:*", "menu"]}


def test_keys_are_counted_by_the_families_that_an_option_names(
    measured: MakeCache, counted: Counted
) -> None:
    cache = measured({"PROMETHEUS_FAMILIES": FAMILIES})
    cache.set("user:1", 1)
    cache.get("user:1")
    cache.get("menu")
    cache.get("basket")
    cache.get_many(["page:1", "menu"])
    cache.get_many(["page:1", "user:1"])
    list(cache.iter_keys("*"))
    assert counted("lookups_total", "family", "result") == {
        ("user", "hit"): 1,
        ("page", "miss"): 3,
        ("other", "miss"): 1,
        ("several", "hit"): 1,
        ("several", "miss"): 1,
    }
    assert counted("operations_total", "operation", "family") == {
        ("set", "user"): 1,
        ("get", "user"): 1,
        ("get", "page"): 1,
        ("get", "other"): 1,
        ("get_many", "page"): 1,
        ("get_many", "several"): 1,
        ("iter_keys", ""): 1,
    }


def test_a_list_of_patterns_names_the_families_by_themselves(
    measured: MakeCache, counted: Counted
) -> None:
    cache = measured({"PROMETHEUS_FAMILIES": ["user:[0-9]*", "user:*"]})
    cache.get("user:1")
    cache.get("user:x")
    assert counted("lookups_total", "family") == {"user:[0-9]*": 1, "user:*": 1}


def test_without_families_no_key_is_looked_at(measured: MakeCache, counted: Counted) -> None:
    measured().get("user:1")
    assert counted("lookups_total", "family") == {"": 1}
    assert b"user:1" not in generate_latest(REGISTRY)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"PROMETHEUS_FAMILIES": "user:*"}, "must be a dict of families and their patterns"),
        ({"PROMETHEUS_FAMILIES": {}}, "must be a dict of families and their patterns"),
        ({"PROMETHEUS_FAMILIES": {"user": 1}}, "must be a dict of families and their patterns"),
        ({"PROMETHEUS_FAMILIES": {"user": []}}, "must be a dict of families and their patterns"),
        ({"PROMETHEUS_FAMILIES": {"other": "x*"}}, "'other' is what the plugin itself calls"),
        ({"PROMETHEUS_FAMILIES": [f"f{n}:*" for n in range(51)]}, "of 50 families at most"),
        ({"PROMETHEUS_ROUND_TRIPS": 1}, "PROMETHEUS_ROUND_TRIPS must be True or False, not 1"),
        (
            {"OBSERVERS": {"NAME": "prometheus", "OPTIONS": {"prometheus_families": [1]}}},
            "must be a dict of families and their patterns",
        ),
    ],
)
def test_other_values_are_refused(measured: MakeCache, options: Any, words: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=words):
        measured(options).get("k")
