"""Spans and measurements of a cache's operations, and of the round trips below them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextvars import Token
from functools import partial
from time import time_ns
from typing import Any

from opentelemetry.context import Context, attach, detach, get_current
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer, set_span_in_context

from django_redis_core.interfaces import Call, Number, Observer, Trip

from . import round_trips, state
from .errors import described
from .exporting import exporting
from .keys import Noted, hashed, shortened
from .options import OPTIONS

_PREFIX = "django_redis_core."


class OpenTelemetryObserver(Observer):
    """Makes a span of each operation and of each round trip, and measures both. What takes them is
    the site's SDK.

    ``opentelemetry_spans``: what has a span: "all", "operations", "round_trips" or "none".
    ``opentelemetry_keys``: how the caller's keys stand in the spans of operations: "none", "hashed"
    or "shortened", to ``opentelemetry_key_length`` characters.
    """

    name = "opentelemetry"
    options = OPTIONS

    def __init__(
        self,
        *,
        opentelemetry_spans: str = "all",
        opentelemetry_keys: str = "none",
        opentelemetry_key_length: int = 40,
    ) -> None:
        self._operations = opentelemetry_spans in ("all", "operations")
        self._round_trips = opentelemetry_spans in ("all", "round_trips")
        keys: Mapping[str, Noted] = {
            "hashed": hashed,
            "shortened": shortened(opentelemetry_key_length),
        }
        self._keys = keys.get(opentelemetry_keys)
        self._names = round_trips.Names()

    def attached(self, alias: str, numbers: Callable[[], Sequence[Number]]) -> None:
        state.CACHES.remember(alias, numbers)
        exporting.look()  # so that a cache which nobody calls is told of as well

    def operation(self, call: Call) -> Callable[[Call], object] | None:
        found = exporting.look()
        tracer = found.tracer if self._operations else None
        if tracer is None:
            return None if found.instruments is None else self._measured
        span = tracer.start_span(
            "cache." + call.operation,
            kind=SpanKind.INTERNAL,
            attributes={
                state.ALIAS: call.alias,
                _PREFIX + "operation": call.operation,
                _PREFIX + "way": call.way,
            },
        )
        return _current(span, self._operation_ended)

    def _operation_ended(self, span: Span, token: Token[Context], call: Call) -> None:
        ended = time_ns()
        try:
            self._measured(call)
            if span.is_recording():
                self._describe(span, call)
        finally:
            detach(token)
            span.end(ended)

    def _describe(self, span: Span, call: Call) -> None:
        attributes: dict[str, Any] = {_PREFIX + "source": call.source}
        if call.hits or call.misses:
            attributes[_PREFIX + "hits"] = call.hits
            attributes[_PREFIX + "misses"] = call.misses
        stored = call.value_bytes
        if stored is not None:
            attributes[_PREFIX + "value_bytes"] = stored
        if self._keys is not None:
            keys = call.keys
            if keys:
                attributes[_PREFIX + "keys"] = self._keys(keys)
                attributes[_PREFIX + "key_count"] = len(keys)
        error = call.error
        # A fallback has an error too, which its caller does not see: the span below is of it.
        if error is not None and call.source != "fallback":
            attributes |= described(error)
            span.set_status(StatusCode.ERROR)
        span.set_attributes(attributes)

    def _measured(self, call: Call) -> None:
        instruments = exporting.instruments
        if instruments is None:
            return
        attributes = {state.ALIAS: call.alias, _PREFIX + "operation": call.operation}
        if call.hits:
            instruments.lookups.add(call.hits, {**attributes, state.RESULT: "hit"})
        if call.misses:
            instruments.lookups.add(call.misses, {**attributes, state.RESULT: "miss"})
        attributes[_PREFIX + "source"] = call.source
        if call.error is not None and call.source != "fallback":
            attributes |= described(call.error)
        instruments.operations.record(call.seconds, attributes)

    def round_trip(self, trip: Trip) -> Callable[[Trip], object] | None:
        found = exporting.look()
        tracer = found.tracer if self._round_trips else None
        if tracer is None:
            return None if found.instruments is None else self._trip_measured
        return _current(self._trip_span(tracer, trip), self._trip_ended)

    def _trip_span(self, tracer: Tracer, trip: Trip) -> Span:
        commands = trip.commands
        attributes = self._names.of(trip, commands)
        name = attributes["db.operation.name"]
        if len(commands) > 1:
            attributes = {**attributes, "db.operation.batch.size": len(commands)}
        return tracer.start_span(name, kind=SpanKind.CLIENT, attributes=attributes)

    def _trip_ended(self, span: Span, token: Token[Context], trip: Trip) -> None:
        ended = time_ns()
        try:
            self._trip_measured(trip)
            if span.is_recording():
                span.set_attributes(round_trips.outcome(trip))
                if trip.error is not None:
                    span.set_status(StatusCode.ERROR)
        finally:
            detach(token)
            span.end(ended)

    def _trip_measured(self, trip: Trip) -> None:
        instruments = exporting.instruments
        if instruments is not None:
            attributes = self._names.of(trip, trip.commands)
            if trip.error is not None:
                attributes = {**attributes, **described(trip.error)}
            instruments.round_trips.record(trip.seconds, attributes)


def _current(
    span: Span, ended: Callable[[Span, Token[Context], Any], object]
) -> Callable[[Any], object]:
    """Makes ``span`` the current one; ``ended`` is to take that back."""
    before = get_current()
    try:
        token = attach(set_span_in_context(span, before))
        return partial(ended, span, token)
    except BaseException:  # a time limit strikes anywhere, and nobody would take it back
        attach(before)
        span.end()
        raise
