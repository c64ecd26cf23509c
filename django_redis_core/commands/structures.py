"""The commands of hashes, lists, sets and sorted sets, one line each.

https://redis.io/docs/latest/develop/data-types/ describes what they do. ``repeatable`` asks only
what a second sending leaves behind: SADD, SREM, HSET, HDEL and plain ZADD leave the same, so a
lost reply is answered by a second try, whose count may then be lower than the first one's was.
What takes, adds to a number or to a list, or depends on a condition is never sent again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from .command import Argument, Command, Kind, Reply, cursor_and_items, number, ok


class Keyed:
    """A command whose first argument is its key: ``SADD(key, *members)`` is a ``Command``.

    ``name`` is the server's. ``write``, ``repeatable`` and ``read`` are as in ``Kind``.
    """

    __slots__ = ("kind",)

    def __init__(
        self,
        name: str,
        *,
        write: bool,
        repeatable: bool = True,
        read: Callable[[Reply], Any] | None = None,
    ) -> None:
        self.kind = Kind(name, write=write, repeatable=repeatable, read=read)

    def __call__(self, key: str, *args: Argument) -> Command:
        return Command(self.kind, (self.kind.name, key, *args), key)


class OverKeys:
    """A command over keys of one place, the first of which decides where it goes: ``SDIFF(keys)``.

    Where an operation takes keys that may live in several places, it asks for ``Places`` first.
    """

    __slots__ = ("kind",)

    def __init__(self, name: str, *, write: bool) -> None:
        self.kind = Kind(name, write=write)

    def __call__(self, keys: Sequence[str]) -> Command:
        return Command(self.kind, (self.kind.name, *keys), keys[0])


def reading(name: str, read: Callable[[Reply], Any] | None = None) -> Keyed:
    """A read, which a replica may answer and which may be sent twice. ``read`` turns the server's
    reply into what the operation is sent."""
    return Keyed(name, write=False, read=read)


def writing(name: str, read: Callable[[Reply], Any] | None = None) -> Keyed:
    """A write that leaves the same when it is sent twice, as SADD does: where the reply was lost,
    it is tried once more on a new connection."""
    return Keyed(name, write=True, read=read)


def once(name: str, read: Callable[[Reply], Any] | None = None) -> Keyed:
    """A write that must not be sent twice, as LPUSH: where the reply was lost, the caller gets
    ``ConnectionInterrupted``, and the server may have carried it out."""
    return Keyed(name, write=True, repeatable=False, read=read)


def mapping(reply: Reply) -> Mapping[bytes, bytes]:
    """Fields and values: flat in RESP2, a dict from a RESP3 client of the caller's."""
    if isinstance(reply, Mapping):
        return reply
    _refuse_text(reply)
    return dict(zip(reply[::2], reply[1::2], strict=True))


def numbers(reply: Reply) -> list[float | None]:
    """Scores, None for members that are not there."""
    return [number(score) for score in reply]


def scored(reply: Reply) -> list[tuple[bytes, float]]:
    """Members and scores: flat text in RESP2, pairs from a RESP3 client of the caller's."""
    _refuse_text(reply)
    pairs: Iterable[Any] = reply
    if reply and not isinstance(reply[0], list | tuple):
        pairs = zip(reply[::2], reply[1::2], strict=True)
    return [(member, float(score)) for member, score in pairs]


def _refuse_text(reply: Reply) -> None:
    """Of bytes, which are a row of numbers too, pairs would be made that nobody stored."""
    if isinstance(reply, bytes | str):
        raise TypeError("an array is expected here")


GETDEL = once("GETDEL")
"""``GETDEL(key)``: the bytes, and the entry is gone; None without the key."""
GETEX = writing("GETEX")
"""``GETEX(key, b"PX", milliseconds)``: the bytes, and the entry lives so long from now;
``b"PERSIST"`` alone: for ever. None without the key."""

HSET = writing("HSET")
"""``HSET(key, field, value, …)``: how many of the fields are new."""
HDEL = writing("HDEL")
"""``HDEL(key, *fields)``: how many of the fields were there."""
HINCRBY = once("HINCRBY")
"""``HINCRBY(key, field, delta)``: the new number, which is an int of 64 bits; a field that is not
there counts as 0."""
HLEN = reading("HLEN")
"""``HLEN(key)``: the number of fields, 0 without the key."""
HKEYS = reading("HKEYS")
"""``HKEYS(key)``: a list of all fields."""
HVALS = reading("HVALS")
"""``HVALS(key)``: a list of all values."""
HGET = reading("HGET")
"""``HGET(key, field)``: the value, or None."""
HMGET = reading("HMGET")
"""``HMGET(key, *fields)``: a list of their values, None for one that is not there."""
HGETALL = reading("HGETALL", mapping)
"""``HGETALL(key)``: a dict of all fields and values, empty without the key."""
HEXISTS = reading("HEXISTS", bool)
"""``HEXISTS(key, field)``: whether it is there."""

LPUSH = once("LPUSH")
"""``LPUSH(key, *elements)``: the new length; the last element given is first in the list."""
RPUSH = once("RPUSH")
"""``RPUSH(key, *elements)``: the new length; the last element given is last in the list."""
LPOP = once("LPOP")
"""``LPOP(key)``: the first element, taken out, or None; with a count, ``LPOP(key, 3)``, a list, or
None without the key."""
RPOP = once("RPOP")
"""``RPOP(key)``: as ``LPOP``, from the end."""
LTRIM = once("LTRIM", ok)
"""``LTRIM(key, start, end)``: True; only the elements from ``start`` to ``end`` stay, both
included, from 0, negative ones from the end."""
LREM = once("LREM")
"""``LREM(key, count, element)``: how many were removed: the first ``count`` that are equal, 0 for
all, the last ones where it is negative."""
LRANGE = reading("LRANGE")
"""``LRANGE(key, start, end)``: a list of the elements from ``start`` to ``end``, both included."""
LLEN = reading("LLEN")
"""``LLEN(key)``: the length, 0 without the key."""
LINDEX = reading("LINDEX")
"""``LINDEX(key, index)``: the element at ``index``, from 0, negative ones from the end; None
outside of the list."""

