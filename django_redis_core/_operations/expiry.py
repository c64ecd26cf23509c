"""How long an entry lives: read it, change it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT

from .._codec import timeouts
from ..commands import EXISTS, PERSIST, PEXPIRE, PEXPIREAT, PTTL, TTL, UNLINK, Operation
from .declare import Family, always, checked, operation


class Expiry(Family):
    @operation(fallback=always(bool))
    def touch(
        self, key: Any, timeout: Any = DEFAULT_TIMEOUT, version: Any = None
    ) -> Operation[bool]:
        """Gives the entry ``timeout`` seconds from now (None: no expiry); True if it is there."""
        full = self.naming.make(key, version)
        return (yield from self.live_for(full, self.milliseconds(timeout)))

    @operation(fallback=always(bool))
    def expire(
        self, key: Any, timeout: Any = DEFAULT_TIMEOUT, version: Any = None
    ) -> Operation[bool]:
        """The same as ``touch``, under Redis' name for it. Takes a timedelta as well."""
        if isinstance(timeout, timedelta):
            return (yield from self.pexpire(key, timeout, version))
        return (yield from self.touch(key, timeout, version))

    @operation(fallback=always(bool))
    def pexpire(
        self, key: Any, timeout: Any = DEFAULT_TIMEOUT, version: Any = None
    ) -> Operation[bool]:
        """Like ``expire``, with ``timeout`` in milliseconds (DEFAULT_TIMEOUT: the cache's own) or
        a timedelta."""
        milliseconds = (
            self.milliseconds(timeout)
            if timeout is DEFAULT_TIMEOUT or timeout is None
            else timeouts.whole_milliseconds(timeout)
        )
        return (yield from self.live_for(self.naming.make(key, version), milliseconds))

    @operation(fallback=always(bool))
    def expire_at(
        self, key: Any, when: datetime | int | float, version: Any = None
    ) -> Operation[bool]:
        """Lets the entry expire at a datetime or a Unix time in seconds; True if it is there."""
        full = self.naming.make(key, version)
        return (yield from self.live_until(full, timeouts.moment(when, 1)))

    @operation(fallback=always(bool))
    def pexpire_at(
        self, key: Any, when: datetime | int | float, version: Any = None
    ) -> Operation[bool]:
        """Like ``expire_at``, with a Unix time in milliseconds."""
        full = self.naming.make(key, version)
        return (yield from self.live_until(full, timeouts.moment(when, 1000)))

    @operation(fallback=always(bool))
    def persist(self, key: Any, version: Any = None) -> Operation[bool]:
        """Takes the expiry away; True if there was one."""
        return bool((yield PERSIST(self.naming.make(key, version))))

    @operation(fallback=always(int))
    def ttl(self, key: Any, version: Any = None) -> Operation[int | None]:
        """The seconds left, None without an expiry, 0 without the key."""
        return left((yield TTL(self.naming.make(key, version))))

    @operation(fallback=always(int))
    def pttl(self, key: Any, version: Any = None) -> Operation[int | None]:
        """The milliseconds left, None without an expiry, 0 without the key."""
        return left((yield PTTL(self.naming.make(key, version))))

    def live_for(self, full: str, milliseconds: int | None) -> Operation[bool]:
        """Sets the time to live of a stored key; True if the key is there."""
        if milliseconds is None:
            # PERSIST alone says False of an entry that has no expiry, as if it were not there.
            _, there = checked((yield [PERSIST(full), EXISTS(full).primary()]))
            return bool(there)
        if milliseconds <= 0:
            return bool((yield UNLINK([full])))
        return bool((yield PEXPIRE(full, milliseconds)))

    def live_until(self, full: str, milliseconds: int) -> Operation[bool]:
        """Sets the Unix time in milliseconds at which a stored key expires."""
        return bool((yield PEXPIREAT(full, milliseconds)))


def left(reply: int) -> int | None:
    """What is left by TTL and PTTL's reply, as the cache's callers know it."""
    return None if reply == -1 else max(reply, 0)
