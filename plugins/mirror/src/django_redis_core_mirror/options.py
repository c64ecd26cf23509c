"""What can be set, with the defaults and units that the README repeats."""

from __future__ import annotations

from django_redis_core.interfaces import Option, optional, seconds, text

OPTIONS = (
    Option(
        "MIRROR_OF",
        "mirror_of",
        optional(text),
        doc="The alias in CACHES of the old cache, which entries are moved away from.",
    ),
    Option(
        "MIRROR_AGE",
        "mirror_age",
        seconds,
        0.5,
        doc="Seconds for which a process goes by the phase that it has read.",
    ),
)
