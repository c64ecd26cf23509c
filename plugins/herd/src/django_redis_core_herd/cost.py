"""What a value took to compute, kept in the expiry that every entry has.

An expiry is a double of Unix seconds and means a whole millisecond. Until the year 2106 the bits
below half of one are free: so many, counted from the double that is nearest to the millisecond, are
the cost. Nothing else of an entry changes, so whoever does not know of costs reads the expiry that
it always read.

The counts are a scale of logarithms: 1 is 0.1 milliseconds or less, 32 more are twice as much
(two per cent a step), and 999 are three days or more. 0: nobody has measured.
"""

from __future__ import annotations

import math

#: Half a millisecond has more units of the last place than this, for expiries before 2106.
_MOST = 999
_BEFORE = float(1 << 32)
_STEPS = 32
_LEAST = 1e-4

#: Seconds by their counts.
_COSTS = (0.0, *(_LEAST * math.exp2(count / _STEPS) for count in range(_MOST)))


def priced(expires: float, cost: float) -> float:
    """The expiry, Unix seconds, of a value that took ``cost`` seconds to compute."""
    base = round(expires * 1000) / 1000
    if not 1 <= base < _BEFORE:
        return base
    count = 1
    if cost > _LEAST:
        count = min(1 + round(_STEPS * math.log2(cost / _LEAST)), _MOST)
    return base + count * math.ulp(base)


def price(expires: float) -> float:
    """The seconds that the value took which expires then; 0: that is not known."""
    if not 1 <= expires < _BEFORE:  # none, infinite, or not a number
        return 0.0
    base = round(expires * 1000) / 1000
    count = int((expires - base) / math.ulp(base))
    return _COSTS[count] if 0 < count <= _MOST else 0.0
