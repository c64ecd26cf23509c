"""How errors stand in spans and metrics: by their class or the server's code, never their words,
which may name keys."""

from __future__ import annotations

from redis.exceptions import RedisError

from django_redis_core.exceptions import ConnectionInterrupted, ReplyError, ServerRefused


def code_of(error: BaseException) -> str | None:
    """The first word of an error reply, by which servers tell what is wrong (``WRONGTYPE``)."""
    if isinstance(error, ServerRefused):
        return error.code or None
    if isinstance(error, ReplyError):
        word = str(error).partition(" ")[0]
        return word if word.isupper() and word.isalpha() else None
    return None


def type_of(error: BaseException) -> str:
    """``error.type``: the server's code, or the class of the exception. Of a lost connection it is
    that of what happened to it."""
    code = code_of(error)
    if code is not None:
        return code
    while type(error) is ConnectionInterrupted or type(error).__module__.startswith("redis."):
        # redis-py raises its own in place of the system's, which it does not name as the cause.
        beneath = error.__cause__ or error.__context__
        if not isinstance(beneath, OSError | RedisError):
            break
        error = beneath
    kind = type(error)
    if kind.__module__ == "builtins":
        return kind.__qualname__
    return f"{kind.__module__}.{kind.__qualname__}"


def described(error: BaseException) -> dict[str, str]:
    """The attributes of what ended with ``error``."""
    attributes = {"error.type": type_of(error)}
    code = code_of(error)
    if code is not None:
        attributes["db.response.status_code"] = code
    return attributes
