"""What an operator can listen to. Every signal is sent from a cold path only.

Receivers get ``sender`` (the alias in ``CACHES``, a str) and the keyword arguments named below.
Keys are passed so that a receiver can count by key family; values never are.
"""

from __future__ import annotations

from typing import Any

from django.dispatch import Signal

from ._interrupts import struck

#: Server trouble was answered with an operation's fallback (``IGNORE_EXCEPTIONS``).
#: Arguments: ``operation`` (str), ``exception``.
exception_ignored = Signal()

#: A stored value could not be read and counts as a miss. Arguments: ``key`` (as stored),
#: ``exception``, ``size`` (bytes).
value_unreadable = Signal()

#: Servers of an operation over several failed; the others served their part.
#: Arguments: ``keys`` (those that were not served, as stored), ``exception``.
partial_failure = Signal()

#: A server's circuit breaker opened or closed. ``sender`` is the server's name.
#: Arguments of ``circuit_opened``: ``exception``.
circuit_opened = Signal()
circuit_closed = Signal()


def tell(signal: Signal, sender: str, **named: Any) -> None:
    """Sends a signal. What a receiver raises is logged by Django and goes no further, except a time
    limit that strikes while it runs: that is the caller's."""
    for _, answer in signal.send_robust(sender=sender, **named):
        if isinstance(answer, Exception) and struck(answer):
            raise answer
