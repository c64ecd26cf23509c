"""How every benchmark here measures: ratios in one interleaved run.

Machines that are shared have no stable speed, so no absolute time is compared. Each round runs a
short batch of every variant in shuffled order and gives each variant's CPU time over the base's;
the median of the rounds' ratios is the result. The base runs twice, and where the two differ by
more than 3% the run says so: then nothing smaller than that difference means anything.
"""

from __future__ import annotations

import gc
import random
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

BATCH = 0.020  # seconds: long enough for the clock, short enough that the machine does not change
ROUNDS = 21
CONTROL = 0.03


@dataclass(frozen=True)
class Outcome:
    """Ratios to the base by variant, and the base's control."""

    ratios: Mapping[str, float]
    control: float
    base_microseconds: float

    @property
    def trustworthy(self) -> bool:
        return abs(self.control - 1) <= CONTROL


def compare(
    base: Callable[[], object],
    variants: Mapping[str, Callable[[], object]],
    *,
    rounds: int = ROUNDS,
    clock: Callable[[], float] = time.process_time,
) -> Outcome:
    """Times ``variants`` against ``base``, one call each at a time."""
    calls = {"base": base, "control": base, **variants}
    counts = {name: calls_in_a_batch(call, clock) for name, call in calls.items()}
    ratios: dict[str, list[float]] = {name: [] for name in calls}
    costs = []
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            order = list(calls)
            random.shuffle(order)
            cost = {name: batch(calls[name], counts[name], clock) for name in order}
            costs.append(cost["base"])
            for name in calls:
                ratios[name].append(cost[name] / cost["base"])
    finally:
        gc.enable()
    medians = {name: statistics.median(values) for name, values in ratios.items()}
    return Outcome(
        ratios={name: medians[name] for name in variants},
        control=medians["control"],
        base_microseconds=statistics.median(costs) * 1e6,
    )


def batch(call: Callable[[], object], count: int, clock: Callable[[], float]) -> float:
    start = clock()
    for _ in range(count):
        call()
    return (clock() - start) / count


def calls_in_a_batch(call: Callable[[], object], clock: Callable[[], float]) -> int:
    for _ in range(20):  # caches fill and specialised bytecode appears
        call()
    count = 1
    while True:
        start = clock()
        for _ in range(count):
            call()
        spent = clock() - start
        if spent >= BATCH / 4:
            return max(1, int(count * BATCH / spent))
        count *= 2
