"""Copies of values in this process' memory. Knows neither servers nor formats.

A copy is begun *before* its value is asked for, and the same object becomes the copy when the value
is there. Whatever makes it untrue meanwhile takes it out of the store, and what is out of it stays
out: so a value that was overtaken by its own invalidation is never kept.

What is kept is chosen by use. To keep a value costs more than to read it, and most of those that
are read once are not read again before they are written, so the first read is only counted. Where
the store is full, a key has to be read more often than the copy in whose place it would be kept.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from django_redis_core.interfaces import MISSING

from .sketch import SECOND, TOP, Sketch

#: Bytes that a copy takes besides its value and the text of its key, which is there twice.
OVERHEAD = 500
#: One value may take this part of the store at most.
SHARE = 16
#: Copies that are looked at for one that nobody has used. Where all of these are in use, it is not
#: worth it to look further for a key that is asked for the second time.
LOOKS = 4
#: Each time after so many that a copy nobody has used was worth more than another key, it is worth
#: half. Of 1, a loop through more keys than there is room for would drive out what it comes to
#: next; of many, what nobody asks for any more would stay for long.
WINS = 4
#: A reader of many keys has this part of them kept at a time, and so many in any case: else one
#: call would pay for all.
PORTION, FEW = 14, 5
#: And this part of them is counted, for to count a key takes a third of the time to read it.
COUNTED = 3

NEVER = float("-inf")

_now = time.monotonic


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

    ``value`` is MISSING where each reader gets one of its own, which ``make`` makes; until somebody
    has found out how, that is None, and ``data`` is what the server stores. ``given`` is ``until``
    where ``value`` is for all readers, so that those who want nothing else look at one time alone.
    """

    __slots__ = (
        *("data", "given", "hits", "make", "name", "session", "size", "until", "used", "value"),
    )

    value: Any
    make: Callable[[], Any] | None
    data: bytes
    #: How many of ``hits`` the sketch knows of.
    used: int

    def __init__(self, session: Session, name: str | None = None) -> None:
        self.session = session
        self.until = self.given = NEVER
        self.size = 0
        #: Readers who were answered from here; they count without a lock.
        self.hits = 0
        #: By which it is found in ``names``, if it is.
        self.name = name


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
    """The copies of one cache. Its readers look by themselves, without a lock: into ``copies``,
    where all are that are kept or begun, and fences; or, of keys that begin with ``head``, by what
    follows it into ``names``, where only those are that are kept."""

    def __init__(self, max_entries: int, max_bytes: int, head: str | None = None) -> None:
        self.max_entries = max_entries
        self.max_bytes = max_bytes
        self.copies: dict[str, Copy] = {}
        self.names: dict[str, Copy] = {}
        #: Those of all that is kept, and perhaps more. Who has copies and looks here next knows
        #: whether all of them are heard: those of a session that is not here any more are void.
        self.sessions: tuple[Session, ...] = ()
        self.bytes = 0
        self.misses = 0
        self._largest = max_bytes // SHARE
        self._head = head
        #: Those that are kept, in the order in which they are looked at for their use.
        self._queue: OrderedDict[str, Copy] = OrderedDict()
        self._turn = 0
        self._won = 0  # by copies, against other keys
        self._gone = 0  # hits of copies that are not there any more
        self._sketch = Sketch(min(max_entries, max_bytes // OVERHEAD))
        self._age_at = self._sketch.sample
        with _lock:
            _stores.add(self)

    @property
    def entries(self) -> int:
        """How many values are kept."""
        return len(self._queue)

    @property
    def hits(self) -> int:
        """How many readers were answered."""
        with _lock:
            return self._gone + sum([copy.hits for copy in self._queue.values()])

    # What is worth keeping. A first read comes by here each time, and takes no lock.

    def wanted(self, name: str) -> bool:
        """Whether to keep the value of a key that is read and has no copy. ``name`` is what
        follows ``head`` in the key, or the key where it begins otherwise: callers have it, and its
        hash is known already."""
        self.misses += 1
        if self.misses >= self._age_at:
            self._age()
        counts, mask, hashed = self._sketch.counts, self._sketch.mask, hash(name)
        first, second = hashed & mask, hashed >> SECOND & mask
        count, other = counts[first], counts[second]
        if count < TOP:
            counts[first] = count + 1
        if other < TOP:
            counts[second] = other + 1
        if other < count:
            count = other
        if not count:
            return False
        if len(self._queue) < self.max_entries and self.bytes <= self.max_bytes - self._largest:
            return True  # as ``_is_full`` says it, without a call
        return self._outdoes(count + 1)

    def wanted_of(self, names: Sequence[str]) -> list[int]:
        """Which of several keys' values to keep, which are read together: their places. A part of
        the keys is counted, another one each time, and of these so many are kept as one call may
        pay for."""
        size = len(names)
        start, part = self._turn % size, min(size, max(2 * FEW, size // COUNTED))
        self._turn += part
        self.misses += size
        if self.misses >= self._age_at:
            self._age()
        counts, mask = self._sketch.counts, self._sketch.mask
        most = max(FEW, size // PORTION)
        full = self._is_full()
        wanted: list[int] = []
        for at in range(start - size, start - size + part):  # from the end, and on from the first
            hashed = hash(names[at])
            first, second = hashed & mask, hashed >> SECOND & mask
            count, other = counts[first], counts[second]
            if count < TOP:
                counts[first] = count + 1
            if other < TOP:
                counts[second] = other + 1
            if other < count:
                count = other
            if not count:
                continue
            if not full or self._outdoes(count + 1):
                wanted.append(at)
            most -= 1
            if not most:
                break
        return wanted

    def _age(self) -> None:
        self._age_at = self.misses + self._sketch.sample
        self._sketch.age()

    def _is_full(self) -> bool:
        return len(self._queue) >= self.max_entries or self.bytes > self.max_bytes - self._largest

    def _outdoes(self, count: int) -> bool:
        """Whether a key that was read ``count`` times is worth more than what would have to go."""
        with _lock:
            if not self._least():
                return False
            key, copy = next(iter(self._queue.items()))
            known = self._sketch.count(_hash_of(key, copy))
            if copy.until <= _now() or count > known:
                return True
            self._queue.move_to_end(key)
            self._won += 1
            if self._won % WINS == 0:
                self._sketch.lower(_hash_of(key, copy), known // 2)
            return False

    def _least(self) -> bool:
        """Looks for a copy that has ended, or that nobody has used since it was looked at last, and
        says whether there is one, which is the first then. Those that are in use go to the end, and
        the sketch is told of it."""
        queue, now = self._queue, _now()
        for _ in range(min(LOOKS, len(queue))):
            key, copy = next(iter(queue.items()))
            hits = copy.hits
            if hits == copy.used or copy.until <= now:
                return True
            self._sketch.add(_hash_of(key, copy), hits - copy.used)
            copy.used = hits
            queue.move_to_end(key)
        return False

    def name(self, key: str) -> str | None:
        """What follows ``head`` in ``key``, or None where it begins otherwise."""
        head = self._head
        return key[len(head) :] if head is not None and key.startswith(head) else None

    # What is kept.

    def begin(self, key: str, session: Session, name: str | None = None) -> Copy | None:
        """A copy to be, unless the key is just being written here, or asked for by another reader,
        who would never be done first with a key that is asked for all the time. It ends with
        ``keep`` or ``abandon``.

        A copy that has ended without a reader was not worth keeping, so its key has to be read
        twice again. ``name`` is that of the key, from those who have it.
        """
        if key in self.copies and not self._ended(key, session):
            return None
        # Without the lock: another reader's copy or a fence is found here, and a flush below, for
        # it is among these before it takes out what there is.
        copy = Copy(session, name or self.name(key))
        if self.copies.setdefault(key, copy) is not copy:
            return None
        if _flushes:
            self.abandon({key: copy})
            return None
        return copy

    def _ended(self, key: str, session: Session) -> bool:
        """Makes room for another copy of ``key``, where that is worth it."""
        with _lock:
            old = self.copies.get(key)
            if old is None:
                return True
            if old.__class__ is Fence or (old.until == NEVER and old.session is session):
                return False
            unused = old.until != NEVER and not old.hits
            self._remove(key)
            if unused:
                self._sketch.lower(_hash_of(key, old), 1)
            return not unused

    def keep(self, key: str, copy: Copy, value: Any, data: bytes, size: int, until: float) -> None:
        """Completes a copy that was begun, unless it is out of the store since. ``value`` is
        MISSING where whoever is given it may change it, ``data`` what is stored then, ``size`` the
        bytes that either takes."""
        with _lock:
            if self.copies.get(key) is not copy:
                return
            size += OVERHEAD + 2 * len(key)
            if size > self._largest:
                self._remove(key)
                return
            if copy.session not in self.sessions:
                self.sessions = (*self.sessions, copy.session)
            self._queue[key] = copy
            copy.value, copy.make, copy.data = value, None, data
            copy.size, copy.used = size, 0
            self.bytes += size
            copy.until = until  # after the rest, for readers take no lock
            if value is not MISSING:
                copy.given = until
            if copy.name is not None:
                self.names[copy.name] = copy
            if len(self._queue) > self.max_entries or self.bytes > self.max_bytes:
                self._make_room()

    def share(self, key: str, copy: Copy, value: Any, make: Callable[[], Any], size: int) -> bool:
        """From now on readers of ``copy`` are given ``value``, or what ``make`` makes where that is
        MISSING. False, and nothing has changed, where that takes too much memory or the copy is
        out of the store."""
        size += OVERHEAD + 2 * len(key)
        with _lock:
            if size > self._largest or self.copies.get(key) is not copy:
                return False
            copy.make = make
            copy.value = value
            copy.data = b""  # after these, for readers take no lock
            if value is not MISSING:
                copy.given = copy.until
            self.bytes += size - copy.size
            copy.size = size
            self._make_room()
        return True

    def abandon(self, begun: Mapping[str, Copy]) -> None:
        """Takes out those of ``begun`` that were not completed."""
        with _lock:
            for key, copy in begun.items():
                if copy.until == NEVER and self.copies.get(key) is copy:
                    self._remove(key)

    def invalidate(self, keys: Iterable[bytes]) -> None:
        """Somebody has written ``keys``. What is written more often than read is not kept."""
        with _lock:
            for key in keys:
                # What is no text is no key of ours, and must not become one.
                text = str(key, "utf-8", "surrogateescape")
                copy = self.copies.get(text)
                if copy is None or not copy.hits:
                    hashed = hash(self.name(text) or text)
                    if known := self._sketch.count(hashed):  # of most there is nothing to forget
                        self._sketch.lower(hashed, known // 2)
                if copy is not None and copy.__class__ is not Fence:
                    self._remove(text)

    def drop(self, session: Session) -> None:
        """Nothing is known any more of what came under ``session``."""
        with _lock:
            for key in list(self.copies):  # to which readers add, without the lock
                copy = self.copies.get(key)
                if copy is not None and copy.session is session:
                    self._remove(key)
            self.sessions = tuple([each for each in self.sessions if each is not session])

    def clear(self) -> None:
        """Forgets all, and what was read."""
        with _lock:
            self._sketch.clear()
            self.names.clear()
            self.copies.clear()
            self.bytes = 0
            self._gone += sum([copy.hits for copy in self._queue.values()])
            self._queue.clear()

    def _remove(self, key: str) -> None:
        copy = self.copies.get(key)
        if copy is None:
            return
        # First where readers look, for a time limit may strike in here.
        copy.given = copy.until = NEVER
        if copy.name is not None:
            self.names.pop(copy.name, None)
        if self._queue.pop(key, None) is not None:
            self._gone += copy.hits
        del self.copies[key]
        self.bytes -= copy.size

    def _make_room(self) -> None:
        queue = self._queue
        while len(queue) > self.max_entries or self.bytes > self.max_bytes:
            self._least()  # is the first then, unless all that were looked at are in use
            self._remove(next(iter(queue)))


def _hash_of(key: str, copy: Copy) -> int:
    """By which the sketch counts it."""
    return hash(copy.name or key)


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
