"""Work over the whole keyspace: find keys, delete by pattern, clear."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..commands import FLUSHDB, SCAN, UNLINK
from ..requests import Batch, Emit, Operation, Primaries, Stream
from .declare import Family, always, checked, collect, operation


class Scanning(Family):
    @operation(fallback=always(list))
    def iter_keys(self, pattern: str, itersize: int | None = None, version: Any = None) -> Stream:
        """The keys that match a glob pattern, as callers name them, while they are being found.

        ``itersize`` is SCAN's COUNT, the work a round trip
        (https://redis.io/commands/scan/, which also says that a key may come twice).
        """
        match = self.naming.pattern(pattern, version)
        name = self.naming.namer(version)
        count = itersize or self.scan_itersize
        for node in (yield Primaries()):
            cursor = -1
            while cursor:
                cursor, found = yield SCAN(max(cursor, 0), match, count).on(node)
                yield Emit([name(key.decode(errors="replace")) for key in found])

    @operation(fallback=always(list))
    def keys(
        self, pattern: str, version: Any = None, itersize: int | None = None
    ) -> Operation[list[str]]:
        """All keys that match a glob pattern, as callers name them, each once."""
        found = yield from collect(self.iter_keys(pattern, itersize, version))
        return list(dict.fromkeys(found))

    @operation(fallback=always(int))
    def delete_pattern(
        self,
        pattern: str,
        version: Any = None,
        prefix: str | None = None,
        itersize: int | None = None,
    ) -> Operation[int]:
        """Deletes the keys that match a glob pattern and returns how many there were.

        Memory and the server's stall are bounded by ``itersize``: each page of keys is deleted by
        one UNLINK that travels together with the SCAN for the next page.
        """
        match = self.naming.pattern(pattern, version, prefix)
        return (yield from self.delete_matching(match, itersize or self.scan_itersize))

    def delete_matching(
        self,
        match: str,
        count: int,
        progress: Callable[[int], None] | None = None,
    ) -> Operation[int]:
        """Deletes stored keys by a pattern for stored keys, ``count`` a step."""
        deleted = 0
        for node in (yield Primaries()):
            cursor, found = yield SCAN(0, match, count).on(node)
            while True:
                step: Batch = [UNLINK(found).on(node)] if found else []
                if cursor:
                    step.append(SCAN(cursor, match, count).on(node))
                if not step:
                    break
                replies = list(checked((yield step)))
                cursor_next, found_next = replies.pop() if cursor else (0, [])
                deleted += sum(replies)
                cursor, found = cursor_next, found_next
                if progress is not None:
                    progress(deleted)
        return deleted

    @operation(fallback=always(bool))
    def clear(self) -> Operation[bool]:
        """Empties the cache: the keys of KEY_PREFIX, or the database where there is none.

        ``CLEAR: "flushdb"`` empties the database also where there is a prefix.
        """
        if self.clear_by_prefix:
            yield from self.delete_matching(self.naming.everything(), self.scan_itersize)
        else:
            nodes = yield Primaries()
            checked((yield [FLUSHDB().on(node) for node in nodes]))
        return True
