"""The metrics: those of the semantic conventions for database clients, and our own.

https://opentelemetry.io/docs/specs/semconv/db/database-metrics/
"""

from __future__ import annotations

from typing import Final

from opentelemetry.metrics import Meter

from . import state

#: In seconds; those that the conventions advise.
BOUNDARIES: Final = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10)

#: The same with shorter ones: a copy in memory is answered in microseconds.
SHORT_BOUNDARIES: Final = (0.00001, 0.0001, *BOUNDARIES)


class Instruments:
    """Those of one meter. The state of the caches is asked for as the site's reader collects."""

    def __init__(self, meter: Meter) -> None:
        self.round_trips = meter.create_histogram(
            "db.client.operation.duration",
            unit="s",
            description="Duration of database client operations.",
            explicit_bucket_boundaries_advisory=BOUNDARIES,
        )
        self.operations = meter.create_histogram(
            "django_redis_core.operation.duration",
            unit="s",
            description="Duration of the operations of a cache.",
            explicit_bucket_boundaries_advisory=SHORT_BOUNDARIES,
        )
        self.lookups = meter.create_counter(
            "django_redis_core.lookups",
            unit="{key}",
            description="Keys that were looked up, and were there or not.",
        )
        for one in state.OBSERVED:
            make = {
                "counter": meter.create_observable_counter,
                "gauge": meter.create_observable_gauge,
                "updowncounter": meter.create_observable_up_down_counter,
            }[one.instrument]
            make(one.name, [one.observe], one.unit, one.description)
