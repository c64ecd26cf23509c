"""What can be set, with the defaults and units that the README repeats."""

from __future__ import annotations

from django_redis_core.interfaces import Option, integer, seconds

OPTIONS = (
    Option(
        "NEAR_TTL",
        "near_ttl",
        seconds,
        5,
        doc="Seconds that a copy in memory lives at most.",
    ),
    Option(
        "NEAR_LEASE",
        "near_lease",
        seconds,
        1,
        doc="Seconds since the server's last sign of life for which copies are believed.",
    ),
    Option(
        "NEAR_MAX_ENTRIES",
        "near_max_entries",
        integer(1),
        10_000,
        doc="How many copies a process keeps.",
    ),
    Option(
        "NEAR_MAX_BYTES",
        "near_max_bytes",
        integer(64 * 1024),
        64 * 1024 * 1024,
        doc="Bytes of memory for copies; one value takes a sixteenth of them at most.",
    ),
)
