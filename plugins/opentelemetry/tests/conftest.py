"""The SDK, which takes spans and measurements into memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider, ObservableCounter
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from django_redis_core.cache import RedisCache

pytest_plugins = ["django_redis_core.testing.fixtures"]

MakeCache = Callable[..., RedisCache]


@pytest.fixture(scope="session")
def _exporter() -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    return exporter


@pytest.fixture(scope="session")
def _reader() -> InMemoryMetricReader:
    delta = dict.fromkeys((Counter, Histogram, ObservableCounter), AggregationTemporality.DELTA)
    reader = InMemoryMetricReader(preferred_temporality=delta)
    metrics.set_meter_provider(MeterProvider([reader], shutdown_on_exit=False))
    return reader


class Spans:
    """What ended since the last look, in the order of the beginnings."""

    def __init__(self, exporter: InMemorySpanExporter) -> None:
        self._exporter = exporter

    def __call__(self) -> list[ReadableSpan]:
        spans = sorted(self._exporter.get_finished_spans(), key=lambda span: span.start_time or 0)
        self._exporter.clear()
        return spans

    def tree(self) -> list[Any]:
        """The names, each with those below it: ``["cache.get", ["GET"]]``."""
        spans = self()
        below: dict[int | None, list[ReadableSpan]] = {}
        for span in spans:
            below.setdefault(span.parent and span.parent.span_id, []).append(span)
        known = {span.context.span_id for span in spans if span.context}
        tops = [span for span in spans if not span.parent or span.parent.span_id not in known]

        def named(some: list[ReadableSpan]) -> list[Any]:
            names: list[Any] = []
            for span in some:
                names.append(span.name)
                if inner := below.get(span.context and span.context.span_id):
                    names.append(named(inner))
            return names

        return named(tops)


Measured = Callable[[], dict[str, dict[frozenset[tuple[str, Any]], Any]]]


@pytest.fixture
def spans(_exporter: InMemorySpanExporter) -> Iterator[Spans]:
    _exporter.clear()
    yield Spans(_exporter)
    _exporter.clear()


@pytest.fixture
def measured(_reader: InMemoryMetricReader) -> Measured:
    """``measured()``: since the last look, by metric and attributes."""

    def look() -> dict[str, dict[frozenset[tuple[str, Any]], Any]]:
        found: dict[str, dict[frozenset[tuple[str, Any]], Any]] = {}
        data = _reader.get_metrics_data()
        for resource in data.resource_metrics if data else ():
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    points = found.setdefault(metric.name, {})
                    for point in metric.data.data_points:
                        points[frozenset((point.attributes or {}).items())] = point
        return found

    look()
    return look


def of(points: Mapping[frozenset[tuple[str, Any]], Any], **wanted: Any) -> list[Any]:
    """The points whose attributes have these values; an underscore stands for a dot."""
    found = []
    for attributes, point in points.items():
        given = {name.rpartition(".")[2]: value for name, value in attributes}
        if all(given.get(name) == value for name, value in wanted.items()):
            found.append(point)
    return found


@pytest.fixture
def traced(make_cache: MakeCache) -> MakeCache:
    """``traced(options, **entry)``: a cache with the observer."""

    def make(options: Any = None, **entry: Any) -> RedisCache:
        return make_cache({"OBSERVERS": "opentelemetry", **(options or {})}, **entry)

    return make


@pytest.fixture(autouse=True)
def _nothing_is_taken_back_elsewhere(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """The API logs where a context is not the one in which a span was made current."""
    yield
    for when in ("setup", "call"):
        logged = [one for one in caplog.get_records(when) if "opentelemetry" in one.name]
        assert not logged, [one.getMessage() for one in logged]
