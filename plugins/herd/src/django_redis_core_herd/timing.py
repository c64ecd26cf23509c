"""How long an entry lives: the expiry in its envelope and the one in Redis, changed together."""

from __future__ import annotations

from typing import Any

from django_redis_core.commands import GET, PTTL, UNLINK, Operation
from django_redis_core.exceptions import WrongTypeError
from django_redis_core.interfaces import reads_as_int

from . import envelope, scripts
from .entries import Entries, now, px


class Timing(Entries):
    """``has_key``, ``ttl``, ``touch``, ``expire`` and the like, of the logical entry."""

    def has_key(self, key: Any, version: Any = None) -> Operation[bool]:
        return (yield from self.left(self.naming.make(key, version))) != 0

    def ttl(self, key: Any, version: Any = None) -> Operation[int | None]:
        left = yield from self.left(self.naming.make(key, version))
        return None if left is None else (left + 500) // 1000  # as Redis rounds

    def pttl(self, key: Any, version: Any = None) -> Operation[int | None]:
        return (yield from self.left(self.naming.make(key, version)))

    def left(self, full: str) -> Operation[int | None]:
        """The milliseconds until the entry expires, None: it never does, 0: it is not there."""
        head, left = yield [self.probe(full), PTTL(full)]
        for reply in (head, left):
            if isinstance(reply, Exception) and not isinstance(reply, WrongTypeError):
                raise reply
        if left == -2:
            return 0
        if isinstance(head, bytes) and head.startswith(envelope.MAGIC):
            expires = envelope.moment(head)
            if not envelope.alive(head, now()):
                return 0
            return None if expires == envelope.NEVER else expires - now()
        if left == -1:
            return None
        if self.tuples and isinstance(head, bytes) and not reads_as_int(head):
            packed = self.packed(full, head if self.writes_tuples else (yield GET(full)))
            if packed is not None:
                until = packed.left(now())
                # The tuple has whole seconds. What Redis has is exact, for the same herd timeout.
                return left - self.keep if 0 < left - self.keep < until else until
        return int(left)

    def live_for(self, full: str, milliseconds: int | None) -> Operation[bool]:
        if milliseconds is None:
            return (yield from self.retime(full, "PERSIST")) > 0
        milliseconds = max(milliseconds, 0)
        expires = now() + milliseconds
        return (yield from self.retime(full, "PEXPIRE", milliseconds, expires)) > 0

    def live_until(self, full: str, milliseconds: int) -> Operation[bool]:
        when = max(milliseconds, 0)
        return (yield from self.retime(full, "PEXPIREAT", when, when)) > 0

    def persist(self, key: Any, version: Any = None) -> Operation[bool]:
        return (yield from self.retime(self.naming.make(key, version), "PERSIST")) > 1

    def get_and_live_for(self, full: str, milliseconds: int | None) -> Operation[bytes | None]:
        if milliseconds is not None and milliseconds <= 0:
            return (yield from super().get_and_live_for(full, milliseconds))
        data: bytes | None = yield GET(full).primary()
        if not isinstance(data, bytes | None):
            raise TypeError("the bytes of an entry are expected")  # told as a reply that is none
        if data is None or not (yield from self.live_for(full, milliseconds)):
            return None
        return data

    def retime(
        self, full: str, command: str, when: int = 0, expires: int = envelope.NEVER
    ) -> Operation[int]:
        """Gives an entry another expiry: ``command`` with ``when``, ``expires`` in the envelope.

        0: it is not there; 1: it is; 2: it is, and had an expiry or has one now.
        """
        left = None if expires == envelope.NEVER else expires - now()
        header = envelope.header(expires)
        # A time that has passed removes an entry at once, whatever it is in.
        later = when if left is None or left <= 0 else when + self.keep
        tuples = int(self.tuples)
        while True:
            reply = yield from scripts.RETIME((full,), now(), tuples, header, command, when, later)
            if reply != scripts.UNKNOWN:
                return int(reply)
            seen = yield GET(full).primary()
            packed = self.packed(full, seen)
            if packed is None:
                tuples = 0
            elif not packed.left(now()):
                return 0
            elif left is not None and left <= 0:
                return int((yield UNLINK([full])))
            else:
                data, milliseconds = self.wrap(full, packed.value, left)
                if (yield from scripts.SWAP((full,), seen, data, *px(milliseconds))):
                    return 2

    def incr_version(self, key: Any, delta: int = 1, version: Any = None) -> Operation[int]:
        if not (yield from self.has_key(key, version)):
            raise ValueError(f"Key {key!r} not found")
        return (yield from super().incr_version(key, delta, version))
