"""Where the site has set up no SDK, or sets it up after its caches."""

from __future__ import annotations

import subprocess
import sys

BEGIN = """
import django
from django.conf import settings
settings.configure(CACHES={"default": {"BACKEND": "django_redis_core.cache.RedisCache",
    "LOCATION": "redis://127.0.0.1:1/0", "OPTIONS": {"OBSERVERS": "opentelemetry",
    "IGNORE_EXCEPTIONS": True}}})
django.setup()
from django.core.cache import cache
from django_redis_core_opentelemetry.observer import OpenTelemetryObserver
begun = []
for name in ("operation", "round_trip"):
    def told(self, subject, plain=getattr(OpenTelemetryObserver, name)):
        end = plain(self, subject)
        begun.append(end)
        return end
    setattr(OpenTelemetryObserver, name, told)
cache.get("k")
assert begun == [None, None], begun
"""


def test_nothing_is_made_and_nothing_is_asked_to_end() -> None:
    _run(BEGIN)


def test_an_sdk_that_is_set_up_later_is_told() -> None:
    _run(
        BEGIN
        + """
import time
from django_redis_core_opentelemetry import exporting
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

exporter, reader, provider = InMemorySpanExporter(), InMemoryMetricReader(), TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
trace.set_tracer_provider(provider)
metrics.set_meter_provider(MeterProvider([reader]))
time.sleep(exporting.INTERVAL)
cache.get("k")
assert [span.name for span in exporter.get_finished_spans()] == ["GET", "cache.get"]
(resource,) = reader.get_metrics_data().resource_metrics
(scope,) = resource.scope_metrics
assert scope.scope.name == "django_redis_core"
assert "django_redis_core.breaker.failures" in {metric.name for metric in scope.metrics}
"""
    )


def _run(program: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
