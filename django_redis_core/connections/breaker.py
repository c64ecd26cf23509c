"""The circuit breaker of one server: after it failed, callers are spared the wait.

What goes wrong on a connection that existed is a sign of that connection first: a firewall forgets
what was idle, and one request's reply may be what a server closes a connection for. Such trouble
only puts the server in doubt; then a fresh connection is tried (``trial``), and decides.
"""

from __future__ import annotations

import time

from .. import signals
from ..exceptions import CircuitOpen, ConnectionInterrupted, ServerTimeout


class Breaker:
    """Opens after ``limit`` failures in a row, or after one timeout, since that already cost a
    caller all the time that it may take. While open, one caller every ``interval`` seconds tries
    the server and all others are refused at once. ``limit`` 0: it never opens.

    While ``doubted``, it is ``opened`` as well, for whoever can go elsewhere, and refuses nobody.

    Two threads may probe at the same moment; that costs a second attempt and saves a lock on
    every call.
    """

    __slots__ = (
        "doubted",
        "event",
        "failures",
        "interval",
        "last",
        "limit",
        "name",
        "opened",
        "probe_at",
    )

    def __init__(self, name: str, limit: int, interval: float) -> None:
        self.name = name
        self.limit = limit
        self.interval = interval
        self.failures = 0
        self.event: object = None
        self.opened = False
        self.doubted = False
        self.probe_at = 0.0
        self.last = ""

    def admit(self) -> None:
        """Called while open: lets the caller through as the probe, or raises CircuitOpen."""
        if self.doubted:
            return
        now = time.monotonic()
        if now < self.probe_at:
            raise CircuitOpen(
                self.name,
                f"not tried, since it failed moments ago ({self.last}); "
                f"next try in {self.probe_at - now:.2f} s",
            )
        self.probe_at = now + self.interval

    def failed(self, trouble: ConnectionInterrupted) -> None:
        """Called for each caller that saw a failure; several may have seen the same one."""
        if trouble.event is not None and trouble.event is self.event:
            return
        self.event = trouble.event
        refusing = self.opened and not self.doubted
        many = self.failures + 1 >= self.limit
        newly = False
        if self.limit and trouble.of_connection and not refusing:
            self.probe_at = 0.0
            # In this order, for whoever sees it opened asks next.
            self.doubted = self.opened = True
        elif self.limit and (refusing or many or isinstance(trouble, ServerTimeout)):
            self.probe_at = time.monotonic() + self.interval
            self.last = trouble.reason or type(trouble).__name__
            newly, self.opened, self.doubted = not refusing, True, False
        # Last, because ``succeeded`` is called only where this is above 0: an open breaker whose
        # count another thread has just set back would never be closed.
        self.failures += 1
        if newly:
            signals.circuit_opened.send_robust(sender=self.name, exception=trouble)

    def succeeded(self) -> None:
        """Called for a success after failures."""
        self.failures = 0
        if self.opened:
            doubted = self.doubted
            self.opened = self.doubted = False
            if doubted:
                return
            signals.circuit_closed.send_robust(sender=self.name)
