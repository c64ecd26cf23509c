"""Moving an entry to another version of its key."""

from __future__ import annotations

from typing import Any

from ..commands import DUMP, PTTL, RENAME, RESTORE, UNLINK
from ..exceptions import ReplyError
from ..requests import Operation, Places
from .declare import Family, checked, operation


class Versions(Family):
    @operation(fallback=None)
    def incr_version(self, key: Any, delta: int = 1, version: Any = None) -> Operation[int]:
        """Moves the entry ``delta`` versions on and returns the new version; the expiry stays.

        One atomic command where both keys live together. Where they do not (a ring of shards, a
        cluster), the value is copied before it is removed, so it can be seen twice but never lost.
        """
        if version is None:
            version = self.naming.version
        old = self.naming.make(key, version)
        new = self.naming.make(key, version + delta)
        missing = ValueError(f"Key {key!r} not found")
        here, there = yield Places((old, new))
        if here == there:
            try:
                yield RENAME(old, new)
            except ReplyError as error:
                if "no such key" in str(error):
                    raise missing from None
                raise
            return int(version + delta)
        dump, left = checked((yield [DUMP(old).primary(), PTTL(old).primary()]))
        if dump is None or left == -2:
            raise missing
        yield RESTORE(new, max(left, 0), dump)
        yield UNLINK([old])
        return int(version + delta)

    @operation(fallback=None)
    def decr_version(self, key: Any, delta: int = 1, version: Any = None) -> Operation[int]:
        """Moves the entry ``delta`` versions back; see ``incr_version``."""
        return (yield from self.incr_version(key, -delta, version))
