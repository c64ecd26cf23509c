"""How many bytes of values a command and its reply carry, as they are stored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .command import Command, Spread

#: Where values stand among the arguments of commands that store some.
_STORED: Mapping[bytes, slice] = {
    b"SET": slice(2, 3),
    b"HSET": slice(3, None, 2),
    b"LPUSH": slice(2, None),
    b"RPUSH": slice(2, None),
    b"SADD": slice(2, None),
}

#: Commands whose replies are values and nothing else.
_READ = frozenset(
    b"GET MGET GETDEL GETEX HGET HMGET HVALS LPOP RPOP LRANGE LINDEX SMEMBERS SPOP SRANDMEMBER "
    b"SDIFF SINTER SUNION".split()
)

#: Commands that carry no value, only whether or how many.
_NONE = frozenset(
    b"EXISTS UNLINK PERSIST PEXPIRE PEXPIREAT PTTL TTL RENAME HLEN HKEYS HDEL HEXISTS LLEN SCARD "
    b"ZCARD FLUSHDB SCAN".split()
)


def value_bytes(request: Any, answer: Any) -> int | None:
    """Of a command or a batch; None where it is a command that is not known here."""
    if isinstance(request, list):
        answers = answer if isinstance(answer, list) else [None] * len(request)
        each = [value_bytes(one, reply) for one, reply in zip(request, answers, strict=True)]
        return None if None in each else sum(size for size in each if size is not None)
    if not isinstance(request, Command | Spread):
        return 0
    name = request.kind.name
    if name in _READ:
        return _length(answer)
    if name in _STORED and isinstance(request, Command):
        return sum(map(_length, request.args[_STORED[name]]))
    return 0 if name in _NONE else None


def _length(value: Any) -> int:
    if isinstance(value, bytes):
        return len(value)
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, bool) or value is None or isinstance(value, Exception):
        return 0
    if isinstance(value, int):
        return len(b"%d" % value)
    return sum(map(_length, value)) if isinstance(value, Iterable) else len(repr(value))
