"""Storing, counting and removing, under the conditions that the logical entry meets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

from django_redis_core.commands import GET, UNLINK, Argument, Batch, Operation
from django_redis_core.interfaces import DEFAULT_TIMEOUT, MISSING

from . import envelope, scripts
from .entries import now, px
from .timing import Timing
from .tuples import Packed

#: Keys of one UNLINK: while the server removes them it serves nobody else.
_PAGE = 1_000


class Writing(Timing):
    """``set`` with nx and xx, ``add``, ``incr``, ``delete``."""

    def set(
        self,
        key: Any,
        value: Any,
        timeout: Any = DEFAULT_TIMEOUT,
        version: Any = None,
        *,
        nx: bool = False,
        xx: bool = False,
    ) -> Operation[bool]:
        if nx is xx:  # neither, or both, which is refused there
            return (yield from super().set(key, value, timeout, version, nx=nx, xx=xx))
        full = self.naming.make(key, version)
        milliseconds = self.milliseconds(timeout)
        if milliseconds is not None and milliseconds <= 0:
            if nx:
                return (yield from self.left(full)) == 0
            return (yield from self.remove([full])) > 0
        data, milliseconds = self.wrap(full, value, milliseconds)
        return (yield from self.set_if("NX" if nx else "XX", full, data, milliseconds))

    def set_if(
        self, condition: str, full: str, data: bytes, milliseconds: int | None
    ) -> Operation[bool]:
        """Stores ``data`` where no entry is there (NX), or where one is (XX)."""
        expiry = px(milliseconds)
        tuples = int(self.tuples)
        while True:
            reply = yield from scripts.SET_IF((full,), now(), tuples, condition, data, *expiry)
            if reply != scripts.UNKNOWN:
                return bool(reply)
            seen = yield GET(full).primary()
            packed = self.packed(full, seen)
            if packed is None:
                tuples = 0
            elif (packed.left(now()) > 0) is (condition == "NX"):
                return False
            elif (yield from scripts.SWAP((full,), seen, data, *expiry)):
                return True

    def incr(
        self,
        key: Any,
        delta: int = 1,
        version: Any = None,
        *,
        ignore_key_check: bool = False,
        timeout: Any = MISSING,
    ) -> Operation[int]:
        full = self.naming.make(key, version)
        self.check_delta(delta)
        milliseconds = None if timeout is MISSING else self.milliseconds(timeout)
        brief = milliseconds is not None and milliseconds <= 0  # a new one would be gone at once
        create: tuple[Argument, ...] = ()
        if not brief and (ignore_key_check or timeout is not MISSING):
            data, milliseconds = self.wrap(full, delta, milliseconds)
            create = (data, *px(milliseconds))
        while True:
            reply = yield from scripts.ADD((full,), now(), delta, *create)
            if isinstance(reply, int):
                return delta
            if reply is not None and not isinstance(reply, list):
                return int(reply)
            old = None if reply is None else reply[0]
            if old is None or self.expired(full, old):
                if brief:
                    return delta
                if not create:
                    raise ValueError(f"Key {key!r} not found")
                if old is not None and (yield from scripts.SWAP((full,), old, *create)):
                    return delta
            else:
                total, data = self.added(full, old, delta)
                if (yield from scripts.SWAP((full,), old, data, "KEEPTTL")):
                    return total  # type: ignore[no-any-return]

    def added(self, full: str, old: bytes, delta: Any) -> tuple[Any, bytes]:
        """``delta`` more than the number in an entry, and the entry with it in the envelope of
        before."""
        packed = self.packed(full, old)
        if packed is not None:
            total = self.total(full, self.encode(full, packed.value), delta)
            return total, self.tuple_codec.encode(full, Packed(total, packed.expires))
        head = old[: envelope.LENGTH] if old.startswith(envelope.MAGIC) else b""
        total = self.total(full, old[len(head) :], delta)
        return total, head + self.inner_wrap(full, total, None)[0]

    def delete(self, key: Any, version: Any = None, prefix: str | None = None) -> Operation[bool]:
        return (yield from self.remove([self.naming.make(key, version, prefix)])) > 0

    def delete_many(self, keys: Iterable[Any], version: Any = None) -> Operation[int | None]:
        fulls = self.naming.make_many(keys, version)
        return (yield from self.remove(fulls)) if fulls else None

    def remove(self, fulls: Sequence[str]) -> Operation[int]:
        """Removes entries; how many of them were logically there. One round trip."""
        pages = [fulls[at : at + _PAGE] for at in range(0, len(fulls), _PAGE)]
        batch: Batch = []
        for page in pages:
            batch += [*map(self.probe, page), UNLINK(page)]
        replies, removed = iter((yield batch)), 0
        for page in pages:
            heads = list(islice(replies, len(page)))
            count = next(replies)
            if isinstance(count, Exception):
                raise count
            gone = sum(
                isinstance(head, bytes) and self.expired(full, head)
                for full, head in zip(page, heads, strict=True)
            )
            removed += count - gone
        return int(removed)
