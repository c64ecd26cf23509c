"""What callers hand to operations, looked at before anything is sent.

A server refuses with its own words, which name neither the operation nor the argument; and a batch
has then been sent in part. Each function says which operation was called, what was written and what
to write.
"""

from __future__ import annotations

import math
import operator
from decimal import Decimal
from numbers import Real
from typing import Any

from ..commands import Keyed

#: Ints that a server reads.
INT64 = range(-(2**63), 2**63)


def whole(operation: str, name: str, value: Any) -> int:
    """``value`` of the argument ``name`` as an int of 64 bits. TypeError for another type, also
    for a bool, which a server is never sent; ValueError for one that is larger."""
    try:
        if isinstance(value, bool):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{operation}: {name} must be an int, not {value!r}.") from None
    if number not in INT64:
        raise ValueError(f"{operation}: {name} must be an int of 64 bits, not {number}.")
    return number


def ends(operation: str, start: Any, end: Any) -> tuple[int, int]:
    """Where a range of elements begins and ends."""
    return whole(operation, "start", start), whole(operation, "end", end)


def how_many(command: Keyed, value: Any) -> int | None:
    """A ``count`` as pops take it, by the names of their commands: None, or 0 and more; ValueError
    below."""
    if value is None:
        return None
    operation = command.kind.name.decode().lower()
    count = whole(operation, "count", value)
    if count < 0:
        raise ValueError(f"{operation}: count must be None, or 0 or more, not {count}.")
    return count


def page(operation: str, name: str, value: Any) -> int:
    """The size of a page of a scan: 1 and more. Digits count as an int, as they do to a server."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)
    size = whole(operation, name, value)
    if size < 1:
        raise ValueError(f"{operation}: {name} must be 1 or more, not {size}.")
    return size


def score(operation: str, value: Any, name: str = "a score") -> float:
    """A score as Redis keeps it, a double: TypeError for another type, ValueError for nan or an
    int that no double can hold. Infinities are scores."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{operation}: {name} must be an int or a float, not {value!r}.")
    try:
        result = float(value)
    except OverflowError:
        raise ValueError(
            f"{operation}: {name} must fit a double, which this int does not."
        ) from None
    if math.isnan(result):
        raise ValueError(f"{operation}: {name} must be a number, not nan.")
    return result


def bound(operation: str, value: Any, name: str) -> str | float:
    """An end of a range of scores: a score, or text as Redis has it (``"(1.5"``, ``"-inf"``)."""
    if not isinstance(value, str):
        return score(operation, value, name)
    try:
        number = float(value.removeprefix("("))
    except ValueError:
        number = math.nan
    if math.isnan(number):
        raise ValueError(
            f"{operation}: {name} must be a score, '(' and a score to leave that one out, '-inf' "
            f"or '+inf', not {value!r}."
        )
    return value


def bounds(operation: str, low: Any, high: Any) -> tuple[str | float, str | float]:
    """Both ends of a range of scores."""
    return bound(operation, low, "min"), bound(operation, high, "max")


def seconds(operation: str, name: str, value: Any) -> float:
    """A span of time: a finite number of any type that is one, beside bool. Times that redis-py
    multiplies and waits for are then of a type that it can do that with."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        if math.isfinite(value):
            return value
    elif isinstance(value, Real | Decimal) and not isinstance(value, bool):
        number = float(value)
        if math.isfinite(number):
            return number
    raise (ValueError if isinstance(value, Real | Decimal) else TypeError)(
        f"{operation}: {name} must be a finite number of seconds, not {value!r}."
    )
