"""Storing with tags, and storing where an entry is that was invalidated."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from datetime import datetime
from inspect import isawaitable
from typing import Any

from django_redis_core.commands import GET, PTTL, Await, Operation, Script
from django_redis_core.exceptions import ConnectionInterrupted, SerializationError
from django_redis_core.interfaces import DEFAULT_TIMEOUT, MISSING

from .codec import RelabellingCodec
from .envelope import Encoded, Labelled, Tagged, pack, unpack
from .generations import TagSnapshot
from .reading import PROBE, Reading, tagged

# ARGV: the entry as it was seen, and the new one.
_SWAP = Script(
    """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'KEEPTTL')
return 1
"""
)

Tags = Iterable[str] | TagSnapshot


class _Computing:
    """What ``get_or_set`` is to compute, and the tags that it is to be stored with."""

    __slots__ = ("default", "tags")

    def __init__(self, default: Any, tags: Any) -> None:
        self.default = default
        self.tags = tags


class Writing(Reading):
    """``set``, ``add``, ``set_many``, ``get_or_set``, ``touch`` with ``tags=``; ``incr``."""

    def set(
        self,
        key: Any,
        value: Any,
        timeout: Any = DEFAULT_TIMEOUT,
        version: Any = None,
        *,
        nx: bool = False,
        xx: bool = False,
        tags: Tags = (),
        **more: Any,
    ) -> Operation[bool]:
        if tags != ():
            value = yield from self.labelled_for(value, tags, version, self.milliseconds(timeout))
        if not (nx or xx):
            return (yield from super().set(key, value, timeout, version, **more))
        full = self.naming.make(key, version)
        if xx and not nx:
            yield from self.remove_invalid(full, version)
        while True:
            stored = yield from super().set(key, value, timeout, version, nx=nx, xx=xx, **more)
            if stored or not nx or not (yield from self.remove_invalid(full, version)):
                return stored

    def add(
        self,
        key: Any,
        value: Any,
        timeout: Any = DEFAULT_TIMEOUT,
        version: Any = None,
        *,
        tags: Tags = (),
        **more: Any,
    ) -> Operation[bool]:
        if tags == ():
            return (yield from super().add(key, value, timeout, version, **more))
        return (yield from self.set(key, value, timeout, version, nx=True, tags=tags, **more))

    def set_many(
        self,
        data: Mapping[Any, Any],
        timeout: Any = DEFAULT_TIMEOUT,
        version: Any = None,
        *,
        tags: Tags = (),
        **more: Any,
    ) -> Operation[list[Any]]:
        if tags != ():
            data = yield from self.all_labelled_for(data, tags, version, self.milliseconds(timeout))
        return (yield from super().set_many(data, timeout, version, **more))

    def labelled_for(
        self, value: Any, tags: Tags, version: Any, milliseconds: int | None
    ) -> Operation[Any]:
        """``value`` on its way to be stored with ``tags=``, as a caller gave it."""
        return (yield from self.all_labelled_for({0: value}, tags, version, milliseconds))[0]

    def all_labelled_for(
        self, data: Mapping[Any, Any], tags: Tags, version: Any, milliseconds: int | None
    ) -> Operation[Mapping[Any, Any]]:
        given = self.given_tags(tags)
        if not data or (milliseconds is not None and milliseconds <= 0):
            return data
        snapshot = yield from self.tag_labels(given, version, milliseconds)
        return {key: self.with_envelope(value, snapshot) for key, value in data.items()}

    def get_or_set(
        self,
        key: Any,
        default: Any,
        timeout: Any = DEFAULT_TIMEOUT,
        version: Any = None,
        *,
        tags: Tags = (),
        **more: Any,
    ) -> Operation[Any]:
        if tags != ():
            given = self.given_tags(tags)
            default = _Computing(default, given)
        return (yield from super().get_or_set(key, default, timeout, version, **more))

    def compute(self, key: Any, default: Any, timeout: Any, version: Any) -> Operation[Any]:
        if default.__class__ is not _Computing:
            return (yield from super().compute(key, default, timeout, version))
        milliseconds = self.milliseconds(timeout)
        brief = milliseconds is not None and milliseconds <= 0
        # Before it is computed: what is invalidated meanwhile is so for this value.
        if not brief:
            snapshot = yield from self.tag_labels(default.tags, version, milliseconds)
        value = default.default
        if callable(value):
            value = value()
            if isawaitable(value):
                value = yield Await(value)
        if brief:
            return value
        try:
            labelled = self.with_envelope(value, snapshot)
            return (yield from self.offer(key, version, labelled, milliseconds))
        except ConnectionInterrupted as trouble:
            trouble.so_far = (value,)  # for the fallback, which must not compute again
            raise

    def offer(self, key: Any, version: Any, value: Any, milliseconds: int | None) -> Operation[Any]:
        while True:
            found = yield from super().offer(key, version, value, milliseconds)
            if found.__class__ in (Labelled, Encoded):
                return self.without_envelope(found)
            if found.__class__ is not Tagged:
                return found
            if value.__class__ is Labelled and found.head == value.head:
                return found.value  # ours, or as good: by what was read after the caller asked
            if (yield from self.is_fresh(found, version)):
                return found.value
            yield from self.remove_of_envelope(self.naming.make(key, version), found)

    def without_envelope(self, value: Any) -> Any:
        """The caller's value in one that was on its way to be stored."""
        return value.value if value.__class__ is Labelled else value

    # Counters

    def incr(self, key: Any, delta: int = 1, version: Any = None, **more: Any) -> Operation[int]:
        while True:
            total: Any = yield from super().incr(key, delta, version, **more)
            if total.__class__ is not Labelled:
                return total  # type: ignore[no-any-return]
            # Added to what was invalidated, it is as invalid.
            generations = unpack(total.head, len(total.head))
            if (yield from self.are_current(generations, version)):
                return total.value  # type: ignore[no-any-return]
            yield from self.remove_invalid(self.naming.make(key, version), version)

    def total(self, full: str, data: bytes, delta: Any) -> Any:
        found = self.unwrap(full, data) if tagged(data[:PROBE]) else None
        if found.__class__ is not Tagged:
            return super().total(full, data, delta)
        return Labelled(super().total(full, found.payload, delta), found.head)

    # Moving

    def incr_version(
        self, key: Any, delta: int = 1, version: Any = None, **more: Any
    ) -> Operation[int]:
        moved: int = yield from super().incr_version(key, delta, version, **more)
        full = self.naming.make(key, moved)
        seen, left = yield [self.tag_probe(full).primary(), PTTL(full).primary()]
        if tagged(seen):
            data = yield GET(full).primary()
            entry = MISSING if data is None else self.unwrap(full, data)
            if entry.__class__ is Tagged:
                # Under the tags of its new version; until here it was there for nobody.
                life = None if left == -1 else max(left, 1)
                snapshot = yield from self.tag_snapshot(list(entry.generations), moved, life)
                if not (yield from self.is_fresh(entry, version)):
                    yield from self.remove_invalid(full, moved)
                    raise ValueError(f"Key {key!r} not found")
                yield from self.move_into_envelope(full, data, pack(snapshot.generations))
        return moved

    # Expiry

    def touch(
        self,
        key: Any,
        timeout: Any = DEFAULT_TIMEOUT,
        version: Any = None,
        *,
        tags: Tags = (),
        **more: Any,
    ) -> Operation[bool]:
        if tags != ():
            given = self.given_tags(tags)
            if not (yield from self.add_tags(key, version, given, self.milliseconds(timeout))):
                return False
        asked = super().touch(key, timeout, version, **more)
        return (yield from self.unless_invalid(asked, key, version, False, primary=True))

    def add_tags(
        self, key: Any, version: Any, given: list[str] | TagSnapshot, milliseconds: int | None
    ) -> Operation[bool]:
        """Gives a stored entry more tags; False where it is not there. Those that it has stay with
        their generations, so that one that was invalidated meanwhile stays so."""
        full = self.naming.make(key, version)
        snapshot = yield from self.tag_labels(given, version, milliseconds)
        while snapshot.known:
            seen = yield GET(full).primary()
            found = MISSING if seen is None else self.unwrap(full, seen)
            if found is MISSING:
                return False
            old = found.generations if found.__class__ is Tagged else {}
            generations = {**snapshot.generations, **old}
            self.tag_names(list(generations))
            if generations == old:
                return True
            if (yield from self.move_into_envelope(full, seen, pack(generations))):
                return True
        return False

    def move_into_envelope(self, full: str, seen: bytes, head: bytes) -> Operation[bool]:
        """Gives the entry that was seen another envelope, wherever other clients have it; False
        where it is another entry by now. Its expiry stays."""
        twin = copy.copy(self)
        twin.codec = RelabellingCodec(self.codec, head)
        data = twin.recoded(full, seen)
        if self.unwrap(full, data).__class__ is not Tagged:
            raise SerializationError(f"The entry {full!r} is in a format without room for tags.")
        return bool((yield from _SWAP((full,), seen, data)))

    def pexpire(
        self, key: Any, timeout: Any = DEFAULT_TIMEOUT, version: Any = None, **more: Any
    ) -> Operation[bool]:
        asked = super().pexpire(key, timeout, version, **more)
        return (yield from self.unless_invalid(asked, key, version, False, primary=True))

    def expire_at(
        self, key: Any, when: datetime | int | float, version: Any = None, **more: Any
    ) -> Operation[bool]:
        asked = super().expire_at(key, when, version, **more)
        return (yield from self.unless_invalid(asked, key, version, False, primary=True))

    def pexpire_at(
        self, key: Any, when: datetime | int | float, version: Any = None, **more: Any
    ) -> Operation[bool]:
        asked = super().pexpire_at(key, when, version, **more)
        return (yield from self.unless_invalid(asked, key, version, False, primary=True))

    def persist(self, key: Any, version: Any = None, **more: Any) -> Operation[bool]:
        asked = super().persist(key, version, **more)
        return (yield from self.unless_invalid(asked, key, version, False, primary=True))
