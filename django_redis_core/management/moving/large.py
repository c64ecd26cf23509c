"""Data structures that are too large for one command: read and written in pages, so that no server
is held up by one of them.

They are put together beside the key, under a name of their own that expires by itself, and take
the key's place in one step. What is written to the source meanwhile may be seen or not, as SCAN has
it; of a list, whose places move, only one that did not change goes this way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ...commands import (
    EXISTS,
    HSET,
    LINDEX,
    LLEN,
    LRANGE,
    PEXPIRE,
    PTTL,
    RPUSH,
    SADD,
    SSCAN,
    ZADD,
    Command,
    Reply,
    Script,
    reading,
    writing,
)
from ...exceptions import NoScriptError, RedisCacheError, SerializationError, ServerRefused
from ..beside import LIVES, beside
from ..removing import LARGE, remove_here
from ..servers import LENGTHS, MEMORY_USAGE, cursor_and_pairs, is_refusal
from . import structures
from .sides import Clock, Side, for_node
from .structures import Structure

#: What goes in one command: servers take a millisecond or two for so much.
ELEMENTS, BYTES = 2_000, 1024 * 1024

#: A page of what is larger: some hundred microseconds.
_PAGE_ELEMENTS, _PAGE_BYTES = 200, 256 * 1024

# KEYS: the key, the part beside it, where what was there is put. ARGV: whether to overwrite,
# milliseconds or -1, and those for which what was there lives on.
_PLACE = Script(
    """
if redis.call('EXISTS', KEYS[2]) == 0 then return -1 end
local there = redis.call('EXISTS', KEYS[1])
if there == 1 and ARGV[1] == '0' then return 0 end
if there == 1 then
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
  redis.call('RENAME', KEYS[1], KEYS[3])
end
redis.call('RENAME', KEYS[2], KEYS[1])
if ARGV[2] == '-1' then redis.call('PERSIST', KEYS[1])
else redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 1 + there
"""
)


def _pairs(reply: Reply) -> tuple[int, dict[bytes, bytes]]:
    cursor, pairs = cursor_and_pairs(reply)
    return cursor, dict(pairs)


def _scores(reply: Reply) -> tuple[int, dict[bytes, float]]:
    cursor, pairs = cursor_and_pairs(reply)
    return cursor, {member: float(score) for member, score in pairs}


_SCANS: dict[str, Callable[..., Command]] = {
    "hash": reading("HSCAN", _pairs),
    "set": SSCAN,
    "zset": reading("ZSCAN", _scores),
}
_ADDS: dict[str, Callable[..., Command]] = {
    "hash": HSET,
    "list": RPUSH,
    "set": SADD,
    "zset": ZADD,
}
# Of servers that know no expiry of fields these are refused.
_HPTTL, _HPEXPIRE = reading("HPTTL"), writing("HPEXPIRE")


class Whole(Exception):
    """It cannot go in pages, or not now: the way of the small ones is left to it."""


@dataclass(frozen=True)
class Large:
    """A data structure of ``side`` that is to go in pages of ``count`` elements."""

    side: Side
    kind: str
    key: str
    node: Any
    count: int = _PAGE_ELEMENTS

    def pages(self) -> Iterator[Any]:
        """Its elements, page by page, each page as all of them are in ``Structure``. Raises Whole
        where it is another one by now."""
        if self.kind == "list":
            yield from self._list()
            return
        cursor = -1
        while cursor:
            scan = _SCANS[self.kind](self.key, max(cursor, 0), b"COUNT", self.count)
            [(cursor, page)] = self._asked(scan)
            if page:
                yield page

    def _list(self) -> Iterator[Any]:
        before = self._ends()
        for start in range(0, before[0], self.count):
            [page] = self._asked(LRANGE(self.key, start, start + self.count - 1))
            yield page
        if self._ends() != before:
            raise Whole

    def _ends(self) -> list[Any]:
        key = self.key
        return self._asked(LLEN(key), LINDEX(key, 0), LINDEX(key, -1))

    def left(self) -> int | None:
        """The milliseconds that it lives on, None for ever. Raises Whole where it is no more."""
        [left] = self._asked(PTTL(self.key))
        if left in (-2, 0):
            raise Whole
        return None if left == -1 else int(left)

    def fields_left(self, fields: Sequence[bytes]) -> dict[bytes, int]:
        """The milliseconds that fields of a hash live on, of those that do not for ever."""
        asked = _HPTTL(self.key, b"FIELDS", len(fields), *fields)
        [told] = self.side.ask([for_node(asked, self.node)])
        if isinstance(told, Exception):
            if not is_refusal(told):
                raise told
            return {}
        return {field: left for field, left in zip(fields, told or (), strict=False) if left > 0}

    def _asked(self, *commands: Command) -> list[Any]:
        return _granted(self.side.ask([for_node(command, self.node) for command in commands]))


def large(side: Side, kind: str, key: str, node: Any = None) -> Large | None:
    """None for what one command can take; and for what is not there, or of another type by now."""
    length, weight = side.ask(
        [for_node(LENGTHS[kind](key), node), for_node(MEMORY_USAGE(key), node)]
    )
    for reply in (length, weight):
        if isinstance(reply, Exception) and not is_refusal(reply):
            raise reply
    if isinstance(length, Exception) or length < 2:
        return None
    heavy = weight if isinstance(weight, int) else 0
    if length <= ELEMENTS and heavy <= BYTES:
        return None
    count = min(_PAGE_ELEMENTS, _PAGE_BYTES * length // heavy) if heavy else _PAGE_ELEMENTS
    return Large(side, kind, key, node, max(count, 1))


def heavy(side: Side, key: str) -> bool:
    """Whether to remove ``key`` in one go would hold its server up. False where it does not tell;
    what else is wrong with it is told when it is written to."""
    [weight] = side.ask([MEMORY_USAGE(key).primary()])
    return isinstance(weight, int) and weight > LARGE


def read(side: Side, kind: str, key: str, node: Any = None) -> Structure | None:
    """As ``structures.read``, in pages where it is large: ``left`` is that of the end."""
    found = large(side, kind, key, node)
    if found is None:
        return structures.read(side, kind, key, node)
    elements: Any = {"list": list, "set": set}.get(kind, dict)()
    add = elements.extend if kind == "list" else elements.update
    try:
        for page in found.pages():
            add(page)
        left = found.left()
    except Whole:
        return structures.read(side, kind, key, node)
    return Structure(kind, elements, left) if elements else None


def carry(source: Large, target: Side, new: str, *, raw: bool, replace: bool) -> bool | None:
    """Writes it under ``new``; whether it was written, None where an element cannot be read. Raises
    SerializationError where the target's format cannot hold one, and Whole."""
    part = _Part(target, new, source.kind)
    clock, first = Clock(), source.left()
    if not replace and _granted(target.ask([EXISTS(new).primary()]))[0]:
        return False
    try:
        for page in source.pages():
            beside = Structure(source.kind, page, None)
            arguments = structures.arguments(source.side, target, source.key, new, beside, raw=raw)
            if arguments is None:
                part.remove()
                return None
            part.add(arguments)
            if source.kind == "hash":
                since, fields = Clock(), source.fields_left([*page])
                part.expire({field: since.left(left) or 1 for field, left in fields.items()})
        # The shorter one is never longer than that of what was read.
        ends = [one for one in (clock.left(first), source.left()) if one is not None]
        return part.place(max(min(ends), 1) if ends else -1, replace=replace)
    except (Whole, SerializationError, ServerRefused):
        part.remove()
        raise


