"""What can be set, with the defaults and units that the README repeats."""

from __future__ import annotations

from typing import Any

from django_redis_core.interfaces import Option, integer, one_of, optional, seconds

NATIVE, DJANGO_REDIS = "native", "django-redis"
CALLER, BACKGROUND = "caller", "background"


def seconds_or_0(value: Any) -> float:
    return 0 if value == 0 and not isinstance(value, bool) else seconds(value)


def factor(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1000:
        raise ValueError("a number from 0 to 1000")
    return value


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
    Option(
        "HERD_REFRESH",
        "herd_refresh",
        optional(one_of(CALLER, BACKGROUND)),
        doc='Who computes what `get_or_set` finds expired or about to: "caller", the one who is '
        'elected; "background", a thread or a task, and nobody waits. Left out: the one who is '
        "elected, when it has expired.",
    ),
    Option(
        "HERD_BETA",
        "herd_beta",
        factor,
        1,
        doc="How early HERD_REFRESH computes anew, as a multiple of what the value took, on "
        "average; 0: not before it expires.",
    ),
    Option(
        "HERD_WORKERS",
        "herd_workers",
        integer(1),
        4,
        doc="How many values a process computes in the background at the same time, at most, for "
        "this cache.",
    ),
)
