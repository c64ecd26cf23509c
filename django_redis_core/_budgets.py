"""How long the calls of a block of code may wait for servers, all of them together.

What is counted is waiting, and not the time that passes: a page that computes for seconds between
two quick reads has its budget still. Waits that lie side by side, of tasks or threads that share a
budget, count once.

Here is only the count. Who waits asks ``waiting``; nobody is asked in a process that has never had
a budget (``at_first_use``), so that others pay nothing for it.
"""

from __future__ import annotations

import math
import time
import weakref
from collections.abc import Callable
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Any, Self

from .exceptions import BudgetSpent

Refs = tuple["weakref.ref[Budget]", ...]

#: The budgets in force, the outermost first. Only their blocks hold them: where a time limit
#: strikes while one begins or ends, it is collected, and does not stay in force in a worker's
#: thread for ever.
_current: ContextVar[Refs] = ContextVar("django_redis_core_budgets", default=())

_to_install: list[Callable[[], None]] = []
_used = False


def at_first_use(install: Callable[[], None]) -> None:
    """Calls ``install`` when the first budget of the process begins, or now if one has."""
    _to_install.append(install)
    if _used:
        install()


class Budget:
    """See ``django_redis_core.budget``. ``seconds`` is what it was made with, ``left`` what may be
    waited still."""

    __slots__ = ("__weakref__", "_since", "_spent", "_token", "_waits", "seconds")

    def __init__(self, seconds: Any) -> None:
        if not isinstance(seconds, int | float) or isinstance(seconds, bool) or math.isnan(seconds):
            raise TypeError(
                f"budget({seconds!r}): write the seconds that calls may wait together, such as "
                "budget(0.2)."
            )
        self.seconds: float = seconds
        self._spent = 0.0
        # Those who wait now, and since when somebody does. Without a lock, which an interrupt could
        # leave taken: two threads at one moment may count a little too little, and a wait that an
        # interrupt ended in the wrong place goes on until the block ends.
        self._waits: set[object] = set()
        self._since = 0.0
        self._token: Token[Refs] | None = None

    def __enter__(self) -> Self:
        global _used
        if self._token is not None:
            raise RuntimeError("This budget is in force already: make another one with budget().")
        if not _used:
            _used = True
            for install in _to_install:
                install()
        others = [ref for ref in _current.get() if ref() is not None]
        self._token = _current.set((*others, weakref.ref(self)))
        return self

    def __exit__(self, *error: object) -> None:
        token, self._token = self._token, None
        if token is not None:
            try:
                _current.reset(token)
            except ValueError:
                pass  # the block ended in another context, where it was never in force

    def __repr__(self) -> str:
        return f"<Budget of {self.seconds} s, {max(0.0, self.left):.3f} s left>"

    @property
    def left(self) -> float:
        """Seconds; below 0 where the last call took a moment longer."""
        running = time.monotonic() - self._since if self._waits else 0.0
        return self.seconds - self._spent - running

    def _begin(self, wait: object, now: float) -> float:
        """Until when it may be waited."""
        if not self._waits:
            self._since = now
        self._waits.add(wait)
        return self._since + self.seconds - self._spent

    def _end(self, wait: object, now: float) -> None:
        self._waits.discard(wait)
        if not self._waits:
            self._spent += now - self._since


class Waiting:
    """One wait: a block in which the clock of all budgets in force runs. ``until`` is the time
    (``time.monotonic()``) when the first of them is spent."""

    __slots__ = ("_budgets", "_first", "until")

    def __init__(self, budgets: list[Budget]) -> None:
        self._budgets = budgets
        self._first = budgets[0]
        self.until = math.inf

    def __enter__(self) -> Self:
        now = time.monotonic()
        for one in self._budgets:
            until = one._begin(self, now)
            if until < self.until:
                self.until, self._first = until, one
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        now = time.monotonic()
        for one in self._budgets:
            one._end(self, now)

    @property
    def left(self) -> float:
        """Seconds; not above 0 where the budget is spent."""
        return self.until - time.monotonic()

    def spent(self, connection: Any = None) -> BudgetSpent:
        """The error of who may not wait any longer."""
        return BudgetSpent(
            connection, f"the budget of {self._first.seconds} s for waiting for servers is spent"
        )


def waiting() -> Waiting | None:
    """The wait that is about to begin, to be entered; None where no budget is in force."""
    found = _current.get()
    if not found:
        return None
    budgets = [one for ref in found if (one := ref()) is not None and one._token is not None]
    return Waiting(budgets) if budgets else None