class _Part:
    """What is there of ``key`` by now, beside it: on the same server, and in the same slot of a
    cluster."""

    def __init__(self, side: Side, key: str, kind: str) -> None:
        self._side = side
        self._key = key
        self._add = _ADDS[kind]
        self._begun = False
        self._name = _beside(key)

    def add(self, arguments: Sequence[Any]) -> None:
        added, prolonged = self._add(self._name, *arguments), PEXPIRE(self._name, LIVES)
        # Later ones first make sure that it is there: else they would be all that the key ever has.
        commands = [prolonged, added] if self._begun else [added, prolonged]
        replies = _granted(self._side.ask([self._here(one) for one in commands]))
        if not replies[commands.index(prolonged)]:
            raise Whole
        self._begun = True

    def expire(self, fields: dict[bytes, int]) -> None:
        """Lets fields of a hash end; a server that knows no such thing keeps them."""
        sent = [
            self._here(_HPEXPIRE(self._name, left, b"FIELDS", 1, field))
            for field, left in fields.items()
        ]
        for reply in self._side.ask(sent):
            if isinstance(reply, Exception) and not is_refusal(reply):
                raise reply

    def place(self, left: int, *, replace: bool) -> bool:
        """Puts it where it belongs. False: something is there already."""
        before = _beside(self._key)
        keys, given = [self._key, self._name, before], (int(replace), left, LIVES)
        [reply] = self._side.ask([_PLACE.command(keys, *given)])
        if isinstance(reply, NoScriptError):
            [reply] = self._side.ask([_PLACE.whole(keys, *given)])
        if _granted([reply])[0] == -1:
            raise Whole
        if reply == 2:
            self._remove(before)
        elif not reply:
            self.remove()
        return bool(reply)

    def remove(self) -> None:
        self._remove(self._name)

    def _remove(self, name: str) -> None:
        with suppress(RedisCacheError):  # it goes by itself, in a minute
            self._side.run(remove_here(name, self._here))

    def _here(self, command: Command) -> Command:
        """Where the key lives, which is how shards and clusters are told."""
        return Command(command.kind.primary, command.args, self._key)


def _beside(key: str) -> str:
    name = beside(key, "copying")
    if name is None:
        raise Whole
    return name


def _granted(replies: list[Any]) -> list[Any]:
    """Raises Whole for what a server refuses, a command or a name."""
    for reply in replies:
        if isinstance(reply, Exception):
            if is_refusal(reply):
                raise Whole from reply
            raise reply
    return replies
