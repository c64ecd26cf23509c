"""What signals tell of the caches that have the observer."""

from __future__ import annotations

from typing import Any

from django_redis_core import signals

from .metrics import CIRCUIT_CLOSED, CIRCUIT_OPENED, PARTIAL_FAILURES, VALUES_UNREADABLE

_aliases: set[str] = set()


def listen(alias: str) -> None:
    """Counts what is told of the cache from now on. Breakers are a server's, and of all caches."""
    _aliases.add(alias)
    for signal, receiver in (
        (signals.value_unreadable, _value_unreadable),
        (signals.partial_failure, _partial_failure),
        (signals.circuit_opened, _circuit_opened),
        (signals.circuit_closed, _circuit_closed),
    ):
        signal.connect(receiver, dispatch_uid=__name__)


def _value_unreadable(sender: str, exception: Exception, **details: Any) -> None:
    if sender in _aliases:
        VALUES_UNREADABLE.labels(sender, type(exception).__name__).inc()


def _partial_failure(sender: str, **details: Any) -> None:
    if sender in _aliases:
        PARTIAL_FAILURES.labels(sender).inc()


def _circuit_opened(sender: str, **details: Any) -> None:
    CIRCUIT_OPENED.labels(sender).inc()


def _circuit_closed(sender: str, **details: Any) -> None:
    CIRCUIT_CLOSED.labels(sender).inc()
