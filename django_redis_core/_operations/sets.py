"""Sets: members without order, each once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .._codec.glob import matching
from ..commands import (
    SADD,
    SCARD,
    SDIFF,
    SDIFFSTORE,
    SINTER,
    SINTERSTORE,
    SISMEMBER,
    SMEMBERS,
    SMISMEMBER,
    SMOVE,
    SPOP,
    SRANDMEMBER,
    SREM,
    SSCAN,
    SUNION,
    SUNIONSTORE,
    UNLINK,
    Emit,
    Operation,
    OverKeys,
    Places,
    Script,
    Stream,
)
from ..exceptions import CrossNodeError, SerializationError
from .arguments import how_many, page, whole
from .declare import always, checked, operation
from .elements import Elements, alone_or, each, one_each

# SMOVE of a member that a sealer has bound to its key, so that its bytes differ between the keys.
_MOVE = Script(
    """
if redis.call('SREM', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('SADD', KEYS[2], ARGV[2])
return 1
"""
)


class Sets(Elements):
    """A member is found by its bytes: it is the same member when it serializes alike."""

    @operation(fallback=always(int))
    def sadd(self, key: Any, *members: Any, version: Any = None) -> Operation[int]:
        """Adds members; returns how many are new. Members must be hashable (else TypeError),
        because they are given back in a Python set."""
        for member in members:
            hash(member)
        full = self.naming.make(key, version)
        return int((yield SADD(full, *self.members(full, members)))) if members else 0

    @operation(fallback=always(int))
    def srem(self, key: Any, *members: Any, version: Any = None) -> Operation[int]:
        """Removes members; returns how many were there."""
        full = self.naming.make(key, version)
        return int((yield SREM(full, *self.members(full, members)))) if members else 0

    @operation(fallback=always(int))
    def scard(self, key: Any, version: Any = None) -> Operation[int]:
        """How many members there are."""
        return int((yield SCARD(self.naming.make(key, version))))

    @operation(fallback=always(bool))
    def sismember(self, key: Any, member: Any, version: Any = None) -> Operation[bool]:
        """Whether ``member`` is in the set."""
        full = self.naming.make(key, version)
        return bool((yield SISMEMBER(full, *self.members(full, (member,)))))

    @operation(fallback=one_each("members", False))
    def smismember(self, key: Any, *members: Any, version: Any = None) -> Operation[list[bool]]:
        """Whether each of ``members`` is in the set, in their order."""
        full = self.naming.make(key, version)
        if not members:
            return []
        found = each(members, (yield SMISMEMBER(full, *self.members(full, members))))
        return [bool(there) for there in found]

    @operation(fallback=always(set))
    def smembers(self, key: Any, version: Any = None) -> Operation[set[Any]]:
        """All members; one that cannot be read is left out."""
        full = self.naming.make(key, version)
        return self.as_set(full, (yield SMEMBERS(full)))

    @operation(fallback=alone_or(set))
    def spop(self, key: Any, count: int | None = None, version: Any = None) -> Operation[Any]:
        """Takes a random member out and returns it, None when there is none; with ``count`` a
        set of up to so many. A member that cannot be read is gone, and left out."""
        full = self.naming.make(key, version)
        count = how_many(SPOP, count)
        if count is None:
            return self.one(full, (yield SPOP(full)))
        return self.as_set(full, (yield SPOP(full, count))) if count else set()

    @operation(fallback=alone_or(list))
    def srandmember(
        self, key: Any, count: int | None = None, version: Any = None
    ) -> Operation[Any]:
        """A random member, None when there is none; with ``count`` a list of up to so many
        different ones, with a negative one of exactly ``-count``, perhaps repeated."""
        full = self.naming.make(key, version)
        if count is None:
            return self.one(full, (yield SRANDMEMBER(full)))
        return self.several(full, (yield SRANDMEMBER(full, whole("srandmember", "count", count))))

    @operation(fallback=always(set))
    def sscan(
        self, key: Any, match: str | None = None, count: int | None = None, version: Any = None
    ) -> Operation[set[Any]]:
        """One page of members, about ``count`` of them (the cache's ``SCAN_ITERSIZE`` without
        one), of which those that ``match`` are returned; ``sscan_iter`` goes through all pages.

        ``match`` is a glob pattern for the members as callers know them: text, or an int's digits.
        """
        full = self.naming.make(key, version)
        matches = matching(match) if match else None
        size = self.scan_itersize if count is None else page("sscan", "count", count)
        _, some = yield SSCAN(full, 0, b"COUNT", size)
        return {member for member in self.as_set(full, some) if not matches or matches(member)}

    @operation(fallback=always(list), stream=True)
    def sscan_iter(
        self, key: Any, match: str | None = None, count: int | None = None, version: Any = None
    ) -> Stream:
        """All members that ``match`` (see ``sscan``), while they are being found.

        ``count`` is SSCAN's COUNT, the work a round trip. A member may come twice, and one that
        is added or removed meanwhile may come or not (https://redis.io/commands/scan/).
        """
        full = self.naming.make(key, version)
        matches = matching(match) if match else None
        size = self.scan_itersize if count is None else page("sscan_iter", "count", count)
        cursor = -1
        while cursor:
            cursor, some = yield SSCAN(full, max(cursor, 0), b"COUNT", size).primary()
            found = self.as_set(full, some)
            yield Emit([member for member in found if not matches or matches(member)])

    @operation(fallback=always(set))
    def sdiff(self, *keys: Any, version: Any = None) -> Operation[set[Any]]:
        """The members of the first set that are in none of the others. No keys: an empty set.

        Where the keys live on several servers, each set is read and the rest is done here; so it
        is for ``sinter`` and ``sunion``.
        """
        return (yield from self.combined(SDIFF, set.difference, keys, version))

    @operation(fallback=always(set))
    def sinter(self, *keys: Any, version: Any = None) -> Operation[set[Any]]:
        """The members that are in all sets. No keys: an empty set."""
        return (yield from self.combined(SINTER, set.intersection, keys, version))

    @operation(fallback=always(set))
    def sunion(self, *keys: Any, version: Any = None) -> Operation[set[Any]]:
        """The members that are in any of the sets. No keys: an empty set."""
        return (yield from self.combined(SUNION, set.union, keys, version))

    @operation(fallback=always(int), keys=("dest", "keys"))
    def sdiffstore(
        self,
        dest: Any,
        *keys: Any,
        version: Any = None,
        version_dest: Any = None,
        version_keys: Any = None,
    ) -> Operation[int]:
        """Stores what ``sdiff`` gives under ``dest``, in one atomic step; returns how many
        members that are. An empty result removes ``dest``. ``version_dest`` and ``version_keys``
        are used instead of ``version``.

        Raises ``CrossNodeError`` where the keys live on several servers; so do ``sinterstore``
        and ``sunionstore``.
        """
        dest = self.naming.make(dest, version if version_dest is None else version_dest)
        version = version if version_keys is None else version_keys
        return (yield from self.stored(SDIFFSTORE, dest, keys, version))

    @operation(fallback=always(int), keys=("dest", "keys"))
    def sinterstore(self, dest: Any, *keys: Any, version: Any = None) -> Operation[int]:
        """Stores what ``sinter`` gives under ``dest``; see ``sdiffstore``."""
        dest = self.naming.make(dest, version)
        return (yield from self.stored(SINTERSTORE, dest, keys, version))

    @operation(fallback=always(int), keys=("destination", "keys"))
    def sunionstore(self, destination: Any, *keys: Any, version: Any = None) -> Operation[int]:
        """Stores what ``sunion`` gives under ``destination``; see ``sdiffstore``."""
        dest = self.naming.make(destination, version)
        return (yield from self.stored(SUNIONSTORE, dest, keys, version))

    @operation(fallback=always(bool), keys=("source", "destination"))
    def smove(
        self, source: Any, destination: Any, member: Any, version: Any = None
    ) -> Operation[bool]:
        """Moves a member from one set to another in one atomic step; True when it was in
        ``source``. ``version`` is that of both keys. Raises ``CrossNodeError`` where they live on
        different servers."""
        old = self.naming.make(source, version)
        new = self.naming.make(destination, version)
        (data,), (data_there,) = self.members(old, (member,)), self.members(new, (member,))
        if not (yield from self.together((old, new))):
            raise across("smove")
        if data == data_there:
            return bool((yield SMOVE(old, new, data)))
        return bool((yield from _MOVE((old, new), data, data_there)))

    def members(self, full: str, members: Sequence[Any]) -> list[bytes]:
        encode = self.codec.encode_member
        return [encode(full, member) for member in members]

    def together(self, fulls: Sequence[str]) -> Operation[bool]:
        """Whether one command can work on all of these keys."""
        return len(set((yield Places(fulls)))) < 2

    def combined(
        self, command: OverKeys, combine: Callable[..., Any], keys: Sequence[Any], version: Any
    ) -> Operation[set[Any]]:
        fulls = [self.naming.make(key, version) for key in keys]
        if not fulls:
            return set()
        if self.codec.sealer is None and (yield from self.together(fulls)):
            return self.as_set(fulls[0], (yield command(fulls)))
        replies = checked((yield [SMEMBERS(full) for full in fulls]))
        counted = self.codec.counted(replies)
        return combine(*map(self.as_set, fulls, counted))  # type: ignore[no-any-return]

    def stored(
        self, command: OverKeys, dest: str, keys: Sequence[Any], version: Any
    ) -> Operation[int]:
        fulls = [dest, *[self.naming.make(key, version) for key in keys]]
        name = command.kind.name.decode().lower()
        if self.codec.sealer is not None:
            raise SerializationError(
                f"{name} cannot work with the sealer {self.codec.sealer.name!r}, which binds every "
                "member to its own key: read the sets, and add the result to the other one."
            )
        if not (yield from self.together(fulls)):
            raise across(name)
        if not keys:
            yield UNLINK([dest])
            return 0
        return int((yield command(fulls)))


def across(name: str) -> CrossNodeError:
    return CrossNodeError(
        f"The keys of {name} live on several servers, and it works within one only. Keys with the "
        "same hash tag live together: '{basket}:a' and '{basket}:b'."
    )
