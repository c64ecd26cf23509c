"""Work over the whole keyspace: find keys, delete by pattern, clear."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..commands import FLUSHDB, SCAN, UNLINK, Command, Emit, Operation, Primaries, Spread, Stream
from ..exceptions import ConnectionInterrupted
from .arguments import page
from .declare import Family, always, checked, collect, operation, so_far


class Scanning(Family):
    @operation(fallback=always(list), stream=True)
    def iter_keys(self, pattern: str, itersize: int | None = None, version: Any = None) -> Stream:
        """The keys that match a glob pattern, as callers name them, while they are being found.

        ``itersize`` is SCAN's COUNT, the work a round trip
        (https://redis.io/commands/scan/, which also says that a key may come twice). Where one of
        several servers fails, the keys of the others come before its error.
        """
        search = self.naming.search(pattern, version, names=True)
        name, picks = search.name or str, search.picks
        count = page("iter_keys", "itersize", itersize) if itersize else self.scan_itersize
        trouble: ConnectionInterrupted | None = None
        for node in (yield Primaries()):
            cursor = -1
            while cursor:
                try:
                    cursor, found = yield SCAN(max(cursor, 0), search.match, count).on(node)
                except ConnectionInterrupted as error:
                    trouble = trouble or error
                    break
                if picks is not None:
                    found = [key for key in found if _picked(key, picks)]
                yield Emit([name(key.decode(errors="replace")) for key in found])
        if trouble is not None:
            raise trouble

    @operation(fallback=so_far(list))
    def keys(
        self, pattern: str, version: Any = None, itersize: int | None = None
    ) -> Operation[list[str]]:
        """All keys that match a glob pattern, as callers name them, each once."""
        if itersize:
            itersize = page("keys", "itersize", itersize)
        found: list[str] = []
        try:
            yield from collect(self.iter_keys(pattern, itersize, version), found)
        except ConnectionInterrupted as trouble:
            trouble.so_far = (list(dict.fromkeys(found)),)
            raise
        return list(dict.fromkeys(found))

    @operation(fallback=so_far(int))
    def delete_pattern(
        self,
        pattern: str,
        version: Any = None,
        prefix: str | None = None,
        itersize: int | None = None,
    ) -> Operation[int]:
        """Deletes the keys that match a glob pattern and returns how many there were.

        Memory and the server's stall are bounded by ``itersize``: each page of keys is deleted by
        one UNLINK that travels together with the SCAN for the next page. A server may free what is
        deleted before it answers anybody else: for values of hundreds of kilobytes take fewer.
        """
        search = self.naming.search(pattern, version, prefix)
        count = page("delete_pattern", "itersize", itersize) if itersize else self.scan_itersize
        return (yield from self.delete_matching(search.match, count, picks=search.picks))

    def delete_matching(
        self,
        match: str,
        count: int,
        picks: Callable[[str], bool] | None = None,
    ) -> Operation[int]:
        """Deletes stored keys by a pattern for stored keys, ``count`` a step, on all servers side
        by side; of those that it finds, those that it ``picks``. Where one fails, the others are
        finished before its error is raised."""
        deleted = 0
        trouble: Exception | None = None
        cursors = dict.fromkeys((yield Primaries()), 0)
        found: dict[Any, list[bytes]] = {}
        while cursors or found:
            step: list[tuple[Any, Command | Spread]] = [
                (node, UNLINK(keys).on(node)) for node, keys in found.items()
            ]
            step += [(node, SCAN(at, match, count).on(node)) for node, at in cursors.items()]
            found = {}
            replies = yield [command for _, command in step]
            for (node, command), reply in zip(step, replies, strict=True):
                if isinstance(reply, Exception):
                    trouble = trouble or reply
                    cursors.pop(node, None)
                elif isinstance(command, Spread):
                    deleted += reply
                elif node in cursors:
                    cursors[node], keys = reply
                    if not cursors[node]:
                        del cursors[node]
                    if picks is not None:
                        keys = [key for key in keys if _picked(key, picks)]
                    if keys:
                        found[node] = keys
        if trouble is not None:
            if isinstance(trouble, ConnectionInterrupted):
                trouble.so_far = (deleted,)
            raise trouble
        return deleted

    @operation(fallback=always(bool))
    def clear(self) -> Operation[bool]:
        """Empties the cache: the keys of KEY_PREFIX, or the database where there is none.

        ``CLEAR: "flushdb"`` empties the database also where there is a prefix. Raises
        ``ImproperlyConfigured`` where a KEY_FUNCTION does not say which keys have the prefix.
        """
        if self.clear_by_prefix:
            yield from self.delete_matching(self.naming.everything(), self.scan_itersize)
        else:
            nodes = yield Primaries()
            checked((yield [FLUSHDB().on(node) for node in nodes]))
        return True


def _picked(key: bytes, picks: Callable[[str], bool]) -> bool:
    try:
        return picks(key.decode())
    except UnicodeDecodeError:  # none of ours
        return False
