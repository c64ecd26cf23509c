"""An observer that writes down what it is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from django_redis_core.cache import RedisCache
from django_redis_core.interfaces import Call, Observer, Trip
from django_redis_core.testing.fixtures import MakeCache


class Notes(Observer):
    name = "notes"

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.trips: list[Trip] = []
        self.order: list[tuple[str, str]] = []

    def operation(self, call: Call) -> Callable[[Call], None]:
        self.order.append(("begins", call.operation))
        return self._ended

    def _ended(self, call: Call) -> None:
        self.order.append(("ends", call.operation))
        self.calls.append(call)

    def round_trip(self, trip: Trip) -> Callable[[Trip], None]:
        return self.trips.append

    def told(self) -> list[tuple[str, str, int, int, str]]:
        """What it was told of operations, and forgets."""
        calls = self.mine()
        self.calls.clear()
        return [(one.operation, one.way, one.hits, one.misses, one.source) for one in calls]

    def mine(self) -> list[Call]:
        """Without the neighbours that ``Caller`` queues in pipelines."""
        return [one for one in self.calls if one.keys != ("nobodys-key",)]

    def travelled(self) -> list[tuple[str, ...]]:
        """The commands of round trips, and forgets them."""
        trips, self.trips = self.trips, []
        return [one.commands for one in trips]


class CallsOnly(Notes):
    name = "calls"
    round_trip = Observer.round_trip


class TripsOnly(Notes):
    name = "trips"
    operation = Observer.operation


class EndsOnly(Notes):
    """Is told of no beginning."""

    name = "ends"
    operation = Observer.operation
    round_trip = Observer.round_trip

    def operation_ended(self, call: Call) -> None:
        self._ended(call)

    def round_trip_ended(self, trip: Trip) -> None:
        self.trips.append(trip)


MakeObserved = Callable[..., tuple[RedisCache, Any]]


@pytest.fixture
def observed(make_cache: MakeCache) -> MakeObserved:
    """``observed(options, **entry)``: a cache, and its observer."""

    def make(options: Any = None, kind: Any = Notes, **entry: Any) -> tuple[RedisCache, Any]:
        cache = make_cache({"OBSERVERS": kind, **(options or {})}, **entry)
        observers = cache._engine.observers
        assert observers is not None
        observer: Any = observers.all[0]
        for noted in (observer.calls, observer.trips, observer.order):  # a test before has it too
            noted.clear()
        return cache, observer

    return make
