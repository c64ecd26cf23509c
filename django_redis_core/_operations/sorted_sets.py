"""Sorted sets: members with scores, ordered by them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .._codec.codec import MISSING
from ..commands import (
    ZADD,
    ZADD_IF,
    ZADD_INCR,
    ZCARD,
    ZCOUNT,
    ZINCRBY,
    ZMSCORE,
    ZPOPMAX,
    ZPOPMIN,
    ZRANGE,
    ZRANGE_WITHSCORES,
    ZRANK,
    ZREM,
    ZREMRANGEBYSCORE,
    ZSCORE,
    Argument,
    Command,
    Keyed,
    Operation,
)
from .arguments import bounds, ends, how_many, score, whole
from .declare import Arguments, always, checked, nothing, operation
from .elements import Elements, alone_or, each, is_mapping, one_each


def _nothing_added(arguments: Arguments) -> int | None:
    return None if arguments["incr"] else 0


class SortedSets(Elements):
    """Members are serialized, ints too, which is how django-redis stores them here. Scores are
    doubles; nan is a ValueError. ``min`` and ``max`` are scores or Redis' text for them: ``"(1"``
    leaves 1 out, ``"-inf"`` and ``"+inf"`` are the ends."""

    @operation(fallback=_nothing_added)
    def zadd(
        self,
        key: Any,
        mapping: Mapping[Any, float],
        nx: bool = False,
        xx: bool = False,
        ch: bool = False,
        incr: bool = False,
        gt: bool = False,
        lt: bool = False,
        version: Any = None,
    ) -> Operation[int | float | None]:
        """Sets the scores of members; returns how many members are new.

        ``nx``: only new members; ``xx``: only members that are there; ``gt``, ``lt``: only if the
        score grows, or shrinks. ``ch`` counts changed scores too. ``incr`` adds to the score of
        one member and returns the new one, None when a condition kept it. An empty mapping
        changes nothing and sends nothing. Conditions that exclude each other are a ValueError.
        """
        is_mapping(mapping)
        if bool(nx) + bool(gt) + bool(lt) > 1 or (nx and xx):
            raise ValueError("zadd: of nx, gt and lt only one can be given, and nx not with xx.")
        if incr and len(mapping) != 1:
            raise ValueError("zadd with incr takes exactly one member.")
        full = self.naming.make(key, version)
        flags = {b"NX": nx, b"XX": xx, b"GT": gt, b"LT": lt, b"CH": ch, b"INCR": incr}
        args: list[Argument] = [flag for flag, given in flags.items() if given]
        for member, value in mapping.items():
            args += (score("zadd", value), self.codec.encode_scored(full, member))
        if not mapping:
            return 0
        command = ZADD_INCR if incr else ZADD_IF if nx or xx or gt or lt else ZADD
        added: int | float | None = yield command(full, *args)
        return added if incr else int(added or 0)

    @operation(fallback=None)
    def zincrby(self, key: Any, amount: float, value: Any, version: Any = None) -> Operation[float]:
        """Adds ``amount`` to the score of a member, which starts at 0, and returns the new one.
        Like ``incr`` it is raised, not ignored, when the server is in trouble."""
        full = self.naming.make(key, version)
        amount = score("zincrby", amount, "amount")
        return float((yield ZINCRBY(full, amount, self.codec.encode_scored(full, value))))

    @operation(fallback=always(int))
    def zrem(self, key: Any, *values: Any, version: Any = None) -> Operation[int]:
        """Removes members; returns how many were there."""
        full = self.naming.make(key, version)
        if not values:
            return 0
        return int((yield ZREM(full, *[self.codec.encode_scored(full, value) for value in values])))

    @operation(fallback=always(int))
    def zremrangebyscore(
        self,
        key: Any,
        min: float | str,  # noqa: A002
        max: float | str,  # noqa: A002
        version: Any = None,
    ) -> Operation[int]:
        """Removes the members whose scores are from ``min`` to ``max``; returns how many."""
        full = self.naming.make(key, version)
        return int((yield ZREMRANGEBYSCORE(full, *bounds("zremrangebyscore", min, max))))

    @operation(fallback=always(int))
    def zcard(self, key: Any, version: Any = None) -> Operation[int]:
        """How many members there are."""
        return int((yield ZCARD(self.naming.make(key, version))))

    @operation(fallback=always(int))
    def zcount(
        self,
        key: Any,
        min: float | str,  # noqa: A002
        max: float | str,  # noqa: A002
        version: Any = None,
    ) -> Operation[int]:
        """How many members have scores from ``min`` to ``max``."""
        full = self.naming.make(key, version)
        return int((yield ZCOUNT(full, *bounds("zcount", min, max))))

    @operation(fallback=always(nothing))
    def zscore(self, key: Any, value: Any, version: Any = None) -> Operation[float | None]:
        """The score of a member, or None."""
        full = self.naming.make(key, version)
        found: float | None = yield ZSCORE(full, self.codec.encode_scored(full, value))
        return found

    @operation(fallback=one_each("values", None))
    def zmscore(self, key: Any, *values: Any, version: Any = None) -> Operation[list[float | None]]:
        """The score of each member, None for one that is not there, in their order. One round
        trip: https://redis.io/commands/zmscore/"""
        full = self.naming.make(key, version)
        if not values:
            return []
        encode = self.codec.encode_scored
        return each(values, (yield ZMSCORE(full, *(encode(full, one) for one in values))))

    @operation(fallback=always(nothing))
    def zrank(
        self, key: Any, value: Any, withscore: bool = False, version: Any = None
    ) -> Operation[int | list[Any] | None]:
        """The place of a member from the lowest score, which is 0; None when it is not there.

        ``withscore``: a list of rank and score, read right after each other.
        """
        full = self.naming.make(key, version)
        member = self.codec.encode_scored(full, value)
        if not withscore:
            rank: int | None = yield ZRANK(full, member)
            return None if rank is None else int(rank)
        # Two commands, because ZRANK knows WITHSCORE only since Redis 7.2.
        answer = list(checked((yield [ZRANK(full, member), ZSCORE(full, member)])))
        return None if None in answer else answer

    @operation(fallback=alone_or(list))
    def zpopmin(self, key: Any, count: int | None = None, version: Any = None) -> Operation[Any]:
        """Takes the member with the lowest score out; returns it and its score as a tuple, None
        when there is none. With ``count``, a list of up to so many, lowest first. A member that
        cannot be read is gone, and left out."""
        return (yield from self.zpop(ZPOPMIN, key, count, version))

    @operation(fallback=alone_or(list))
    def zpopmax(self, key: Any, count: int | None = None, version: Any = None) -> Operation[Any]:
        """Takes the member with the highest score out; see ``zpopmin``. Highest first."""
        return (yield from self.zpop(ZPOPMAX, key, count, version))

    @operation(fallback=always(list))
    def zrange(
        self,
        key: Any,
        start: int,
        end: int,
        desc: bool = False,
        withscores: bool = False,
        score_cast_func: Callable[[float], Any] = float,
        version: Any = None,
    ) -> Operation[list[Any]]:
        """The members from rank ``start`` to ``end``, that one included, lowest score first
        (``desc``: highest first). Negative ranks count from the end.

        ``withscores``: tuples of member and score, the score (a float) passed through
        ``score_cast_func``. A member that cannot be read is left out.
        """
        args: list[Argument] = [*ends("zrange", start, end)]
        if desc:
            args.append(b"REV")
        return (yield from self.ranked(key, args, withscores, score_cast_func, version))

    @operation(fallback=always(list))
    def zrevrange(
        self,
        key: Any,
        start: int,
        end: int,
        withscores: bool = False,
        score_cast_func: Callable[[float], Any] = float,
        version: Any = None,
    ) -> Operation[list[Any]]:
        """``zrange`` with the highest score first."""
        args: list[Argument] = [*ends("zrevrange", start, end), b"REV"]
        return (yield from self.ranked(key, args, withscores, score_cast_func, version))

    @operation(fallback=always(list))
    def zrangebyscore(
        self,
        key: Any,
        min: float | str,  # noqa: A002
        max: float | str,  # noqa: A002
        start: int | None = None,
        num: int | None = None,
        withscores: bool = False,
        score_cast_func: Callable[[float], Any] = float,
        version: Any = None,
    ) -> Operation[list[Any]]:
        """The members with scores from ``min`` to ``max``, lowest first; of these, ``start`` and
        ``num`` (both or neither) leave out the first ``start`` and return up to ``num``."""
        of = "zrangebyscore"
        args: list[Argument] = [*bounds(of, min, max), b"BYSCORE", *limit(of, start, num)]
        return (yield from self.ranked(key, args, withscores, score_cast_func, version))

    @operation(fallback=always(list))
    def zrevrangebyscore(
        self,
        key: Any,
        max: float | str,  # noqa: A002
        min: float | str,  # noqa: A002
        start: int | None = None,
        num: int | None = None,
        withscores: bool = False,
        score_cast_func: Callable[[float], Any] = float,
        version: Any = None,
    ) -> Operation[list[Any]]:
        """``zrangebyscore`` with the highest score first, and ``max`` before ``min``."""
        of = "zrevrangebyscore"
        low, high = bounds(of, min, max)
        args: list[Argument] = [high, low, b"BYSCORE", b"REV", *limit(of, start, num)]
        return (yield from self.ranked(key, args, withscores, score_cast_func, version))

    def ranked(
        self,
        key: Any,
        args: list[Argument],
        withscores: bool,
        cast: Callable[[float], Any],
        version: Any,
    ) -> Operation[list[Any]]:
        full = self.naming.make(key, version)
        if not withscores:
            return self.several(full, (yield ZRANGE(full, *args)))
        pairs = yield ZRANGE_WITHSCORES(full, *args, b"WITHSCORES")
        return self.scored(full, pairs, cast)

    def zpop(self, command: Keyed, key: Any, count: int | None, version: Any) -> Operation[Any]:
        full = self.naming.make(key, version)
        count = how_many(command, count)
        if count == 0:
            return []
        request: Command = command(full) if count is None else command(full, count)
        popped = self.scored(full, (yield request))
        if count is None:
            return popped[0] if popped else None
        return popped

    def scored(
        self, full: str, pairs: list[tuple[bytes, float]], cast: Callable[[float], Any] = float
    ) -> list[tuple[Any, Any]]:
        decode = self.decode
        return [
            (member, cast(points))
            for data, points in self.codec.counted(pairs)
            if (member := decode(full, data)) is not MISSING
        ]


def limit(operation: str, start: int | None, num: int | None) -> list[Argument]:
    if (start is None) != (num is None):
        raise ValueError(f"{operation}: start and num are given together, or neither is.")
    if start is None:
        return []
    return [b"LIMIT", whole(operation, "start", start), whole(operation, "num", num)]
