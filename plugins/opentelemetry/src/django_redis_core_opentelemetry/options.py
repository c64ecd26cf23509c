"""What can be set, with the defaults that the README repeats."""

from __future__ import annotations

from django_redis_core.interfaces import Option, integer, one_of

#: What spans are made of.
SPANS = ("all", "operations", "round_trips", "none")

#: How a key stands in a span.
KEYS = ("none", "hashed", "shortened")

OPTIONS = (
    Option(
        "OPENTELEMETRY_SPANS",
        "opentelemetry_spans",
        one_of(*SPANS),
        "all",
        doc='What has a span: "all", "operations", "round_trips" or "none". Metrics have both.',
    ),
    Option(
        "OPENTELEMETRY_KEYS",
        "opentelemetry_keys",
        one_of(*KEYS),
        "none",
        doc='How keys stand in spans: "none", "hashed" or "shortened".',
    ),
    Option(
        "OPENTELEMETRY_KEY_LENGTH",
        "opentelemetry_key_length",
        integer(1),
        40,
        doc="How many characters of a shortened key stand in spans.",
    ),
)
