"""Every error of the package, as one tree.

Two questions decide where an error belongs. *Is the server in trouble?* Then it is a
``ConnectionInterrupted``: the guard of the driver may turn it into an operation's declared
fallback when ``IGNORE_EXCEPTIONS`` says so. *Is the program wrong?* Then it is anything else, and
it is always raised. Settings that are wrong are Django's ``ImproperlyConfigured``.

Each is also the error of redis-py's that a client of it would have raised there, so that code which
catches that (``except redis.exceptions.ConnectionError``) goes on working.

No message here ever carries a password: servers are named by ``Node.name``, which has none.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from typing import Any, Self

import redis.exceptions as theirs
from django.core.cache.backends.base import InvalidCacheKey
from django.core.exceptions import ImproperlyConfigured

__all__ = [
    "BudgetSpent",
    "CallTooLarge",
    "CircuitOpen",
    "CompressorError",
    "ConnectionInterrupted",
    "CrossNodeError",
    "InvalidCacheKey",
    "NoScriptError",
    "NotANumberError",
    "PluginConflict",
    "PluginError",
    "PluginLoadError",
    "PluginNotFound",
    "PoolExhausted",
    "RedisCacheError",
    "ReplyError",
    "SealError",
    "SerializationError",
    "ServerRefused",
    "ServerTimeout",
    "WrongTypeError",
    "error_from_reply",
]


class RedisCacheError(Exception):
    """The root of all errors that a cache operation raises."""

    __repr__ = BaseException.__repr__  # and not redis-py's, which leaves out what happened


class ConnectionInterrupted(RedisCacheError, theirs.ConnectionError):
    """The server could not be reached, went away, or cannot serve for now. It is redis-py's
    ``ConnectionError`` too.

    ``connection`` is what was spoken to: the server's name, or a redis-py client.
    ``before_sending`` is True when the command surely did not reach the server.
    """

    before_sending = False
    #: Whether the trouble is that of this one request, by its size say, and tells nothing of the
    #: server: it opens no circuit breaker.
    of_request = False
    #: Whether it is a sign of that connection first: one that was idle before is silent, or one was
    #: closed under a request. A fresh one is tried before the circuit breaker opens.
    of_connection = False
    #: Shared by the errors of all callers that one lost connection had, so that they count as one.
    event: object = None
    #: What the operation has in spite of it, alone in a tuple, for its fallback: the value that
    #: ``get_or_set`` computed and could not store, what the servers that answered had.
    so_far: tuple[Any] | None = None

    def __init__(self, connection: object = None, reason: str = "") -> None:
        # Not super(): some of redis-py's classes that refusals are of take a reply alone.
        theirs.RedisError.__init__(self, connection, reason)
        self.connection = connection
        self.reason = reason

    def __str__(self) -> str:
        cause = self.__cause__
        what = self.reason or (f"{type(cause).__name__}: {cause}" if cause else "no connection")
        return f"Redis server {self.connection}: {what}" if self.connection else what


class ServerTimeout(ConnectionInterrupted, theirs.TimeoutError):
    """No answer within ``SOCKET_TIMEOUT`` or ``SOCKET_CONNECT_TIMEOUT`` (both in seconds). It is
    redis-py's ``TimeoutError`` too."""


class BudgetSpent(ServerTimeout):
    """The calls of a ``budget`` have waited for servers as long as they may together: this one was
    cut short, or refused without any I/O (``before_sending`` is True then). It tells nothing of the
    server, and opens no circuit breaker."""

    of_request = True


class CircuitOpen(ConnectionInterrupted):
    """The server failed moments ago, so this operation was refused without any I/O."""

    before_sending = True


_MaxConnections: Any = getattr(theirs, "MaxConnectionsError", theirs.ConnectionError)


class PoolExhausted(ConnectionInterrupted, _MaxConnections):
    """All ``max_connections`` stayed in use for as long as a caller may wait. It is redis-py's
    ``MaxConnectionsError`` too, where that exists."""

    before_sending = True


