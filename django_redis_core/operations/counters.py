"""Counting: atomic, one round trip, and the expiry stays."""

from __future__ import annotations

from typing import Any

from ..codec import MISSING, reads_as_int
from ..commands import INCRBY
from ..exceptions import NotANumberError
from ..requests import Operation
from ..scripts import Script
from .declare import Family, operation

# The new value is read back as text because a Lua number keeps 53 bits only. A value that INCRBY
# refuses (past 64 bits, or serialized) is handed back for the caller to add to.
_ADD = Script(
    """
local old = redis.call('GET', KEYS[1])
if not old then return false end
local result = redis.pcall('INCRBY', KEYS[1], ARGV[1])
if type(result) == 'table' then return {old} end
return redis.call('GET', KEYS[1])
"""
)

_SWAP = Script(
    """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'KEEPTTL')
return 1
"""
)


class Counters(Family):
    @operation(fallback=None)
    def incr(
        self,
        key: Any,
        delta: int = 1,
        version: Any = None,
        *,
        ignore_key_check: bool = False,
    ) -> Operation[int]:
        """Adds ``delta`` to the number under ``key`` and returns the sum; the expiry stays.

        Raises ValueError when the key is not there (with ``ignore_key_check`` it starts at 0) and
        ``NotANumberError`` when its value is not a number. Ints of any size and floats count
        exactly, also when many workers count at once.
        """
        full = self.naming.make(key, version)
        if ignore_key_check and -(2**63) <= delta < 2**63 and delta.__class__ is int:
            return int((yield INCRBY(full, delta)))
        while True:
            reply = yield from _ADD((full,), delta)
            if reply is None:
                raise ValueError(f"Key {key!r} not found")
            if not isinstance(reply, list):
                return int(reply)
            old = reply[0]
            total = self.total(full, old, delta)
            if (yield from _SWAP((full,), old, self.encode(full, total))):
                return total  # type: ignore[no-any-return]

    def total(self, full: str, data: bytes, delta: Any) -> Any:
        """``delta`` more than the stored number, for numbers that the server cannot add to."""
        value = int(data) if reads_as_int(data) else self.unwrap(full, data)
        if value is MISSING or isinstance(value, bool) or not isinstance(value, int | float):
            raise NotANumberError(
                f"The value under {full!r} is not a number, so {delta!r} cannot be added to it."
            )
        return value + delta

    @operation(fallback=None)
    def decr(
        self,
        key: Any,
        delta: int = 1,
        version: Any = None,
        *,
        ignore_key_check: bool = False,
    ) -> Operation[int]:
        """Takes ``delta`` from the number under ``key``; see ``incr``."""
        return (yield from self.incr(key, -delta, version, ignore_key_check=ignore_key_check))
