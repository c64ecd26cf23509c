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
    """A command whose first argument is its key: ``SADD(key, *members)``."""

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
    """A command over keys of one place, the first of which decides where it goes."""

    __slots__ = ("kind",)

    def __init__(self, name: str, *, write: bool) -> None:
        self.kind = Kind(name, write=write)

    def __call__(self, keys: Sequence[str]) -> Command:
        return Command(self.kind, (self.kind.name, *keys), keys[0])


def reading(name: str, read: Callable[[Reply], Any] | None = None) -> Keyed:
    return Keyed(name, write=False, read=read)


def writing(name: str, read: Callable[[Reply], Any] | None = None) -> Keyed:
    """A write that leaves the same when it is sent twice."""
    return Keyed(name, write=True, read=read)


def once(name: str, read: Callable[[Reply], Any] | None = None) -> Keyed:
    """A write that must not be sent twice."""
    return Keyed(name, write=True, repeatable=False, read=read)


def mapping(reply: Reply) -> Mapping[bytes, bytes]:
    """Fields and values: flat in RESP2, a dict from a RESP3 client of the caller's."""
    if isinstance(reply, Mapping):
        return reply
    return dict(zip(reply[::2], reply[1::2], strict=True))


def numbers(reply: Reply) -> list[float | None]:
    """Scores, None for members that are not there."""
    return [number(score) for score in reply]


def scored(reply: Reply) -> list[tuple[bytes, float]]:
    """Members and scores: flat text in RESP2, pairs from a RESP3 client of the caller's."""
    pairs: Iterable[Any] = reply
    if reply and not isinstance(reply[0], list | tuple):
        pairs = zip(reply[::2], reply[1::2], strict=True)
    return [(member, float(score)) for member, score in pairs]


GETDEL = once("GETDEL")
GETEX = writing("GETEX")

HSET = writing("HSET")
HDEL = writing("HDEL")
HINCRBY = once("HINCRBY")
HLEN = reading("HLEN")
HKEYS = reading("HKEYS")
HVALS = reading("HVALS")
HGET = reading("HGET")
HMGET = reading("HMGET")
HGETALL = reading("HGETALL", mapping)
HEXISTS = reading("HEXISTS", bool)

LPUSH = once("LPUSH")
RPUSH = once("RPUSH")
LPOP = once("LPOP")
RPOP = once("RPOP")
LTRIM = once("LTRIM", ok)
LREM = once("LREM")
LRANGE = reading("LRANGE")
LLEN = reading("LLEN")
LINDEX = reading("LINDEX")

SADD = writing("SADD")
SREM = writing("SREM")
SPOP = once("SPOP")
SCARD = reading("SCARD")
SISMEMBER = reading("SISMEMBER", bool)
SMISMEMBER = reading("SMISMEMBER")
SMEMBERS = reading("SMEMBERS")
SRANDMEMBER = reading("SRANDMEMBER")
SSCAN = reading("SSCAN", cursor_and_items)
SDIFF = OverKeys("SDIFF", write=False)
SINTER = OverKeys("SINTER", write=False)
SUNION = OverKeys("SUNION", write=False)
SDIFFSTORE = OverKeys("SDIFFSTORE", write=True)
SINTERSTORE = OverKeys("SINTERSTORE", write=True)
SUNIONSTORE = OverKeys("SUNIONSTORE", write=True)
_SMOVE = once("SMOVE", bool)

ZADD = writing("ZADD")
ZADD_IF = once("ZADD")
ZADD_INCR = once("ZADD", number)
ZINCRBY = once("ZINCRBY", number)
ZREM = writing("ZREM")
ZREMRANGEBYSCORE = writing("ZREMRANGEBYSCORE")
ZPOPMAX = once("ZPOPMAX", scored)
ZPOPMIN = once("ZPOPMIN", scored)
ZCARD = reading("ZCARD")
ZCOUNT = reading("ZCOUNT")
ZRANK = reading("ZRANK")
ZSCORE = reading("ZSCORE", number)
ZMSCORE = reading("ZMSCORE", numbers)
ZRANGE = reading("ZRANGE")
ZRANGE_WITHSCORES = reading("ZRANGE", scored)


def SMOVE(source: str, destination: str, member: bytes) -> Command:
    return _SMOVE(source, destination, member)
