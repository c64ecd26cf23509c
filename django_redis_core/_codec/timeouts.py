"""Times: from what a caller writes to the milliseconds that a server understands."""

from __future__ import annotations

import math
import time
from datetime import datetime, timedelta
from typing import Any

#: Redis keeps an expiry as a signed 64-bit count of milliseconds since 1970 and refuses a sum past
#: it, so the longest time to live is this less the clock. Ten thousand years leave room for that.
MAX_MILLISECONDS = 2**63 - 1 - 10_000 * 366 * 86_400_000


def milliseconds(seconds: Any) -> int:
    """``seconds`` (int or float) in whole milliseconds.

    Raises TypeError for another type, ValueError for nan, an infinity, or more than Redis can
    keep. A positive time shorter than a millisecond is one millisecond, so it never means "now".
    """
    if type(seconds) is int:
        result: int = seconds * 1000
    elif isinstance(seconds, float):
        if not math.isfinite(seconds):
            raise ValueError(f"A timeout must be a finite number of seconds, not {seconds!r}.")
        # Bounded first: a product that is infinite has no int.
        bounded = min(max(seconds * 1000, -1.0 * MAX_MILLISECONDS), 2.0 * MAX_MILLISECONDS)
        result = int(bounded) or int(seconds > 0)
    elif isinstance(seconds, int) and not isinstance(seconds, bool):
        result = int(seconds) * 1000
    else:
        raise TypeError(
            f"A timeout must be an int, a float or None (seconds), not {type(seconds).__name__}."
        )
    return within_limit(result)


def within_limit(result: int) -> int:
    """``result`` milliseconds, or ValueError when Redis cannot keep an expiry so far ahead."""
    if result > MAX_MILLISECONDS:
        raise ValueError(
            f"A timeout of {result} ms is past Redis' limit of {MAX_MILLISECONDS} ms; "
            "use None for an entry that never expires."
        )
    return result


def whole_milliseconds(value: Any) -> int:
    """A number of milliseconds, or a timedelta, as ``pexpire`` takes it."""
    if isinstance(value, timedelta):
        # As in ``milliseconds``: a time that is not over yet never means "now".
        return within_limit(value // timedelta(milliseconds=1) or int(value > timedelta()))
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(
            "A timeout must be an int, a float, None (milliseconds) or a timedelta, not "
            f"{type(value).__name__}."
        )
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"A timeout must be a finite number of milliseconds, not {value!r}.")
    return within_limit(int(value) or int(value > 0))


def moment(when: datetime | int | float, unit: int) -> int:
    """A point in time as Unix milliseconds: a datetime, or a number of 1/``unit`` seconds.

    A naive datetime is local time, as ``datetime.timestamp`` has it.
    """
    if isinstance(when, datetime):
        return within_limit(int(when.timestamp() * 1000))
    if isinstance(when, bool) or not isinstance(when, int | float):
        raise TypeError(
            f"A time of expiry must be a datetime or a Unix time, not {type(when).__name__}."
        )
    if isinstance(when, float) and not math.isfinite(when):
        raise ValueError(f"A time of expiry must be finite, not {when!r}.")
    # Before 1970 is in the past, however long ago: a server reads 64 bits only.
    return within_limit(max(int(when * 1000 // unit), 0))


def now() -> int:
    """The clock in Unix milliseconds."""
    return int(time.time() * 1000)
