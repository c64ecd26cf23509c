"""Hashes, lists, sets and sorted sets, carried from one cache to another.

As the server's own dump where both take it, which keeps what no other command tells (the expiry of
a hash's field). A dump is refused by another make of server or an older one, and its elements do
not change their format, so otherwise they are read and written anew, in one step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ..._codec.codec import MISSING
from ...commands import (
    DUMP,
    HGETALL,
    LRANGE,
    PTTL,
    RESTORE,
    SMEMBERS,
    ZRANGE_WITHSCORES,
    Command,
    Kind,
    Script,
    ok,
)
from ...exceptions import ConnectionInterrupted, NoScriptError, ReplyError
from ..servers import is_refusal
from .sides import Clock, Side, shorter

# ARGV: the command that adds, milliseconds or -1, whether to overwrite, and what is added. In
# pieces of an even number, for pairs, because Lua's stack is limited.
_BUILD = Script(
    """
if ARGV[3] == '0' and redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('UNLINK', KEYS[1])
for at = 4, #ARGV, 4000 do
  redis.call(ARGV[1], KEYS[1], unpack(ARGV, at, math.min(at + 3999, #ARGV)))
end
if ARGV[2] ~= '-1' then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 1
"""
)

_RESTORE_NEW = Kind("RESTORE", write=True, repeatable=False, read=ok)


class Structure(NamedTuple):
    """``elements`` are bytes: a dict of a hash, a list, a set, a dict from members of a sorted set
    to their scores. ``left`` as in ``Stored``."""

    kind: str
    elements: Any
    left: int | None


class Type(NamedTuple):
    """How a type is read, and with what command it is written."""

    read: Callable[[str], Command]
    parsed: Callable[[Any], Any]
    add: str


TYPES = {
    "hash": Type(HGETALL, dict, "HSET"),
    "list": Type(lambda key: LRANGE(key, 0, -1), list, "RPUSH"),
    "set": Type(SMEMBERS, set, "SADD"),
    "zset": Type(lambda key: ZRANGE_WITHSCORES(key, 0, -1, b"WITHSCORES"), dict, "ZADD"),
}


def read(side: Side, kind: str, key: str, node: Any = None) -> Structure | None:
    """A data structure; None where there is none, or by now one of another type."""
    of = TYPES[kind]
    commands = [PTTL(key), of.read(key), PTTL(key)]
    first, reply, last = side.ask(
        [one.primary() if node is None else one.on(node) for one in commands]
    )
    for one in (first, reply, last):
        if isinstance(one, ConnectionInterrupted):
            raise one
    if any(isinstance(one, Exception) for one in (first, reply, last)) or -2 in (first, last):
        return None
    elements = of.parsed(reply)
    return Structure(kind, elements, shorter(first, last)) if elements else None


def decoded(side: Side, key: str, found: Structure) -> Any:
    """The elements as values, in a container that compares by them; MISSING where any of them
    cannot be read."""
    elements = found.elements
    if found.kind == "hash":
        values: Any = {field: side.element(key, data) for field, data in elements.items()}
        told = list(values.values())
    elif found.kind == "zset":
        values = [(side.element(key, data), score) for data, score in elements.items()]
        told = [value for value, _ in values]
    else:
        told = values = [side.element(key, data) for data in elements]
    return MISSING if any(value is MISSING for value in told) else values


def dumped(source: Side, key: str, node: Any) -> tuple[bytes, int | None] | None:
    """The dump and what is left of its time; None where the server gives none."""
    first, dump, last = source.ask([one.on(node) for one in (PTTL(key), DUMP(key), PTTL(key))])
    for one in (first, dump, last):
        if isinstance(one, Exception) and not is_refusal(one):
            raise one
    if isinstance(dump, Exception) or dump is None or -2 in (first, last):
        return None
    return dump, shorter(first, last)


def restore(target: Side, key: str, dump: bytes, left: int | None, replace: bool) -> bool | None:
    """Whether it was written; None where the server does not take the dump."""
    command = RESTORE(key, left or 0, dump)
    if not replace:
        command = Command(_RESTORE_NEW, command.args[:-1], key)
    [reply] = target.ask([command])
    if isinstance(reply, ReplyError) and str(reply).startswith("BUSYKEY"):
        return False
    if isinstance(reply, Exception):
        if is_refusal(reply):
            return None
        raise reply
    return True


def build(
    source: Side,
    target: Side,
    key: str,
    new: str,
    found: Structure,
    clock: Clock,
    *,
    raw: bool,
    replace: bool,
) -> bool | None:
    """Writes a data structure by its elements; whether it was written, None where an element cannot
    be read. Raises SerializationError where the target's format cannot hold one."""
    added = arguments(source, target, key, new, found, raw=raw)
    if added is None:
        return None
    left = clock.left(found.left)
    given = TYPES[found.kind].add, -1 if left is None else max(left, 1), int(replace), *added
    [reply] = target.ask([_BUILD.command([new], *given)])
    if isinstance(reply, NoScriptError):
        [reply] = target.ask([_BUILD.whole([new], *given)])
    if isinstance(reply, Exception):
        raise reply
    return bool(reply)


def arguments(
    source: Side, target: Side, key: str, new: str, found: Structure, *, raw: bool
) -> list[Any] | None:
    """What the command that adds is given: the elements as they are stored with ``raw``, otherwise
    in the target's format. None and SerializationError as ``build`` has them."""
    return _raw(found) if raw else _anew(source, target, key, new, found)


def _raw(found: Structure) -> list[Any]:
    if found.kind == "hash":
        return [part for pair in found.elements.items() for part in pair]
    if found.kind == "zset":
        return [part for data, score in found.elements.items() for part in (repr(score), data)]
    return [*found.elements]


def _anew(source: Side, target: Side, key: str, new: str, found: Structure) -> list[Any] | None:
    """The elements in the target's format; None where one of them cannot be read."""
    values = decoded(source, key, found)
    if values is MISSING:
        return None
    codec = target.codec
    if found.kind == "hash":
        return [
            part for field, value in values.items() for part in (field, codec.encode(new, value))
        ]
    if found.kind == "zset":
        return [
            part
            for value, score in values
            for part in (repr(score), codec.encode_scored(new, value))
        ]
    encode = codec.encode if found.kind == "list" else codec.encode_member
    return [encode(new, value) for value in values]
