"""What only the code that connects or repeats can know of an exchange that is observed.

The exchange lies in its context. It is looked at where a connection is opened or commands are sent
again, and nowhere else, so an exchange that nobody observes pays nothing.
"""

from __future__ import annotations

from contextvars import ContextVar


class Noted:
    """An exchange of which that is noted."""

    __slots__ = ("new_connection", "second_try")

    new_connection: bool
    second_try: bool


under_way: ContextVar[Noted | None] = ContextVar("django_redis_core_trip", default=None)


def note_new_connection() -> None:
    """A connection is opened for the exchange under way in this context."""
    noted = under_way.get()
    if noted is not None:
        noted.new_connection = True


def note_second_try() -> None:
    """The exchange under way in this context sends its commands again."""
    noted = under_way.get()
    if noted is not None:
        noted.second_try = True
