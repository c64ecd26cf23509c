"""Counting: atomic, one round trip, and the expiry stays."""

from __future__ import annotations

from typing import Any

from .._codec.codec import MISSING, reads_as_int
from ..commands import INCRBY, SET, Operation, Script
from ..exceptions import ConnectionInterrupted, NotANumberError, ReplyError, WrongTypeError
from .declare import Family, operation

# A value that INCRBY refuses (past 64 bits, or serialized) is handed back for the caller to add to.
# The second argument is there when the counter may be created: the milliseconds that it then lives.
# A Lua number keeps 53 bits, so what may be longer is read back as text.
_ADD = Script(
    """
local old = redis.call('GET', KEYS[1])
if not old and not ARGV[2] then return false end
local new = redis.pcall('INCRBY', KEYS[1], ARGV[1])
if type(new) == 'table' then return old and {old} end
if not old then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
if new > -2^53 and new < 2^53 then return new end
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
        timeout: Any = MISSING,
    ) -> Operation[int]:
        """Adds ``delta`` to the number under ``key`` and returns the sum; the expiry stays.

        Raises ValueError when the key is not there (with ``ignore_key_check`` it starts at 0) and
        ``NotANumberError`` when its value is not a number. Ints of any size and floats count
        exactly, also when many workers count at once.

        With ``timeout`` a key that is not there starts at 0 too, and lives for so many seconds
        from its first count (None: for ever): one counter for each span of time.
        """
        full = self.naming.make(key, version)
        self.check_delta(delta)
        milliseconds = None
        if timeout is not MISSING:
            milliseconds, ignore_key_check = self.milliseconds(timeout), True
        start = () if milliseconds is None else (milliseconds,)
        small = delta.__class__ is int and -(2**63) <= delta < 2**63
        if ignore_key_check and small and not start:
            try:
                return int((yield INCRBY(full, delta)))
            except WrongTypeError:
                raise
            except ReplyError:  # a number that the server cannot add to, or none
                pass
        amount = b"%d" % delta if small else delta
        while True:
            try:
                reply = yield _ADD.command((full,), amount, *start)
            except ReplyError as error:
                reply = yield _ADD.again(error, (full,), amount, *start)
            if reply.__class__ is int:
                return reply
            if reply is None:
                if not ignore_key_check:
                    raise ValueError(f"Key {key!r} not found")
                if milliseconds is not None and milliseconds <= 0:
                    return delta  # it would be gone at once
                if (yield SET(full, *self.wrap(full, delta, milliseconds), nx=True)):
                    return delta
                continue
            if not isinstance(reply, list):
                text: Any = reply  # of a caller's own client, which may decode
                if not isinstance(reply, bytes | str) or not reads_as_int(text):
                    # The script has just added to it.
                    raise ConnectionInterrupted(None, "the new value is no number")
                return int(reply)
            old = reply[0] if reply else None
            if not isinstance(old, bytes):
                raise ConnectionInterrupted(None, "the old value is no text")
            total = self.total(full, old, delta)
            data, _ = self.wrap(full, total, None)  # the expiry stays
            if (yield from _SWAP((full,), old, data)):
                return total  # type: ignore[no-any-return]

    def check_delta(self, delta: Any, operation: str = "incr") -> None:
        """TypeError for a ``delta`` that is no number, before anything is sent."""
        if isinstance(delta, bool) or not isinstance(delta, int | float):
            raise TypeError(f"{operation}: delta must be an int or a float, not {delta!r}.")

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
        timeout: Any = MISSING,
    ) -> Operation[int]:
        """Takes ``delta`` from the number under ``key``; see ``incr``."""
        self.check_delta(-delta if isinstance(delta, bool) else delta, "decr")
        given = {} if timeout is MISSING else {"timeout": timeout}
        return (
            yield from self.incr(key, -delta, version, ignore_key_check=ignore_key_check, **given)
        )
