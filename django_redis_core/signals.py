"""What an operator can listen to. Every signal is sent from a cold path only.

Receivers get ``sender`` (the alias in ``CACHES``, a str) and the keyword arguments named below.
Keys are passed so that a receiver can count by key family; values never are.
"""

from __future__ import annotations

from typing import Any

from django.dispatch import Signal

from ._interrupts import struck

__all__ = [
    "circuit_closed",
    "circuit_opened",
    "exception_ignored",
    "partial_failure",
    "value_unreadable",
]


class _Signal(Signal):
    """What a receiver raises is logged by Django and goes no further, except a time limit that
    strikes while it runs: that is the caller's."""

    def send_robust(self, sender: Any, **named: Any) -> list[tuple[Any, Any]]:
        answers: list[tuple[Any, Any]] = super().send_robust(sender, **named)
        for _, answer in answers:
            if isinstance(answer, Exception) and struck(answer):
                raise answer
        return answers


#: Server trouble was answered with an operation's fallback (``IGNORE_EXCEPTIONS``).
#: Arguments: ``operation`` (str), ``exception``.
exception_ignored = _Signal()

#: A stored value could not be read and counts as a miss. Arguments: ``key`` (as stored),
#: ``exception``, ``size`` (bytes).
value_unreadable = _Signal()

#: Servers of an operation over several failed; the others served their part.
#: Arguments: ``keys`` (those that were not served, as stored), ``exception``.
partial_failure = _Signal()

#: A server's circuit breaker opened: until a try succeeds, its operations are refused without any
#: I/O. ``sender`` is the server's name. Arguments: ``exception``, which was the last.
circuit_opened = _Signal()

#: It closed again. ``sender`` is the server's name. No arguments.
circuit_closed = _Signal()
