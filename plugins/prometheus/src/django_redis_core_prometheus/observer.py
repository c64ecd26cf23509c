"""Counts a cache's operations and round trips, and measures them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

from django_redis_core.exceptions import ServerRefused
from django_redis_core.interfaces import Call, Number, Observer, Trip

from . import state, told
from .families import Families
from .metrics import CONNECTIONS_OPENED, ERRORS, LOOKUPS, OPERATIONS, ROUND_TRIPS, SECONDS
from .options import OPTIONS


class PrometheusObserver(Observer):
    """Counts operations by how they ended, keys that were there or not, errors and round trips.

    ``prometheus_families``: the families that keys are counted by. ``prometheus_round_trips``:
    whether round trips are measured too.
    """

    name = "prometheus"
    options = OPTIONS

    def __new__(cls, *, prometheus_round_trips: bool = True, **options: Any) -> Self:
        if cls is PrometheusObserver and not prometheus_round_trips:
            return super().__new__(_OperationsAlone)  # type: ignore[return-value]
        return super().__new__(cls)

    def __init__(
        self,
        *,
        prometheus_families: Families | None = None,
        prometheus_round_trips: bool = True,
    ) -> None:
        self._families = prometheus_families
        self._round_trips = prometheus_round_trips
        # To find a metric by its labels takes longer than to count, and they are few.
        self._operations: dict[tuple[str, str, str], tuple[Counting, Counting]] = {}
        self._lookups: dict[tuple[str, str, str, str], Counting] = {}
        self._trips: dict[tuple[str, str, str], Counting] = {}

    def attached(self, alias: str, numbers: Callable[[], Sequence[Number]]) -> None:
        state.remember(alias, numbers)
        told.listen(alias)

    def operation_ended(self, call: Call) -> None:
        name = call.operation
        if call.error is not None:
            outcome = "fallback" if call.source == "fallback" else "error"
            code = call.error.code if isinstance(call.error, ServerRefused) else ""
            ERRORS.labels(call.alias, name, _named(call.error), code).inc()
        elif call.misses:
            outcome = "partial" if call.hits else "miss"
        else:
            outcome = "hit" if call.hits else "ok"
        family = "" if self._families is None else self._families.of(call.keys)
        known = self._operations.get((name, outcome, family))
        if known is None:
            known = self._operations[name, outcome, family] = (
                OPERATIONS.labels(call.alias, name, outcome, family).inc,
                SECONDS.labels(call.alias, name, outcome).observe,
            )
        count, observe = known
        count(1)
        observe(call.seconds)
        if call.hits:
            self._looked_up(call, "hit", family, call.hits)
        if call.misses:
            self._looked_up(call, "miss", family, call.misses)

    def _looked_up(self, call: Call, result: str, family: str, keys: int) -> None:
        labels = (call.operation, result, call.source, family)
        count = self._lookups.get(labels)
        if count is None:
            count = self._lookups[labels] = LOOKUPS.labels(call.alias, *labels).inc
        count(keys)

    def round_trip_ended(self, trip: Trip) -> object:
        if not self._round_trips:
            return None
        commands = trip.commands
        command = commands[0] if len(commands) == 1 else "PIPELINE"
        labels = (trip.server, command, "ok" if trip.error is None else "error")
        observe = self._trips.get(labels)
        if observe is None:
            observe = self._trips[labels] = ROUND_TRIPS.labels(trip.alias, *labels).observe
        observe(trip.seconds)
        if trip.new_connection:
            CONNECTIONS_OPENED.labels(trip.alias, trip.server).inc()
        return None


class _OperationsAlone(PrometheusObserver):
    """The same; where nobody overrides this method, no round trip is made ready to be told."""

    round_trip_ended = Observer.round_trip_ended


Counting = Callable[[float], None]


def _named(error: BaseException) -> str:
    return type(error).__name__
