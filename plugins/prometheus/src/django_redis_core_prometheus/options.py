"""What can be set, with the defaults that the README repeats."""

from __future__ import annotations

from django_redis_core.interfaces import Option, boolean

from .families import families

OPTIONS = (
    Option(
        "PROMETHEUS_FAMILIES",
        "prometheus_families",
        families,
        None,
        doc="Patterns of keys, by the name that the family has in metrics, or a list of patterns.",
    ),
    Option(
        "PROMETHEUS_ROUND_TRIPS",
        "prometheus_round_trips",
        boolean,
        True,
        doc="Whether round trips to servers are measured, beside operations.",
    ),
)
