"""How the phase is changed, and what has to be done on the way."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from django.core.exceptions import ImproperlyConfigured

from django_redis_core.commands import SCAN, SET, Primaries, Sleep
from django_redis_core.exceptions import ConnectionInterrupted, ReplyError

from .marks import LOST, raise_first
from .phases import Phase, Record, way
from .scanning import Scanning
from .topology import of_old

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django_redis_core.commands import Operation

#: Keys that are given back in one step.
_AT_ONCE = 100


class Moving(Scanning):
    """Goes from phase to phase."""

    def move_to(self, end: Phase, grace: float, *, force: bool = False) -> Operation[list[Phase]]:
        """Changes the phase step by step, each when all processes know of the one before and what
        they had begun has ended: after twice ``MIRROR_AGE`` and ``grace`` seconds. ``force``: goes
        on where the cache that is left cannot be told, since it is down. Returns the phases gone
        through."""
        self._known = None
        yield from self.look_for_phase(sure=not force)
        assert self._known is not None
        record = self._known.record
        done = way(record.phase, end)
        if not done and record.change:  # one of the two may have missed it
            yield from self._write(record, record, force)
        for phase in done:
            yield from self._on_the_way(record, phase, force)
            following = Record(record.change + 1, phase, int(time.time()))
            yield from self._write(record, following, force)
            record = following
            self._known = None
            yield Sleep(2 * self.mirror_age + grace)
        return done

    def _write(self, before: Record, record: Record, force: bool) -> Operation[None]:
        written = record.written()
        new = SET(self._phase_key(), written)
        old = of_old(SET(self._old_phase_key(), written))
        # First the side that decides once this is known.
        order = (old, new) if record.phase.old_decides else (new, old)
        needed = [new]
        if record.phase < before.phase <= Phase.HANDOVER:
            # The new servers are left, and processes look at both sides in these phases.
            needed = [old]
        for command in order:
            try:
                yield command
            except (ConnectionInterrupted, ReplyError):
                if not force or command in needed:
                    raise

    def _on_the_way(self, before: Record, phase: Phase, force: bool) -> Operation[None]:
        """What all processes must find done when they learn of ``phase``."""
        if before.phase is Phase.PREPARE and phase is Phase.BOTH:
            yield from self._empty_new()
            yield SET(self._phase_key(), before.written())
        elif before.phase is Phase.BOTH and phase is Phase.PREPARE:
            try:
                yield from self._give_all_back()
            except ConnectionInterrupted:
                if not force:
                    raise
            except ImproperlyConfigured as error:
                if not force:
                    raise ImproperlyConfigured(
                        f"{error} So what only the new cache has, of counters say, cannot be given "
                        "back to the old one: --force goes back without it."
                    ) from error

    def _empty_new(self) -> Operation[None]:
        """Removes what an earlier move has left in the new cache, or somebody has copied there: of
        what was written since, it has not heard."""
        naming = self.naming
        picks = None
        try:
            if self.shares_a_server and self.old_client.naming.prefix.startswith(
                f"{naming.prefix}:"
            ):
                # The old cache's keys may look like those of some version of this one.
                search = naming.search("*")
                match, picks = search.match, search.picks
            else:
                match = naming.everything()
        except ImproperlyConfigured:
            yield from self._refuse_leftovers()
        else:
            yield from self.delete_matching(match, self.scan_itersize, picks=picks)

    def _refuse_leftovers(self) -> Operation[None]:
        """Where a KEY_FUNCTION does not say which keys are the new cache's, there must be none."""
        ours = f"{self.naming.prefix}:mirror:".encode(), self.marks_prefix.encode()
        for node in (yield Primaries()):
            cursor = -1
            while cursor:
                cursor, found = yield SCAN(max(cursor, 0), "*", self.scan_itersize).on(node)
                if not all(key.startswith(ours) for key in found):
                    raise ImproperlyConfigured(
                        f"CACHES[{self.alias!r}]: the new servers hold keys, and KEY_FUNCTION does "
                        "not say which of them are this cache's: what is older than the old "
                        "cache's entries would be shown. Empty that database (FLUSHDB), or name "
                        "a KEY_PATTERN_FUNCTION."
                    )

    def _give_all_back(self) -> Operation[None]:
        """Has the old cache have what only the new one has, of this cache's version: who comes to
        OLD asks no other. By the new one's keys, and by the marks of what the old one has missed.
        """
        yield from self._give_back_each((yield from self.names_in_new()))
        yield from self._give_back_each((yield from self._missed_names()))

    def _give_back_each(self, names: Sequence[str]) -> Operation[None]:
        for start in range(0, len(names), _AT_ONCE):
            yield from self.give_back_missing(names[start : start + _AT_ONCE])

    def _missed_names(self) -> Operation[list[str]]:
        """The names of keys that the old cache has missed a change of."""
        search = self.naming.search("*", names=True)
        name, picks = search.name or str, search.picks
        found: dict[str, None] = {}
        for match in self.marks_matching(search.match):
            for node in (yield Primaries()):
                cursor = -1
                while cursor:
                    command = SCAN(max(cursor, 0), match, self.scan_itersize)
                    cursor, keys = yield command.on(node)
                    fulls = [self.full_of_mark(key.decode(errors="replace")) for key in keys]
                    marks = yield [self.reading_mark(full) for full in fulls]
                    raise_first(marks)
                    for full, mark in zip(fulls, marks, strict=True):
                        if mark == LOST and (picks is None or picks(full)):
                            found[name(full)] = None
        return list(found)
