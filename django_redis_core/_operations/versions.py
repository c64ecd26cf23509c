"""Moving an entry to another version of its key."""

from __future__ import annotations

from typing import Any

from .._codec.codec import MISSING
from ..commands import DUMP, GET, PTTL, RENAME, RESTORE, SET, UNLINK, Operation, Places, Script
from ..exceptions import ReplyError, SerializationError, WrongTypeError
from .arguments import whole
from .declare import Family, checked, operation

# RENAME of a value that a sealer has bound to its key, if it still is the one that was seen.
_MOVE = Script(
    """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('RENAME', KEYS[1], KEYS[2])
redis.call('SET', KEYS[2], ARGV[2], 'KEEPTTL')
return 1
"""
)


class Versions(Family):
    @operation(fallback=None)
    def incr_version(self, key: Any, delta: int = 1, version: Any = None) -> Operation[int]:
        """Moves the entry ``delta`` versions on and returns the new version; the expiry stays.

        One atomic command where both keys live together. Where they do not (a ring of shards, a
        cluster), the value is copied before it is removed, so it can be seen twice but never lost.
        """
        if version is None:
            version = self.naming.version
        delta = whole("incr_version", "delta", delta)
        old = self.naming.make(key, version)
        try:
            following = version + delta
        except TypeError:
            raise TypeError(
                f"incr_version: the version {version!r} is no number that {delta} can be added to."
            ) from None
        new = self.naming.make(key, following)
        missing = ValueError(f"Key {key!r} not found")
        here, there = yield Places((old, new))
        if self.codec.sealer is not None:
            if not (yield from self.move_sealed(old, new, together=here == there)):
                raise missing
            return int(following)
        if here == there:
            try:
                yield RENAME(old, new)
            except ReplyError as error:
                if "no such key" in str(error):
                    raise missing from None
                raise
            return int(following)
        dump, left = checked((yield [DUMP(old).primary(), PTTL(old).primary()]))
        if dump is None or left == -2:
            raise missing
        yield RESTORE(new, max(left, 0), dump)
        yield UNLINK([old])
        return int(following)

    def move_sealed(self, old: str, new: str, *, together: bool) -> Operation[bool]:
        """Moves a value that is bound to its key; whether there was one that can be read."""
        while True:
            try:
                seen, left = checked((yield [GET(old).primary(), PTTL(old).primary()]))
            except WrongTypeError:
                sealer = self.codec.sealer
                raise SerializationError(
                    f"incr_version cannot move the data structure under {old!r} with the sealer "
                    f"{sealer and sealer.name!r}, which binds every element to the key: read it, "
                    "and write it anew."
                ) from None
            data: Any = MISSING if seen is None else self.resealed(old, new, seen)
            if data is MISSING:
                return False
            if not together:
                yield SET(new, data, None if left < 0 else max(left, 1))
                yield UNLINK([old])
                return True
            if (yield from _MOVE((old, new), seen, data)):
                return True

    def resealed(self, old: str, new: str, data: bytes) -> Any:
        """An entry of one key, as it is stored under another; MISSING if it cannot be read."""
        value = self.codec.decode(old, data)
        return MISSING if value is MISSING else self.codec.encode(new, value)

    @operation(fallback=None)
    def decr_version(self, key: Any, delta: int = 1, version: Any = None) -> Operation[int]:
        """Moves the entry ``delta`` versions back; see ``incr_version``."""
        delta = whole("decr_version", "delta", delta)
        return (yield from self.incr_version(key, -delta, version))
