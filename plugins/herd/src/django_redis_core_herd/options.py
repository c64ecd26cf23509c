"""What can be set, with the defaults and units that the README repeats."""

from __future__ import annotations

from typing import Any

from django_redis_core.interfaces import Option, one_of, optional, seconds

NATIVE, DJANGO_REDIS = "native", "django-redis"


def seconds_or_0(value: Any) -> float:
    return 0 if value == 0 and not isinstance(value, bool) else seconds(value)


OPTIONS = (
    Option(
        "HERD_TIMEOUT",
        "herd_timeout",
        seconds,
        60,
        "CACHE_HERD_TIMEOUT",
        "Seconds that an expired value is kept for those who need not wait for the new one.",
    ),
    Option(
        "HERD_LEASE",
        "herd_lease",
        optional(seconds),
        doc="Seconds that the elected worker may take before another is elected. "
        "Default: 10, or HERD_TIMEOUT where that is less.",
    ),
    Option(
        "HERD_WAIT",
        "herd_wait",
        seconds_or_0,
        0,
        doc="Seconds that `get_or_set` waits for the value of another worker where there is not "
        "even an old one; 0: it does not wait, and every worker computes.",
    ),
    Option(
        "HERD_FORMAT",
        "herd_format",
        one_of(NATIVE, DJANGO_REDIS),
        NATIVE,
        doc='"native", or "django-redis" to write the pickles that its herd client reads.',
    ),
)