SADD = writing("SADD")
"""``SADD(key, *members)``: how many of the members are new."""
SREM = writing("SREM")
"""``SREM(key, *members)``: how many of the members were there."""
SPOP = once("SPOP")
"""``SPOP(key)``: a member by chance, taken out, or None; with a count, ``SPOP(key, 3)``, a list."""
SCARD = reading("SCARD")
"""``SCARD(key)``: the number of members, 0 without the key."""
SISMEMBER = reading("SISMEMBER", bool)
"""``SISMEMBER(key, member)``: whether it is there."""
SMISMEMBER = reading("SMISMEMBER")
"""``SMISMEMBER(key, *members)``: a list of 1 and 0, one for each."""
SMEMBERS = reading("SMEMBERS")
"""``SMEMBERS(key)``: a list of all members, in no order."""
SRANDMEMBER = reading("SRANDMEMBER")
"""``SRANDMEMBER(key)``: a member by chance, which stays, or None; with a count, ``SRANDMEMBER(key,
3)``, a list."""
SSCAN = reading("SSCAN", cursor_and_items)
"""``SSCAN(key, cursor, b"MATCH", pattern, b"COUNT", count)``: the next cursor, 0 at the end, and a
list of members. A cursor means nothing on another server."""
SDIFF = OverKeys("SDIFF", write=False)
"""``SDIFF(keys)``: a list of the members of the first set that no other one has. All keys in one
place."""
SINTER = OverKeys("SINTER", write=False)
"""``SINTER(keys)``: a list of the members that all sets have. All keys in one place."""
SUNION = OverKeys("SUNION", write=False)
"""``SUNION(keys)``: a list of the members of any of the sets. All keys in one place."""
SDIFFSTORE = OverKeys("SDIFFSTORE", write=True)
"""``SDIFFSTORE([destination, *keys])``: how many members there are; as ``SDIFF``, written to
``destination``."""
SINTERSTORE = OverKeys("SINTERSTORE", write=True)
"""``SINTERSTORE([destination, *keys])``: how many members there are; as ``SINTER``, written to
``destination``."""
SUNIONSTORE = OverKeys("SUNIONSTORE", write=True)
"""``SUNIONSTORE([destination, *keys])``: how many members there are; as ``SUNION``, written to
``destination``."""
_SMOVE = once("SMOVE", bool)

ZADD = writing("ZADD")
"""``ZADD(key, score, member, …)``: how many of the members are new."""
ZADD_IF = once("ZADD")
"""``ZADD_IF(key, b"NX", score, member, …)``: as ``ZADD``, under a condition: ``b"NX"``, ``b"XX"``,
``b"GT"``, ``b"LT"``. A second sending would find another state."""
ZADD_INCR = once("ZADD", number)
"""``ZADD_INCR(key, b"INCR", delta, member)``: the new score, a float; None where a condition was
not met."""
ZINCRBY = once("ZINCRBY", number)
"""``ZINCRBY(key, delta, member)``: the new score, a float; a member that is not there counts as
0."""
ZREM = writing("ZREM")
"""``ZREM(key, *members)``: how many of the members were there."""
ZREMRANGEBYSCORE = writing("ZREMRANGEBYSCORE")
"""``ZREMRANGEBYSCORE(key, least, most)``: how many were removed. A limit is a number, ``b"-inf"``,
``b"+inf"``, or text with ``(`` before it, which leaves the limit itself out."""
ZPOPMAX = once("ZPOPMAX", scored)
"""``ZPOPMAX(key, count)``: a list of ``(member, score)``, taken out, the highest first."""
ZPOPMIN = once("ZPOPMIN", scored)
"""``ZPOPMIN(key, count)``: a list of ``(member, score)``, taken out, the lowest first."""
ZCARD = reading("ZCARD")
"""``ZCARD(key)``: the number of members, 0 without the key."""
ZCOUNT = reading("ZCOUNT")
"""``ZCOUNT(key, least, most)``: how many have a score between the limits, which are as in
``ZREMRANGEBYSCORE``."""
ZRANK = reading("ZRANK")
"""``ZRANK(key, member)``: its place by score, from 0 for the lowest; None where it is not there."""
ZSCORE = reading("ZSCORE", number)
"""``ZSCORE(key, member)``: its score, a float, or None."""
ZMSCORE = reading("ZMSCORE", numbers)
"""``ZMSCORE(key, *members)``: a list of their scores, None for one that is not there."""
ZRANGE = reading("ZRANGE")
"""``ZRANGE(key, start, end)``: a list of the members from place ``start`` to ``end``, both
included; ``b"REV"``, ``b"BYSCORE"`` and so on behind."""
ZRANGE_WITHSCORES = reading("ZRANGE", scored)
"""``ZRANGE_WITHSCORES(key, start, end, b"WITHSCORES")``: as ``ZRANGE``: a list of ``(member,
score)``."""


def SMOVE(source: str, destination: str, member: bytes) -> Command:
    """Whether ``member`` was in ``source``, and now is in ``destination``. Both in one place."""
    return _SMOVE(source, destination, member)
