"""Spans: their names, kinds and attributes, and what lies below what."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from opentelemetry import trace
from opentelemetry.context import get_current
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode

from django_redis_core.exceptions import ConnectionInterrupted, WrongTypeError
from django_redis_core.testing.caller import new_loop
from django_redis_core.testing.servers import Server

from .conftest import MakeCache, Spans

NOWHERE = "redis://127.0.0.1:1/3"


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def test_a_get_and_its_round_trip(spans: Spans, traced: MakeCache, redis_server: Server) -> None:
    cache = traced(LOCATION=f"redis://127.0.0.1:{redis_server.port}/0")
    cache.set("k", "x" * 100)
    spans()
    assert cache.get("k") == "x" * 100
    operation, trip = spans()
    assert operation.name == "cache.get"
    assert operation.kind is SpanKind.INTERNAL
    stored = attributes(operation).pop("django_redis_core.value_bytes")
    assert attributes(operation) == {
        "django_redis_core.alias": cache._engine.alias,
        "django_redis_core.operation": "get",
        "django_redis_core.way": "blocking",
        "django_redis_core.source": "server",
        "django_redis_core.hits": 1,
        "django_redis_core.misses": 0,
        "django_redis_core.value_bytes": stored,
    }
    assert 100 < stored < 130
    assert trip.name == "GET"
    assert trip.kind is SpanKind.CLIENT
    assert attributes(trip) == {
        "db.system.name": "redis",
        "db.namespace": "0",
        "db.operation.name": "GET",
        "server.address": "127.0.0.1",
        "server.port": redis_server.port,
        "django_redis_core.role": "primary",
    }
    assert trip.parent == operation.context
    assert operation.start_time <= trip.start_time <= trip.end_time <= operation.end_time
    assert operation.status.status_code is trip.status.status_code is StatusCode.UNSET
    scope = trip.instrumentation_scope
    assert scope is not None
    assert (scope.name, scope.version) == ("django_redis_core", "1.0.0")


def test_commands_that_go_together_are_a_batch(spans: Spans, traced: MakeCache) -> None:
    cache = traced()
    with cache.pipeline() as pipe:
        pipe.set("a", 1)
        pipe.ttl("b")
    with cache.pipeline() as pipe:
        pipe.ttl("a")
        pipe.ttl("b")
    cache.get_many(["a", "b"])  # is one command
    trips = [span for span in spans() if span.kind is SpanKind.CLIENT]
    sizes = [(one.name, attributes(one).get("db.operation.batch.size")) for one in trips]
    assert sizes == [("PIPELINE", 2), ("PIPELINE TTL", 2), ("MGET", None)]


def test_a_script_is_told_by_its_digest(spans: Spans, traced: MakeCache) -> None:
    cache = traced()
    cache.set("k", 1)
    cache.incr("k")
    with cache.lock("held", timeout=5):
        pass
    scripts = [one for one in spans() if one.name == "EVALSHA"]
    assert scripts
    assert all(len(attributes(one)["db.stored_procedure.name"]) == 40 for one in scripts)


def test_they_nest_below_the_request_and_a_pipelines_below_it(
    spans: Spans, traced: MakeCache
) -> None:
    cache = traced()
    with trace.get_tracer("site").start_as_current_span("GET /book"):
        cache.set("a", 1)
        with cache.pipeline() as pipe:
            pipe.get("a")
            pipe.get("b")
        for _ in cache.iter_keys("*"):
            cache.get("a")  # is no part of the stream
    assert spans.tree() == [
        "GET /book",
        [
            *("cache.set", ["SET"]),
            *("cache.pipeline.execute", ["cache.get", "cache.get", "PIPELINE GET"]),
            *("cache.iter_keys", ["SCAN"]),
            *("cache.get", ["GET"]),
        ],
    ]


def test_nothing_is_left_in_the_context(spans: Spans, traced: MakeCache) -> None:
    cache = traced()
    before = get_current()
    cache.get("k")
    with pytest.raises(ValueError, match="not found"):
        cache.incr("k")
    stream = cache.iter_keys("*")
    next(stream, None)
    assert get_current() is before
    del stream
    assert get_current() is before
    assert not trace.get_current_span().get_span_context().is_valid


def test_streams_that_are_left_end_in_a_context_of_their_own(
    spans: Spans, traced: MakeCache
) -> None:
    cache = traced()
    cache.set_many(dict.fromkeys("abc", 1))
    spans()

    async def left() -> None:
        async for _ in cache.aiter_keys("*"):
            assert not trace.get_current_span().get_span_context().is_valid
            break

    with new_loop() as loop:
        loop.run_until_complete(left())
        loop.run_until_complete(loop.shutdown_asyncgens())
    stream = cache.iter_keys("*")
    next(stream)
    ended = threading.Thread(target=stream.close)
    ended.start()
    ended.join()
    assert spans.tree() == ["cache.iter_keys", ["SCAN"]] * 2


def test_a_time_limit_leaves_no_span_current(
    spans: Spans, traced: MakeCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django_redis_core_opentelemetry import observer

    class Limit(BaseException):
        pass

    cache = traced()
    with monkeypatch.context() as patched, trace.get_tracer("site").start_as_current_span("GET /"):
        before = get_current()

        def strikes(*arguments: Any) -> Any:
            assert trace.get_current_span().get_span_context().is_valid
            assert get_current() is not before
            raise Limit

        patched.setattr(observer, "partial", strikes)
        with pytest.raises(Limit):
            cache.get("k")
        assert get_current() is before
    assert spans.tree() == ["GET /", ["cache.get"]]


def test_tasks_and_threads_have_their_own(spans: Spans, traced: MakeCache) -> None:
    cache = traced()
    tracer = trace.get_tracer("site")

    async def request(number: int) -> None:
        with tracer.start_as_current_span(f"task {number}"):
            await cache.aset(f"k{number}", number)
            assert await cache.aget(f"k{number}") == number

    async def requests() -> None:
        await asyncio.gather(*[request(number) for number in range(20)])

    def work(number: int) -> None:
        with tracer.start_as_current_span(f"thread {number}"):
            for _ in range(10):
                cache.get(f"k{number}")

    with new_loop() as loop:
        loop.run_until_complete(requests())
    tree = spans.tree()
    assert sorted(tree[::2]) == sorted(f"task {number}" for number in range(20))
    assert tree[1::2] == [["cache.set", ["SET"], "cache.get", ["GET"]]] * 20
    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    tree = spans.tree()
    assert sorted(tree[::2]) == [f"thread {number}" for number in range(4)]
    assert tree[1::2] == [["cache.get", ["GET"]] * 10] * 4


def test_a_cancelled_task_ends_its_spans(spans: Spans, traced: MakeCache) -> None:
    with Server() as server:
        cache = traced(LOCATION=server.url)

        async def cancelled() -> None:
            await cache.aget("k")
            spans()
            server.pause()
            waiting = asyncio.create_task(cache.aget("k"))
            await asyncio.sleep(0.02)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            server.resume()

        with new_loop() as loop:
            loop.run_until_complete(cancelled())
        kinds = [(one.name, attributes(one)["error.type"]) for one in spans()]
    assert kinds == [(name, "asyncio.exceptions.CancelledError") for name in ("cache.get", "GET")]


def test_an_outage(spans: Spans, traced: MakeCache) -> None:
    cache = traced({"BREAKER_FAILURES": 2}, LOCATION=NOWHERE)
    kinds = []
    for _ in range(3):
        with pytest.raises(ConnectionInterrupted):
            cache.get("k")
        operation, trip = spans()
        for one in (operation, trip):
            assert one.status.status_code is StatusCode.ERROR
            assert not one.status.description, "words of errors may name keys"
        assert attributes(operation)["error.type"] == attributes(trip)["error.type"]
        kinds.append(attributes(trip)["error.type"])
    assert kinds == ["ConnectionRefusedError"] * 2 + ["django_redis_core.exceptions.CircuitOpen"]
    assert attributes(trip)["db.namespace"] == "3"


def test_a_fallback_is_no_error_of_the_operation(spans: Spans, traced: MakeCache) -> None:
    cache = traced({"IGNORE_EXCEPTIONS": True}, LOCATION=NOWHERE)
    assert cache.get("k", "default") == "default"
    operation, trip = spans()
    assert attributes(operation)["django_redis_core.source"] == "fallback"
    assert "error.type" not in attributes(operation)
    assert operation.status.status_code is StatusCode.UNSET
    assert attributes(trip)["error.type"] == "ConnectionRefusedError"
    assert trip.status.status_code is StatusCode.ERROR


def test_the_servers_code_is_told(spans: Spans, traced: MakeCache) -> None:
    cache = traced()
    cache.lpush("list", 1)
    spans()
    with pytest.raises(WrongTypeError):
        cache.get("list")
    for one in spans():
        assert attributes(one)["error.type"] == "WRONGTYPE"
        assert attributes(one)["db.response.status_code"] == "WRONGTYPE"


def test_a_unix_socket_has_no_port(spans: Spans, traced: MakeCache) -> None:
    cache = traced({"IGNORE_EXCEPTIONS": True}, LOCATION="unix:///nowhere.sock?db=2")
    cache.get("k")
    trip = attributes(spans()[1])
    assert trip["server.address"] == "/nowhere.sock"
    assert trip["network.transport"] == "unix"
    assert "server.port" not in trip
    assert trip["error.type"] == "FileNotFoundError"


def test_keys_stand_there_only_where_an_option_says_so(spans: Spans, traced: MakeCache) -> None:
    keys = [f"user:{number}:" + "x" * 50 for number in range(12)]

    def shown(options: Any) -> list[dict[str, Any]]:
        traced(options).get_many(keys)
        return [attributes(one) for one in spans()]

    for one in shown({}):
        assert "user:" not in str(one)
    operation, _ = shown({"OPENTELEMETRY_KEYS": "shortened", "OPENTELEMETRY_KEY_LENGTH": 8})
    assert operation["django_redis_core.keys"] == tuple(key[:8] + "…" for key in keys[:10])
    assert operation["django_redis_core.key_count"] == 12
    operation, trip = shown({"OPENTELEMETRY_KEYS": "hashed"})
    assert "user:" not in str([operation, trip])
    hashed = operation["django_redis_core.keys"]
    assert len(set(hashed)) == 10
    assert {len(one) for one in hashed} == {16}
    again, _ = shown({"OPENTELEMETRY_KEYS": "hashed"})
    assert again["django_redis_core.keys"] == hashed


@pytest.mark.parametrize(
    ("which", "names"),
    [
        ("all", ["cache.get", ["GET"]]),
        ("operations", ["cache.get"]),
        ("round_trips", ["GET"]),
        ("none", []),
    ],
)
def test_what_has_a_span_is_the_sites_choice(
    spans: Spans, traced: MakeCache, which: str, names: list[Any]
) -> None:
    traced({"OPENTELEMETRY_SPANS": which}).get("k")
    assert spans.tree() == names


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"OPENTELEMETRY_SPANS": "some"}, "OPENTELEMETRY_SPANS must be 'all' or 'operations' or"),
        ({"OPENTELEMETRY_KEYS": True}, "OPENTELEMETRY_KEYS must be 'none' or 'hashed' or"),
        ({"OPENTELEMETRY_KEY_LENGTH": 0}, "OPENTELEMETRY_KEY_LENGTH must be an int of at least 1"),
        (
            {"OBSERVERS": {"NAME": "opentelemetry", "OPTIONS": {"opentelemetry_keys": "plain"}}},
            "must be 'none' or 'hashed' or",
        ),
    ],
)
def test_other_values_are_refused(traced: MakeCache, options: Any, words: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=words):
        traced(options).get("k")
