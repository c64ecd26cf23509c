"""Copies of values in this process' memory. Knows neither servers nor formats.

A copy is begun *before* its value is asked for, and the same object becomes the copy when the value
is there. Whatever makes it untrue meanwhile takes it out of the store, and what is out of it stays
out: so a value that was overtaken by its own invalidation is never kept.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from django_redis_core.interfaces import MISSING

#: Bytes that a copy takes besides its key's text and its value: objects' heads, the dict's place.
OVERHEAD = 350
#: One value may take this part of the store at most.
SHARE = 16

NEVER = float("-inf")


class Session:
    """One life of a tracking connection: since when the server tells of every write.

    ``lease`` (``time.monotonic``): until then it is known that no write is older than that and
    untold. Nothing renews the lease of a connection that is lost, so its copies are void at once.
    """

    __slots__ = ("lease",)

    def __init__(self, lease: float) -> None:
        self.lease = lease


_NO_SESSION = Session(NEVER)


class Copy:
    """A value, good until ``until`` and the end of its session's lease.

    ``value`` is MISSING where the bytes in ``data`` must be decoded for each reader.
    """

    __slots__ = ("data", "session", "size", "until", "value")

    def __init__(self, session: Session) -> None:
        self.session = session
        self.until = NEVER
        self.value: Any = MISSING
        self.data = b""
        self.size = 0


#: Stands where a copy would, for a key that was read once. Its size is that of a key of common
#: length and the dict's place.
MARK = Copy(_NO_SESSION)
MARK.size = 200


class Fence(Copy):
    """Stands where a copy would, while this process writes the key: nothing is served from here,
    nothing is kept here."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(_NO_SESSION)


#: One for all stores. Reentrant: the collector may end a write that was abandoned, in the middle
#: of whatever this thread does.
_lock = threading.RLock()
_stores: weakref.WeakSet[Store] = weakref.WeakSet()
#: The writes of all keys that are under way.
_flushes: set[Write] = set()


class Store:
    """The copies of one cache. Its readers look into ``copies`` by themselves, without a lock."""

    def __init__(self, max_entries: int, max_bytes: int) -> None:
        self.max_entries = max_entries
        self.max_bytes = max_bytes
        self.copies: dict[str, Copy] = {}
        self.bytes = 0
        self.hits = 0
        self.misses = 0
        with _lock:
            _stores.add(self)

    def begin(self, keys: Iterable[str], session: Session) -> dict[str, Copy]:
        """Copies to be, for those of ``keys`` that are read for a second time, not just being
        written here and not asked for by another reader, who would never be done first with a key
        that is asked for all the time. Each ends with ``keep`` or ``abandon``.

        To keep a value costs more than to read it, and most of those that are read once are not
        read again before they are written: the first read only leaves its mark.
        """
        begun: dict[str, Copy] = {}
        copies = self.copies
        with _lock:
            if _flushes:
                return begun
            for key in keys:
                old = copies.get(key)
                if old is None:
                    copies[key] = MARK
                    self.bytes += MARK.size
                    continue
                if old is not MARK and (
                    old.__class__ is Fence or (old.until == NEVER and old.session is session)
                ):
                    continue
                self._remove(key)  # so that the new one is the youngest
                begun[key] = copies[key] = Copy(session)
            if len(copies) > self.max_entries or self.bytes > self.max_bytes:
                self._make_room()
        return begun

    def keep(self, key: str, copy: Copy, value: Any, data: bytes, size: int, until: float) -> None:
        """Completes a copy that was begun, unless it is out of the store since. ``size`` is that of
        the value in bytes; ``until`` is of ``time.monotonic``."""
        size += OVERHEAD + len(key)
        with _lock:
            if self.copies.get(key) is not copy:
                return
            if size * SHARE > self.max_bytes:
                self._remove(key)
                return
            copy.value, copy.data, copy.size = value, data, size
            copy.until = until  # last, for readers take no lock
            self.bytes += size
            if self.bytes > self.max_bytes:
                self._make_room()

    def abandon(self, begun: Mapping[str, Copy]) -> None:
        with _lock:
            for key, copy in begun.items():
                if self.copies.get(key) is copy:
                    self._remove(key)

    def invalidate(self, keys: Iterable[bytes]) -> None:
        """Somebody has written ``keys``."""
        with _lock:
            for key in keys:
                # What is no text is no key of ours, and must not become one.
                name = str(key, "utf-8", "surrogateescape")
                if self.copies.get(name).__class__ is not Fence:
                    self._remove(name)

    def drop(self, session: Session) -> None:
        """Nothing is known any more of what came under ``session``."""
        with _lock:
            for key in list(self.copies):
                found = self.copies.get(key)
                if found is MARK or (found is not None and found.session is session):
                    self._remove(key)

    def clear(self) -> None:
        with _lock:
            self.copies.clear()
            self.bytes = 0

    def _remove(self, key: str) -> None:
        copy = self.copies.pop(key, None)
        if copy is not None:
            self.bytes -= copy.size

    def _make_room(self) -> None:
        """Removes the oldest copies, which would end first anyway. A few at a time, because a dict
        finds its first item the slower the more were removed before it."""
        while len(self.copies) > self.max_entries or self.bytes > self.max_bytes:
            surplus = max(len(self.copies) - self.max_entries, 0)
            for key in list(islice(self.copies, surplus + 1 + self.max_entries // 64)):
                self._remove(key)


class Write:
    """A write of this process under way, for ``with``: its keys have no copies from before it is
    sent until its reply is here, in any store. ``keys`` None: all keys."""

    __slots__ = ("_fence", "_keys")

    def __init__(self, keys: Sequence[str] | None) -> None:
        self._keys = keys
        self._fence = Fence()

    def __enter__(self) -> None:
        with _lock:
            if self._keys is None:
                _flushes.add(self)
                _clear_all()
                return
            for store in list(_stores):
                for key in self._keys:
                    store._remove(key)
                    store.copies[key] = self._fence

    def __exit__(self, *error: object) -> None:
        with _lock:
            if self._keys is None:
                _flushes.discard(self)
                _clear_all()
                return
            for store in list(_stores):
                for key in self._keys:
                    found = store.copies.get(key)
                    if found is self._fence or found.__class__ is Copy:
                        store._remove(key)  # and not the fence of another write


def _clear_all() -> None:
    for store in list(_stores):
        store.clear()


def _after_fork() -> None:
    """The threads that hold the lock, write and hear of writes are the parent's."""
    global _lock
    _lock = threading.RLock()
    _flushes.clear()
    _clear_all()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
