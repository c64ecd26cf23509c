"""Work over the whole keyspace of both caches."""

from __future__ import annotations

from collections.abc import Generator
from functools import partial
from typing import TYPE_CHECKING, Any

from django_redis_core.commands import SET, Emit
from django_redis_core.exceptions import ConnectionInterrupted

from .phases import Phase
from .topology import gathered, of_old
from .values import Values

if TYPE_CHECKING:
    from django_redis_core.commands import Operation, Stream

#: Keys that are taken over in one step.
_AT_ONCE = 100


class Scanning(Values):
    """``iter_keys`` and ``keys``, ``delete_pattern``, ``clear``."""

    def iter_keys(
        self, pattern: str, itersize: int | None = None, version: Any = None, **more: Any
    ) -> Stream:
        phase = yield from self.move_phase()
        old = partial(
            self.old_client.iter_keys, pattern, itersize, self.own_version(version), **more
        )
        new = partial(super().iter_keys, pattern, itersize, version, **more)
        if phase <= Phase.PREPARE:
            yield from self.on_old(old())
            return
        if phase >= Phase.LEAVE:
            yield from new()
            return
        seen: set[str] = set()
        yield from _unseen(new(), seen)
        try:
            yield from _unseen(self.on_old(old()), seen)
        except ConnectionInterrupted as trouble:
            self.told_of(trouble)

    def delete_pattern(
        self,
        pattern: str,
        version: Any = None,
        prefix: str | None = None,
        itersize: int | None = None,
        **more: Any,
    ) -> Operation[int]:
        phase = yield from self.move_phase()
        new = partial(super().delete_pattern, pattern, version, prefix, itersize, **more)
        if phase is Phase.ALONE:
            return (yield from new())
        removed: int = yield from self.on_old(
            self.old_client.delete_pattern(
                pattern, self.own_version(version), prefix, itersize, **more
            )
        )
        if phase is Phase.OLD:
            return removed
        # What is being taken over was read before this, or is not there any more.
        match = self.naming.search(pattern, version, prefix).match
        for marks in self.marks_matching(match):
            yield from self.delete_matching(marks, self.scan_itersize)
        return max(removed, (yield from new()))

    def names_in_new(self) -> Operation[list[str]]:
        """The names, of this cache's version, of what the new cache has."""
        found = yield from gathered(super().iter_keys("*"))
        return list(dict.fromkeys(found))

    def take_everything(self) -> Operation[int]:
        """Reads what the old cache has under this cache's version, and so takes it over; in ``NEW``
        structures as well. How many keys that were."""
        phase = yield from self.move_phase(sure=True)
        names = yield from self.on_old(self.old_client.keys("*", self.own_version(None)))
        for start in range(0, len(names), _AT_ONCE):
            some = names[start : start + _AT_ONCE]
            if phase is Phase.NEW:  # also what was changed a moment ago, which no read takes over
                yield from self.bring_over([(name, None) for name in some])
            else:
                yield from self.get_many(some)
        return len(names)

    def clear(self, **more: Any) -> Operation[bool]:
        phase = yield from self.move_phase()
        known = self._known
        change = 0 if known is None else known.change
        record = b"" if known is None else known.record.written()
        if phase is not Phase.ALONE:
            yield from self.on_old(self.old_client.clear())
            if change:
                yield of_old(SET(self._old_phase_key(), record))
        if phase is not Phase.OLD:
            if not self.marks_prefix.startswith(self.naming.prefix):
                yield from self.delete_matching(f"{self.marks_prefix}*", self.scan_itersize)
            yield from super().clear(**more)
            if change:
                yield SET(self._phase_key(), record)
        return True


def _unseen(stream: Generator[Any, Any, None], seen: set[str]) -> Stream:
    """What a stream emits, without what is in ``seen``, which grows by it."""
    request = next(stream, None)
    while request is not None:
        if request.__class__ is Emit:
            items = [item for item in request.items if item not in seen]
            seen.update(items)
            yield Emit(items)
            request = next(stream, None)
            continue
        try:
            try:
                answer = yield request
            except ConnectionInterrupted as error:
                request = stream.throw(error)
            else:
                request = stream.send(answer)
        except StopIteration:
            return
