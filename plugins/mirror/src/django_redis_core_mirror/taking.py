"""Reading what the new cache has not got from the old one, and taking it over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django_redis_core.commands import DUMP, GET, MGET, PTTL
from django_redis_core.exceptions import (
    ConnectionInterrupted,
    ReplyError,
    SerializationError,
    WrongTypeError,
)
from django_redis_core.interfaces import MISSING, is_lock_token

from .marks import GONE, HIDING, Marks
from .phases import Phase
from .topology import of_old, on_primaries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django_redis_core.commands import Operation


class Taking(Marks):
    """Moves single entries to the new cache."""

    def fetch_from_old(
        self, keys: Sequence[Any], version: Any, phase: Phase, *, many: bool = False
    ) -> Operation[dict[Any, Any]]:
        """The values of those of ``keys`` that the old cache has and the new one has not. They are
        taken over, unless somebody has written them meanwhile. ``many``: keys that have no server
        now are not found."""
        names = {self.naming.make(key, version): key for key in keys}
        fulls = list(names)
        olds = dict(
            zip(
                fulls,
                self.old_client.naming.make_many(keys, self.own_version(version)),
                strict=True,
            )
        )
        answers = yield [
            *[self.reading_mark(full) for full in fulls],
            of_old(MGET([olds[full] for full in fulls])),
        ]
        *marks, replies = answers
        if isinstance(replies, Exception):
            if not isinstance(replies, ConnectionInterrupted):
                raise replies
            self.unread(replies)
            replies = [None] * len(fulls)
        # From HANDOVER on, what the old cache has not got may just have come to the new one.
        again = phase >= Phase.HANDOVER
        there, elsewhere = [], []
        for full, mark, data in zip(fulls, marks, replies, strict=True):
            if isinstance(mark, ConnectionInterrupted) and many:
                continue  # of one of several new servers, whose keys are not found without a mirror
            if isinstance(mark, Exception):
                raise mark
            hidden = mark in HIDING
            if isinstance(data, ConnectionInterrupted) and not hidden:
                self.unread(data)
            elif isinstance(data, bytes) and not hidden:
                there.append(full)
            elif hidden or (data is None and again):
                elsewhere.append(full)
        found: dict[Any, Any] = {}
        if there:
            seen = dict(zip(fulls, replies, strict=True))
            found = yield from self._take_over(
                {full: seen[full] for full in there}, names, olds, version
            )
        if again:
            elsewhere += [full for full in there if names[full] not in found]
        self.mirror_counts["old"] += len(found)
        if elsewhere:
            # The primary: what has just come over, a replica may not have yet, and it is no miss.
            came = yield from on_primaries(
                super().get_many([names[full] for full in elsewhere], version)
            )
            self.mirror_counts["new"] += len(came)
            found.update(came)
        self.mirror_counts["missed"] += len(fulls) - len(found)
        return found

    def _take_over(
        self,
        seen: Mapping[str, bytes],
        names: Mapping[str, Any],
        olds: Mapping[str, str],
        version: Any,
    ) -> Operation[dict[Any, Any]]:
        """The values of what was seen in the old cache, taken over where nobody else is at it."""
        tokens, there = yield from self.lease_keys(list(seen))
        found: dict[Any, Any] = {}
        entries: list[tuple[str, bytes, bytes, int | None, bool]] = []
        if there:
            # It is the new one's by now, or its client does not show it, for which it has reasons.
            found = yield from on_primaries(
                super().get_many([names[full] for full in there], version)
            )
        for full, data in seen.items():
            if full not in tokens and full not in there:
                value = yield from self.shown(olds[full], data, version)
                if value is not MISSING:
                    found[names[full]] = value
        read = yield from self.read_old([olds[full] for full in tokens])
        for (full, token), (data, left) in zip(tokens.items(), read, strict=True):
            if data is None or isinstance(data, Exception):
                continue
            value = yield from self.shown(olds[full], data, version)
            if value is MISSING:
                continue
            found[names[full]] = value
            try:
                stored, life = self.wrap(full, value, left)
            except SerializationError:
                continue  # the new format has no room for it, and the old cache has it still
            entries.append((full, token, stored, life, False))
        yield from self.store_taken(entries)
        return found

    def read_old(self, fulls: Sequence[str]) -> Operation[list[tuple[Any, int | None]]]:
        """What the old cache has stored, and the milliseconds that it lives on (None: for ever). An
        exception in the place of what cannot be read."""
        batch: list[Any] = []
        for full in fulls:
            # In this order: where it is replaced between the two, whoever did so has written the
            # new cache before, and what is read here is not stored there.
            batch += (of_old(GET(full).primary()), of_old(PTTL(full).primary()))
        replies = (yield batch) if batch else []
        found: list[tuple[Any, int | None]] = []
        for data, left in zip(replies[::2], replies[1::2], strict=True):
            if isinstance(left, Exception) and not isinstance(data, Exception):
                data = left
            if isinstance(data, ConnectionInterrupted):
                self.unread(data)
            if left == -2:
                data = None
            found.append((data, None if not isinstance(left, int) or left < 0 else left))
        return found

    def shown(self, old: str, data: bytes, version: Any) -> Operation[Any]:
        """What callers of the old cache see of ``data``, or MISSING."""
        return (yield from self.on_old(self.old_client.seen(old, data, self.own_version(version))))

    def bring_over(self, named: Sequence[tuple[Any, Any]], mark: bytes = GONE) -> Operation[None]:
        """Makes sure that the new cache has of these keys (with their versions) what the old one
        has: before a use that only the new one is to know of, for which ``mark`` stays. Raises
        where the old cache cannot be asked."""
        olds = {
            self.naming.make(key, version): (
                self.old_client.naming.make(key, self.own_version(version)),
                version,
            )
            for key, version in named
        }
        left = list(olds)
        while left:
            tokens, _ = yield from self.lease_keys(left, must=mark)
            read = yield from self.read_old([olds[full][0] for full in tokens])
            entries = []
            for (full, token), (data, life) in zip(tokens.items(), read, strict=True):
                entry = yield from self._anew(full, *olds[full], data, life)
                if entry is not None:
                    entries.append((full, token, *entry))
            taken = yield from self.store_taken(entries, mark)
            left = [entry[0] for entry, done in zip(entries, taken, strict=True) if not done]

    def _anew(
        self, full: str, old: str, version: Any, data: Any, life: int | None
    ) -> Operation[tuple[bytes, int | None, bool] | None]:
        """What to store for an entry of the old cache, for how long, and whether it is a dump."""
        if isinstance(data, WrongTypeError):
            dump, life = yield from self._dumped(old)
            return None if dump is None else (dump, life, True)
        if isinstance(data, Exception):
            raise data
        if data is None:
            return None
        value = yield from self.shown(old, data, version)
        if value is MISSING:
            return (data, life, False) if is_lock_token(data) else None
        return (*self.wrap(full, value, life), False)

    def _dumped(self, old: str) -> Operation[tuple[bytes | None, int | None]]:
        """A data structure as the server dumps it. Raises where its elements would be other bytes
        in the new cache."""
        if not self.elements_alike:
            raise SerializationError(
                f"CACHES[{self.alias!r}]: the data structure under {old!r} is in the format of "
                f"{self.mirror_of!r}, and cannot be taken over in one step into this one: copy "
                "structures before, by `manage.py redis_cache copy`, to an entry of CACHES for the "
                "new servers without the client 'mirror'."
            )
        try:
            dump, left = yield [of_old(DUMP(old).primary()), of_old(PTTL(old).primary())]
        except ReplyError as error:
            raise ReplyError(f"{error}: the old cache must allow DUMP") from error
        for reply in (dump, left):
            if isinstance(reply, Exception):
                raise reply
        return (None if left == -2 else dump), (left if left >= 0 else None)

    @property
    def elements_alike(self) -> bool:
        """Whether elements of data structures are the same bytes in both caches."""
        ours, theirs = self.codec, self.old_client.codec
        return (
            ours.sealer is None
            and theirs.sealer is None
            and [type(one) for one in ours.serializers] == [type(one) for one in theirs.serializers]
            and [type(one) for one in ours.compressors] == [type(one) for one in theirs.compressors]
        )
