"""Times: from what a caller writes to the milliseconds that a server understands."""

from __future__ import annotations

import math
import time
from datetime import datetime, timedelta
from operator import index
from typing import Any

from .._interrupts import struck
from .lazy import unwrapped

#: Redis keeps an expiry as a signed 64-bit count of milliseconds since 1970 and refuses a sum past
#: it, so the longest time to live is this less the clock. Ten thousand years leave room for that.
MAX_MILLISECONDS = 2**63 - 1 - 10_000 * 366 * 86_400_000


def plain_number(value: Any, words: str) -> int | float:
    """The int or float that a number of another type is: a bool, numpy's, Decimal, Fraction, a lazy
    one of Django's, an int as text; ``value`` itself where it is one of the two.

    TypeError for all else, which says that it "must be" what ``words`` say.
    """
    value = unwrapped(value)
    kind = type(value)
    try:
        if isinstance(value, int):  # also of a class that an int of Python's has for a base
            return int(value)
        if isinstance(value, float):
            return float(value)
        if isinstance(value, str | bytes):
            return int(value)
        if hasattr(kind, "__index__"):
            return index(value)
        if hasattr(kind, "__float__"):
            return float(value)
    except (TypeError, ValueError) as error:  # text need not be a number, nor one of numpy's arrays
        if struck(error):
            raise
    except OverflowError as error:  # a Decimal or Fraction that no float is near
        raise ValueError(
            f"{words} within Redis' limits, not a {kind.__name__} so large."
        ) from error
    shown = (
        f"the {kind.__name__} {value!r:.40}" if isinstance(value, str | bytes) else kind.__name__
    )
    raise TypeError(f"{words}, or an int as text, not {shown}.")


def milliseconds(seconds: Any) -> int:
    """``seconds`` in whole milliseconds: an int or float, or what ``plain_number`` makes one of.

    Raises TypeError for another type, ValueError for nan, an infinity, or more than Redis can
    keep. A positive time shorter than a millisecond is one millisecond, so it never means "now".
    """
    if type(seconds) is int:
        result: int = seconds * 1000
    elif type(seconds) is float:
        if not math.isfinite(seconds):
            raise ValueError(f"A timeout must be a finite number of seconds, not {seconds!r}.")
        # Bounded first: a product that is infinite has no int.
        bounded = min(max(seconds * 1000, -1.0 * MAX_MILLISECONDS), 2.0 * MAX_MILLISECONDS)
        result = int(bounded) or int(seconds > 0)
    else:
        return milliseconds(plain_number(seconds, "A timeout must be a number or None (seconds)"))
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
    if type(value) is not int:
        words = "A timeout must be a number, None (milliseconds) or a timedelta"
        value = plain_number(value, words)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"A timeout must be a finite number of milliseconds, not {value!r}.")
    return within_limit(int(value) or int(value > 0))


def moment(when: Any, unit: int) -> int:
    """A point in time as Unix milliseconds: a datetime, or a number of 1/``unit`` seconds.

    A naive datetime is local time, as ``datetime.timestamp`` has it.
    """
    if isinstance(when, datetime):
        return within_limit(int(when.timestamp() * 1000))
    if type(when) is not int:
        when = plain_number(when, "A time of expiry must be a datetime or a Unix time")
    if isinstance(when, float) and not math.isfinite(when):
        raise ValueError(f"A time of expiry must be finite, not {when!r}.")
    # Before 1970 is in the past, however long ago: a server reads 64 bits only.
    return within_limit(max(int(when * 1000 // unit), 0))


def now() -> int:
    """The clock in Unix milliseconds."""
    return int(time.time() * 1000)
