"""When to compute a value anew before it expires.

The rule is XFetch: A. Vattani, F. Chierichetti, K. Lowenstein, "Optimal Probabilistic Cache
Stampede Prevention", Proceedings of the VLDB Endowment 8 (8), 2015, 886-897
(http://www.vldb.org/pvldb/vol8/p886-vattani.pdf). Each who reads the value draws for itself, with
nobody asked: the nearer the expiry and the more the value took to compute, the likelier.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable

#: The minus logarithm of the smallest draw: 1 - random() is at least 2 ** -53.
_FARTHEST = 53 * math.log(2)


def is_due(left: float, cost: float, beta: float, draw: Callable[[], float] | None = None) -> bool:
    """Whether the one who asks is to compute a value that has ``left`` seconds and took ``cost``
    seconds: where ``cost * beta * -ln(u) >= left`` for ``u`` drawn evenly from (0, 1].

    With ``beta`` 1 that is, on average, its ``cost`` before the expiry. ``draw`` gives a number of
    [0, 1), as ``random.random`` does.
    """
    gap = cost * beta
    if left >= gap * _FARTHEST:
        return False  # no draw is so lucky; most reads end here
    return -gap * math.log(1 - (draw or random.random)()) >= left
