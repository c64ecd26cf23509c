"""The metrics of this process, in Prometheus' default registry.

Counters and histograms alone: where several processes are one site (PROMETHEUS_MULTIPROC_DIR), they
add up. https://prometheus.io/docs/practices/naming/
"""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Histogram

#: Seconds: a copy in memory, a server beside, one that is far, a timeout.
BUCKETS: Final = (
    *(0.00001, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005),
    *(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0),
)

OPERATIONS: Final = Counter(
    "django_redis_core_operations_total",
    "Operations of a cache, by how they ended.",
    ("alias", "operation", "outcome", "family"),
)
SECONDS: Final = Histogram(
    "django_redis_core_operation_duration_seconds",
    "Seconds that operations of a cache took.",
    ("alias", "operation", "outcome"),
    buckets=BUCKETS,
)
LOOKUPS: Final = Counter(
    "django_redis_core_lookups_total",
    "Keys that were looked up, and were there or not.",
    ("alias", "operation", "result", "source", "family"),
)
ERRORS: Final = Counter(
    "django_redis_core_errors_total",
    "Operations that raised an error, or answered with a fallback because of one.",
    ("alias", "operation", "error", "code"),
)
ROUND_TRIPS: Final = Histogram(
    "django_redis_core_round_trip_duration_seconds",
    "Seconds from before a connection was taken to the last reply.",
    ("alias", "server", "command", "outcome"),
    buckets=BUCKETS,
)
CONNECTIONS_OPENED: Final = Counter(
    "django_redis_core_connections_opened_total",
    "Round trips for which a connection was opened.",
    ("alias", "server"),
)
VALUES_UNREADABLE: Final = Counter(
    "django_redis_core_values_unreadable_total",
    "Stored values that could not be read, and counted as misses.",
    ("alias", "error"),
)
PARTIAL_FAILURES: Final = Counter(
    "django_redis_core_partial_failures_total",
    "Operations over several servers that some of them did not serve.",
    ("alias",),
)
CIRCUIT_OPENED: Final = Counter(
    "django_redis_core_circuit_opened_total",
    "How often a server failed and was given up for a while.",
    ("server",),
)
CIRCUIT_CLOSED: Final = Counter(
    "django_redis_core_circuit_closed_total",
    "How often such a server worked again.",
    ("server",),
)