class ServerRefused(ConnectionInterrupted):
    """The server answered that it cannot serve this command now.

    ``code`` is the first word of the error reply: ``READONLY``, ``OOM``, ``LOADING``,
    ``MASTERDOWN``, ``CLUSTERDOWN``, ``MOVED``, ``ASK``, ``TRYAGAIN``, ``MISCONF``, ``BUSY``,
    ``NOREPLICAS``, ``NOPERM``, ``NOAUTH``, ``WRONGPASS`` or ``MAXCLIENTS``.

    It is redis-py's error for that code too, such as ``ReadOnlyError``, or its ``ResponseError``.
    """

    def __new__(cls, connection: object = None, reason: str = "", code: str = "") -> Self:
        found: Any = _REFUSALS.get(code, cls) if cls is ServerRefused else cls
        return super().__new__(found, connection, reason)  # type: ignore[no-any-return]

    def __init__(self, connection: object = None, reason: str = "", code: str = "") -> None:
        super().__init__(connection, reason)
        self.code = code

    def __reduce__(self) -> tuple[Any, ...]:
        return ServerRefused, (self.connection, self.reason, self.code)


def _refusal(error: type[Exception]) -> type[ServerRefused]:
    return type("ServerRefused", (ServerRefused, error), {"__doc__": ServerRefused.__doc__})


_REFUSALS: Mapping[str, type[ServerRefused]] = {
    code: _refusal(error)
    for code, error in {
        "READONLY": theirs.ReadOnlyError,
        "OOM": theirs.OutOfMemoryError,
        "LOADING": theirs.BusyLoadingError,
        "MASTERDOWN": theirs.MasterDownError,
        "CLUSTERDOWN": theirs.ClusterDownError,
        "MOVED": theirs.ResponseError,
        "ASK": theirs.ResponseError,
        "TRYAGAIN": theirs.TryAgainError,
        "MISCONF": theirs.ResponseError,
        "BUSY": theirs.ResponseError,
        "NOREPLICAS": theirs.ResponseError,
        "UNKILLABLE": theirs.ResponseError,
        "NOPERM": theirs.NoPermissionError,
        "NOAUTH": theirs.AuthenticationError,
        "WRONGPASS": theirs.AuthenticationError,
    }.items()
}


class ReplyError(RedisCacheError, theirs.ResponseError):
    """The server refused a command because of what was asked: a programming error.

    It is redis-py's ``ResponseError`` too, so that code which catches that goes on working.
    """


class WrongTypeError(ReplyError):
    """The key holds another data type than the command works on (the reply ``WRONGTYPE``)."""


class NoScriptError(ReplyError, theirs.NoScriptError):
    """The server does not know the script yet (the reply ``NOSCRIPT``)."""


class NotANumberError(RedisCacheError, TypeError):
    """``incr`` or ``decr`` of a value that is neither an int nor a float."""


class CrossNodeError(RedisCacheError, ValueError):
    """The keys of one command live on several servers, and it cannot be split between them."""


class SerializationError(RedisCacheError, pickle.PicklingError):
    """The value cannot be stored in the configured format; nothing was written.

    A ``PicklingError`` too: that is what callers of a pickling cache have always caught.
    """


class CompressorError(RedisCacheError):
    """Compressed bytes are damaged, truncated, foreign or larger than allowed when unpacked."""


class CallTooLarge(RedisCacheError):
    """The compressed values that one call asked for unpack to more than ``MAX_DECOMPRESSED_TOTAL``
    bytes together."""


class SealError(RedisCacheError):
    """A sealed value is not authentic: changed, swapped from another key, or of another secret."""


class PluginError(ImproperlyConfigured):
    """A plugin that settings name cannot be used."""


class PluginNotFound(PluginError):
    """No installed plugin has this name."""


class PluginConflict(PluginError):
    """Two distributions offer a plugin under one name, or one takes a built-in's name."""


class PluginLoadError(PluginError):
    """A plugin was found but failed to import, is of another kind, or needs another API."""


_TROUBLE = frozenset(
    "READONLY OOM LOADING MASTERDOWN CLUSTERDOWN MOVED ASK TRYAGAIN MISCONF BUSY NOREPLICAS "
    "NOPERM NOAUTH WRONGPASS UNKILLABLE".split()
)


def error_from_reply(message: str) -> RedisCacheError:
    """The error that an error reply of the server stands for.

    The first word of an error reply is its code, by the convention of
    https://redis.io/docs/latest/develop/reference/protocol-spec/#simple-errors
    """
    code = message.partition(" ")[0]
    if code in _TROUBLE:
        return ServerRefused(None, message, code)
    if code == "WRONGTYPE":
        return WrongTypeError(message)
    if code == "NOSCRIPT":
        return NoScriptError(message)
    if "max number of clients" in message:
        return ServerRefused(None, message, "MAXCLIENTS")
    return ReplyError(message)
