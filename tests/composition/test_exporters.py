"""What OpenTelemetry and Prometheus are told where answers come from several places: copies, shards
of which one is away, the nodes of a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import inf
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import REGISTRY

from django_redis_core.cache import RedisCache
from django_redis_core.testing.clients import wait_until
from django_redis_core.testing.cluster import Cluster
from django_redis_core.testing.fixtures import MakeCache
from django_redis_core_opentelemetry.exporting import exporting
from django_redis_core_opentelemetry.instruments import Instruments

NOWHERE = "redis://127.0.0.1:3/0"
BOTH = {"OBSERVERS": ["opentelemetry", "prometheus"]}

Spans = Callable[[], list[ReadableSpan]]


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemoryMetricReader]:
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    monkeypatch.setattr(exporting, "_again", inf)  # and not what the process has set up
    monkeypatch.setattr(exporting, "instruments", Instruments(provider.get_meter("tests")))
    yield reader
    provider.shutdown()


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch, reader: InMemoryMetricReader) -> Spans:
    """``spans()``: those that ended since the last look, by their beginnings."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(exporting, "tracer", provider.get_tracer("tests"))

    def ended() -> list[ReadableSpan]:
        found = sorted(exporter.get_finished_spans(), key=lambda span: span.start_time or 0)
        exporter.clear()
        return found

    return ended


def of(span: ReadableSpan, name: str) -> Any:
    return (span.attributes or {}).get(name)


def total(name: str, **labels: str) -> float:
    """What Prometheus' registry has of a metric, over all series with ``labels``."""
    return sum(
        sample.value
        for metric in REGISTRY.collect()
        for sample in metric.samples
        if sample.name == f"django_redis_core_{name}" and labels.items() <= sample.labels.items()
    )


def test_a_copy_is_an_operation_without_a_round_trip(
    make_cache: MakeCache, spans: Spans, reader: InMemoryMetricReader
) -> None:
    cache: RedisCache = make_cache({**BOTH, "CLIENT": "near", "NEAR_LEASE": 30, "NEAR_TTL": 60})
    cache.set("k", 1)
    copies = total("lookups_total", source="copy", result="hit")
    last: list[ReadableSpan] = []

    def copied() -> bool:
        spans()
        assert cache.get("k") == 1
        last[:] = spans()
        return len(last) == 1

    wait_until(copied, "a copy")
    (span,) = last
    assert of(span, "django_redis_core.source") == "copy"
    assert of(span, "django_redis_core.hits") == 1
    assert total("lookups_total", source="copy", result="hit") == copies + 1
    data = reader.get_metrics_data()
    assert data is not None
    metrics = {one.name: one for one in data.resource_metrics[0].scope_metrics[0].metrics}
    assert [
        point.value for point in metrics["django_redis_core.near.entries"].data.data_points
    ] == [total("near_entries")]
    assert total("near_entries") >= 1
    assert total("near_bytes") > 0
    assert total("near_lookups_total", result="hit") >= 1


def test_shards_of_which_one_is_away(
    make_cache: MakeCache, spans: Spans, redis_server: Any
) -> None:
    cache = make_cache({**BOTH, "CLIENT": "shard"}, LOCATION=[redis_server.url, NOWHERE])
    failures = total("partial_failures_total")
    cache.get_many([f"k{number}" for number in range(20)])
    operation, *trips = spans()
    assert of(operation, "error.type") is None
    assert sorted(of(trip, "error.type") or "" for trip in trips) == ["", "ConnectionRefusedError"]
    assert [trip.parent for trip in trips] == [operation.context] * len(trips)
    assert total("partial_failures_total") == failures + 1


def test_each_node_of_a_cluster_is_a_round_trip_below_its_operation(
    make_cache: MakeCache, spans: Spans, three_nodes: Cluster
) -> None:
    cache = make_cache({**BOTH, "CONNECTION_FACTORY": "cluster"}, LOCATION=three_nodes.urls[0])
    cache.set_many({f"k{number}": number for number in range(30)})
    spans()
    assert len(cache.get_many([f"k{number}" for number in range(30)])) == 30
    operation, *trips = spans()
    assert of(operation, "django_redis_core.hits") == 30
    ports = {node.port for node in three_nodes.nodes}
    assert {of(trip, "server.port") for trip in trips} == ports
    assert [trip.parent for trip in trips] == [operation.context] * len(trips)
    assert {trip.name.split()[-1] for trip in trips} <= {"GET", "MGET", "PIPELINE"}
