"""Whose trouble is it: what goes wrong on a connection, as the errors that callers see."""

from __future__ import annotations

from collections.abc import Sequence

import redis.exceptions

from .._interrupts import struck
from ..commands import Command
from ..exceptions import ConnectionInterrupted, ReplyError, ServerRefused, ServerTimeout
from .link import from_redis_py


def is_full(error: BaseException) -> bool:
    """Whether a server with ``maxclients`` connections has no room for another one. Those that
    exist are well."""
    return isinstance(error, redis.exceptions.ConnectionError) and _FULL in str(error)


_FULL = "max number of clients reached"


def translate(error: BaseException, name: str) -> ConnectionInterrupted | None:
    """``error`` as trouble of the server ``name``, or None when it is none."""
    if isinstance(error, ConnectionInterrupted):
        error.connection = error.connection or name
        return error
    if limit_in(error) is not None:
        return None
    if isinstance(error, BlockingIOError):  # the kernel kept the time
        return ServerTimeout(name, "timed out")
    if isinstance(error, redis.exceptions.TimeoutError | TimeoutError):
        return ServerTimeout(name, str(error) or "timed out")
    if isinstance(error, redis.exceptions.AuthenticationError):
        # redis-py has taken the code off: one class for two of them.
        asked = str(error).startswith("Authentication required")
        return ServerRefused(name, str(error), "NOAUTH" if asked else "WRONGPASS")
    if isinstance(error, redis.exceptions.BusyLoadingError):
        return ServerRefused(name, str(error), "LOADING")
    if isinstance(error, redis.exceptions.ResponseError) and not isinstance(error, ReplyError):
        # Refused while connecting, for example SELECT of a database that is not there.
        refusal = from_redis_py(error)
        code = getattr(refusal, "code", "")
        return ServerRefused(name, f"refused the connection: {error}", code)
    if isinstance(error, redis.exceptions.InvalidResponse):
        return ConnectionInterrupted(name, f"does not speak Redis' protocol: {error}")
    if is_full(error):
        return ServerRefused(name, str(error), "MAXCLIENTS")
    if isinstance(error, redis.exceptions.ConnectionError | OSError):
        return ConnectionInterrupted(name, str(error))
    return None


def limit_in(error: BaseException) -> Exception | None:
    """The time limit that ``error`` is, or of which redis-py has made it while it connected: what
    a signal's handler raises is often a TimeoutError, and says nothing of the server."""
    led: BaseException | None = error
    while isinstance(led, Exception):  # asyncio's own timeouts cancel, and limits nobody
        if struck(led):
            return led
        led = led.__context__
        # What the caller was handling at the time comes last, and is no part of this.
        if led is not None and not _is_of_redis_py(led):
            return None
    return None


def _is_of_redis_py(error: BaseException) -> bool:
    """Whether redis-py caught it."""
    entry = error.__traceback__
    return entry is not None and str(entry.tb_frame.f_globals.get("__name__")).startswith("redis.")


def may_repeat(
    connected: bool, commands: Sequence[Command], trouble: ConnectionInterrupted | None
) -> bool:
    """Whether to send a second time: once, on a new connection, when an existing one broke under
    commands that may be repeated, or that were not sent yet. Never after a timeout, whose time is
    spent."""
    return (
        connected
        and type(trouble) is ConnectionInterrupted
        and (trouble.before_sending or all(command.kind.repeatable for command in commands))
    )


def without_frames(error: BaseException) -> None:
    """Takes redis-py's frames off ``error`` and off what led to it: one that authenticates has the
    password in a variable, and Django's debug page shows the variables of all frames."""
    error.__traceback__ = None
    led: BaseException | None = error
    for _ in range(10):
        led = led and (led.__cause__ or led.__context__)
        # What the caller was handling at the time comes last, and keeps its frames.
        if led is None or led.__traceback__ is None:
            return
        if _is_of_redis_py(led):
            led.__traceback__ = None


class Retired:
    """What a retired node calls before it would connect."""

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def __call__(self) -> None:
        raise ConnectionInterrupted(None, self.reason)
