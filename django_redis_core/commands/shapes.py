"""Which replies each command can have, for who has stumbled over one.

Nothing is looked at while all goes well: a server that keeps to its protocol costs no check. When
an operation fails in a way that programs fail, this says whether the reply was to blame, so that a
broken server is trouble of the server and not a TypeError.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from ..exceptions import ConnectionInterrupted
from .command import Argument, Command, Reply, Spread

#: What code raises that was given a reply of another form than it is written for.
STUMBLED = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError)

#: In the place of a request or an answer that there has not been.
NOTHING: Final = object()

Fits = Callable[[Sequence[Argument], Reply], bool]


def _bulk(args: Sequence[Argument], reply: Reply) -> bool:
    return reply is None or isinstance(reply, bytes | str)


def _count(args: Sequence[Argument], reply: Reply) -> bool:
    return isinstance(reply, int)


def _place(args: Sequence[Argument], reply: Reply) -> bool:
    return reply is None or isinstance(reply, int)


def _items(args: Sequence[Argument], reply: Reply) -> bool:
    return isinstance(reply, list | set) and all(_bulk(args, item) for item in reply)


def _by_count(args: Sequence[Argument], reply: Reply) -> bool:
    """Of pops and the like: one, or several where a count is given."""
    return _bulk(args, reply) if len(args) < 3 else _items(args, reply)


def _score(args: Sequence[Argument], reply: Reply) -> bool:
    return isinstance(reply, float)


def _pairs(args: Sequence[Argument], reply: Reply) -> bool:
    """Members and scores, or fields and values, when they were read."""
    rows = reply.items() if isinstance(reply, Mapping) else reply
    return all(_bulk(args, name) and (_score(args, at) or _bulk(args, at)) for name, at in rows)


def _each(first: int, fits: Fits) -> Fits:
    """One for each argument from ``first`` on."""

    def check(args: Sequence[Argument], reply: Reply) -> bool:
        right = isinstance(reply, list) and len(reply) == len(args) - first
        return right and all(isinstance(one, Exception) or fits(args, one) for one in reply)

    return check


def _of_script(args: Sequence[Argument], reply: Reply) -> bool:
    flat = reply if isinstance(reply, list) and reply else [reply]
    return all(_bulk(args, one) or _count(args, one) for one in flat)


_FITS: dict[str, Fits] = {
    **dict.fromkeys("GET GETDEL GETEX GETRANGE HGET LINDEX DUMP".split(), _bulk),
    **dict.fromkeys(
        "UNLINK INCRBY TTL PTTL HSET HDEL HINCRBY HLEN LPUSH RPUSH LREM LLEN SADD SREM SCARD "
        "SDIFFSTORE SINTERSTORE SUNIONSTORE ZADD ZREM ZREMRANGEBYSCORE ZCARD ZCOUNT DBSIZE "
        "STRLEN".split(),
        _count,
    ),
    **dict.fromkeys(
        "HKEYS HVALS LRANGE SMEMBERS SDIFF SINTER SUNION ZRANGE".split(),
        _items,
    ),
    **dict.fromkeys("LPOP RPOP SPOP SRANDMEMBER".split(), _by_count),
    **dict.fromkeys(("EVAL", "EVALSHA"), _of_script),
    "ZRANK": _place,
    "MGET": _each(1, _bulk),
    "HMGET": _each(2, _bulk),
    "SMISMEMBER": _each(2, _count),
}
#: The same for what commands' ``read`` has made of replies.
_FITS_READ: dict[str, Fits] = {
    **dict.fromkeys("HGETALL ZRANGE ZPOPMIN ZPOPMAX".split(), _pairs),
    "ZINCRBY": _score,
    "ZMSCORE": _each(2, lambda args, score: score is None or isinstance(score, float)),
}


def misread(request: Any, answer: Any) -> ConnectionInterrupted | None:
    """The trouble where ``answer`` is none that ``request`` can have; None where it can, or where
    that is not known."""
    if isinstance(request, list):
        if not isinstance(answer, list) or len(answer) != len(request):
            return None  # not a server's doing
        found = (misread(one, reply) for one, reply in zip(request, answer, strict=True))
        return next((trouble for trouble in found if trouble is not None), None)
    if answer is NOTHING or isinstance(answer, Exception):
        return None
    if isinstance(request, Spread):
        request = request.whole()
    if isinstance(request, Command):
        known = _FITS if request.kind.read is None else _FITS_READ
        fits = known.get(request.kind.name.decode())
        if fits is not None and not fits(request.args, answer):
            return strange(request, answer)
    return None


def strange(command: Command, reply: Reply) -> ConnectionInterrupted:
    """The trouble with a reply that no server gives; what it says stays out of the error."""
    name, kind = command.kind.name.decode(), type(reply).__name__
    return ConnectionInterrupted(None, f"the reply to {name} is not one of its own, but a {kind}")
