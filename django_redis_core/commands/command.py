"""What goes to a server, and how its reply reads.

A ``Command`` is one command with its arguments, and knows the three things that routing and
retrying need: which key decides where it goes, whether it writes, and whether it may be sent a
second time when the first answer was lost. It knows nothing about connections.

Names are bytes on purpose: redis-py's reply callbacks are looked up by str, so a command that runs
on a raw redis-py client (``client=``) gives the same reply as on a connection of our own.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from itertools import chain, repeat
from operator import attrgetter
from typing import Any, TypeAlias

from ..exceptions import ConnectionInterrupted

Reply = Any
"""What a server answered, as redis-py reads RESP2: bytes, int, None, or lists of them."""

Argument = str | bytes | int | float
"""What a command may hold; text is sent as UTF-8, a number as its digits."""

Key = str | bytes
"""A key as it is stored: what ``Keys.make`` gave, or bytes that a server listed."""

Server: TypeAlias = Any
"""A ``Node`` of ``django_redis_core.connections``, which stands on this room."""


class Kind:
    """What all commands of one name have in common.

    ``name`` is the server's, in capitals. ``write``: it goes to a primary. ``repeatable``: sending
    it twice leaves the server as sending it once would, so a lost reply may be answered by a second
    try. ``read`` turns the server's reply into a Python value; ``None`` leaves it as it is.
    ``changes``: whether it may leave anything else behind; False also for a read that goes to a
    primary.
    """

    __slots__ = ("_primary", "changes", "name", "read", "repeatable", "write")

    def __init__(
        self,
        name: str,
        *,
        write: bool,
        repeatable: bool = True,
        read: Callable[[Reply], Any] | None = None,
    ) -> None:
        self.name = name.encode()
        self.write = write
        self.repeatable = repeatable
        self.read = read
        self.changes = write
        self._primary: Kind | None = self if write else None

    @property
    def primary(self) -> Kind:
        """The same, answered by a primary: a read that must see what was just written."""
        if self._primary is None:
            name = self.name.decode()
            primary = Kind(name, write=True, repeatable=self.repeatable, read=self.read)
            primary.changes = False
            self._primary = primary
        return self._primary

    def __repr__(self) -> str:
        return f"<Kind {self.name.decode()}>"


class Command:
    """One command for one server. Yielded by an operation, it is answered by the reply.

    ``args`` are the whole command, its name first: ``Command(kind, (kind.name, key), key)``.
    ``key`` decides where it goes; a command with ``node`` goes exactly there, and one without
    either to any server that ``Topology.route`` chooses. Raises at the ``yield``
    ``ConnectionInterrupted`` where the server is in trouble, ``ReplyError`` where it refuses.
    """

    __slots__ = ("args", "key", "kind", "node")

    def __init__(
        self, kind: Kind, args: tuple[Argument, ...], key: Key | None, node: Server | None = None
    ) -> None:
        self.kind = kind
        self.args = args
        self.key = key
        self.node = node

    def on(self, node: Server) -> Command:
        """The same command for one particular server."""
        return Command(self.kind, self.args, self.key, node)

    def primary(self) -> Command:
        """The same command, but answered by the primary even where replicas serve reads."""
        return Command(self.kind.primary, self.args, self.key, self.node)

    def named(self) -> list[str]:
        """All keys that it may name, as text; none for one over all keys, such as FLUSHDB.

        Keys may stand anywhere among the arguments (RENAME, a script), so all text counts as one:
        values are bytes, and what is no key is a name that nobody asks for.
        """
        found = [arg for arg in self.args[1:] if isinstance(arg, str)]
        return [*found, _text(self.key)] if isinstance(self.key, bytes) else found

    def __repr__(self) -> str:  # keys and values stay out of logs
        return f"<Command {self.kind.name.decode()} with {len(self.args) - 1} arguments>"


class Spread:
    """One command over many keys, which is split where the keys live on several servers. Yielded by
    an operation, it is answered by the reply of the whole.

    ``join`` says how the parts' replies come together: ``list`` puts each part's elements at its
    keys' places, ``sum`` adds them up. ``keys`` are as stored, at least one. Where some servers
    failed, what they have is an exception in the list, or missing in the sum; where all did, it is
    raised.
    """

    __slots__ = ("join", "keys", "kind", "node")

    def __init__(
        self,
        kind: Kind,
        keys: Sequence[Key],
        join: Callable[..., Any],
        node: Server | None = None,
    ) -> None:
        self.kind = kind
        self.keys = keys
        self.join = join
        self.node = node

    def on(self, node: Server) -> Spread:
        """The same command for keys that were found on one particular server."""
        return Spread(self.kind, self.keys, self.join, node)

    def primary(self) -> Spread:
        """The same command, but answered by primaries."""
        return Spread(self.kind.primary, self.keys, self.join, self.node)

    def named(self) -> list[str]:
        """Its keys as text; see ``Command.named``."""
        return [key if isinstance(key, str) else _text(key) for key in self.keys]

    def whole(self) -> Command:
        """All keys in one command, for when one server has them all."""
        return Command(self.kind, (self.kind.name, *self.keys), self.keys[0], self.node)

    def split(self, place: Callable[[Key], Hashable]) -> list[tuple[list[int], Command]]:
        """A command for each place, with the positions of its keys in ``keys``."""
        kind, every, node = self.kind, self.keys, self.node
        name, places = kind.name, [*map(place, every)]
        if len(set(places)) == len(places):  # as of a few keys on a cluster
            return [([at], Command(kind, (name, key), key, node)) for at, key in enumerate(every)]
        groups: dict[Hashable, list[int]] = {}
        for position, where in enumerate(places):
            groups.setdefault(where, []).append(position)
        parts = []
        for positions in groups.values():
            first = every[positions[0]]
            if len(positions) == 1:
                args: tuple[Argument, ...] = name, first
            else:
                args = (name, *[every[position] for position in positions])
            parts.append((positions, Command(kind, args, first, node)))
        return parts

    def merge(self, parts: Sequence[tuple[list[int], Reply]]) -> Reply:
        """The reply of the whole from the replies of its parts.

        A part that failed leaves its exception at its keys' places (``list``), or adds nothing
        (``sum``); when all failed, the first exception is the reply. So is one whose reply does not
        fit its keys: a server that sends such a thing is out of step.
        """
        if self.join is list and (merged := self._in_place(parts)) is not None:
            return merged
        parts = [(positions, self._fitting(positions, reply)) for positions, reply in parts]
        errors = [reply for _, reply in parts if isinstance(reply, Exception)]
        if len(errors) == len(parts):
            return errors[0]
        if self.join is not list:
            return sum(reply for _, reply in parts if not isinstance(reply, Exception))
        merged = [None] * len(self.keys)
        for positions, reply in parts:
            values = [reply] * len(positions) if isinstance(reply, Exception) else reply
            for position, value in zip(positions, values, strict=True):
                merged[position] = value
        return merged

    def _in_place(self, parts: Sequence[tuple[list[int], Reply]]) -> list[Any] | None:
        """What ``merge`` returns where all is well, which costs less to see at once: on a cluster
        there may be a part for each key."""
        merged: list[Any] = [None] * len(self.keys)
        for positions, reply in parts:
            if reply.__class__ is not list or len(reply) != len(positions):
                return None
            if len(positions) == 1:
                merged[positions[0]] = reply[0]
                continue
            for position, value in zip(positions, reply, strict=True):
                merged[position] = value
        return merged

    def _fitting(self, positions: Sequence[int], reply: Reply) -> Reply:
        if isinstance(reply, Exception):
            return reply
        if self.join is list:
            fits = isinstance(reply, list) and len(reply) == len(positions)
        else:
            fits = isinstance(reply, int)
        if fits:
            return reply
        name, kind = self.kind.name.decode(), type(reply).__name__
        return ConnectionInterrupted(
            None, f"the reply to {name} is not one of its own, but a {kind}"
        )


def _text(key: bytes) -> str:
    """The key that a server listed, as ``Keys.make`` gives it."""
    return str(key, "utf-8", "surrogateescape")


def ok(reply: Reply) -> bool:
    """For ``read`` of a ``Kind``: ``OK`` is True; a nil (a condition was not met) is False."""
    return reply is not None and reply is not False


def text(reply: Reply) -> str:
    """Text that the server sent, as a str."""
    return reply.decode() if isinstance(reply, bytes) else str(reply)


def number(reply: Reply) -> float | None:
    """A score, which RESP2 sends as text, as a float; None stays None."""
    return None if reply is None else float(reply)


def cursor_and_items(reply: Reply) -> tuple[int, list[bytes]]:
    """The reply of SCAN, HSCAN, SSCAN and ZSCAN: the next cursor, 0 at the end, and the items."""
    items = reply[1]
    # Looked at here, since they go on to other commands before anybody reads them.
    if isinstance(items, bytes | str) or not {*map(type, items)} <= _TEXT:
        raise TypeError("an array of text is expected here")
    return int(reply[0]), items


_TEXT = {bytes, str}


def flag(name: str, **kwargs: Any) -> Kind:
    """A kind whose reply is 1 or 0, read as a bool. ``kwargs`` are those of ``Kind``."""
    return Kind(name, read=bool, **kwargs)


_GET = Kind("GET", write=False)
_SET = Kind("SET", write=True, read=ok)
_SET_IF = Kind("SET", write=True, repeatable=False, read=ok)
_MSETEX = flag("MSETEX", write=True)
_EXISTS = flag("EXISTS", write=False)
_UNLINK = Kind("UNLINK", write=True)
_MGET = Kind("MGET", write=False)
_PERSIST = flag("PERSIST", write=True)
_PEXPIRE = flag("PEXPIRE", write=True)
_PEXPIREAT = flag("PEXPIREAT", write=True)
_PTTL = Kind("PTTL", write=False)
_TTL = Kind("TTL", write=False)
_INCRBY = Kind("INCRBY", write=True, repeatable=False)
_RENAME = Kind("RENAME", write=True, repeatable=False, read=ok)
_DUMP = Kind("DUMP", write=False)
_RESTORE = Kind("RESTORE", write=True, read=ok)
_SCAN = Kind("SCAN", write=False, read=cursor_and_items)
_FLUSHDB = Kind("FLUSHDB", write=True, repeatable=False, read=ok)


def GET(key: str) -> Command:
    """The bytes of the entry, or None."""
    return Command(_GET, (b"GET", key), key)


def SET(
    key: str, payload: bytes, milliseconds: int | None = None, *, nx: bool = False, xx: bool = False
) -> Command:
    """True where it was stored. It lives for ``milliseconds``, None: for ever.

    ``nx``: only a new key, ``xx``: only one that is there; such a SET is not sent twice, since the
    first sending changes the condition. Raises ValueError for both together.
    """
    if not (nx or xx):
        if milliseconds is None:
            return Command(_SET, (b"SET", key, payload), key)
        return Command(_SET, (b"SET", key, payload, b"PX", b"%d" % milliseconds), key)
    if nx and xx:
        raise ValueError("nx (only a new key) and xx (only an old one) exclude each other.")
    args: list[Argument] = [b"SET", key, payload]
    if milliseconds is not None:
        args += (b"PX", b"%d" % milliseconds)
    args.append(b"NX" if nx else b"XX")
    return Command(_SET_IF, tuple(args), key)


def SETS(
    keys: Sequence[str], payloads: Sequence[bytes], milliseconds: int | None
) -> list[Command | Spread]:
    """``SET`` of each of ``payloads`` under its key, with one expiry."""
    columns: list[Iterable[Any]] = [repeat(b"SET", len(keys)), keys, payloads]
    if milliseconds is not None:
        columns += [repeat(b"PX", len(keys)), repeat(b"%d" % milliseconds, len(keys))]
    every = zip(*columns, strict=True)
    return [Command(_SET, args, key) for args, key in zip(every, keys, strict=True)]


_kind, _args = attrgetter("kind"), attrgetter("args")


def msetex(
    sets: Sequence[Command], place: Callable[[Key], Hashable] | None, largest: int
) -> Command | None:
    """One command that does what ``sets`` do, or None: when one of them is no plain SET, their
    expiry is not the same, their keys live in several places (``place`` None: there is but one),
    or it has over ``largest`` bytes."""
    if set(map(_kind, sets)) != {_SET}:
        return None
    first = sets[0]
    try:
        columns: list[Any] = [*zip(*map(_args, sets), strict=True)]
    except ValueError:  # some with an expiry, and some without
        return None
    _, keys, payloads, *expiry = columns
    if any(set(column) != {column[0]} for column in expiry):
        return None
    if place is not None and len(set(map(place, keys))) > 1:
        return None
    if sum(map(len, payloads)) > largest:
        return None
    pairs = chain.from_iterable(zip(keys, payloads, strict=True))
    packed = (b"MSETEX", b"%d" % len(sets), *pairs, *first.args[3:])
    return Command(_MSETEX, packed, keys[0], first.node)


def MGET(keys: Sequence[Key]) -> Spread:
    """A list of the entries' bytes in the order of ``keys``, None for one that is not there."""
    return Spread(_MGET, keys, list)


def UNLINK(keys: Sequence[Key]) -> Spread:
    """How many of the keys were there; DEL that frees the memory in another thread."""
    return Spread(_UNLINK, keys, sum)


def EXISTS(key: str) -> Command:
    """Whether there is an entry."""
    return Command(_EXISTS, (b"EXISTS", key), key)


def PERSIST(key: str) -> Command:
    """Lets the entry live for ever. False: it is not there, or did so already."""
    return Command(_PERSIST, (b"PERSIST", key), key)


def PEXPIRE(key: str, milliseconds: int) -> Command:
    """Lets the entry live so long from now; 0 or less removes it. False: it is not there."""
    return Command(_PEXPIRE, (b"PEXPIRE", key, b"%d" % milliseconds), key)


def PEXPIREAT(key: str, milliseconds: int) -> Command:
    """Lets the entry end at a time, in milliseconds since 1970. False: it is not there."""
    return Command(_PEXPIREAT, (b"PEXPIREAT", key, milliseconds), key)


def PTTL(key: str) -> Command:
    """The milliseconds that are left to it; -2 without the key, -1 without an expiry."""
    return Command(_PTTL, (b"PTTL", key), key)


def TTL(key: str) -> Command:
    """The seconds that are left to it; -2 without the key, -1 without an expiry."""
    return Command(_TTL, (b"TTL", key), key)


def INCRBY(key: str, delta: int) -> Command:
    """The new number. A key that is not there counts as 0; ``ReplyError`` where it is no int of 64
    bits, before or after. Not sent twice."""
    return Command(_INCRBY, (b"INCRBY", key, b"%d" % delta), key)


def RENAME(key: str, new: str) -> Command:
    """True. It is atomic, and the expiry goes with the value; ``ReplyError`` without the key. Both
    in one place. Not sent twice."""
    return Command(_RENAME, (b"RENAME", key, new), key)


def DUMP(key: str) -> Command:
    """The entry in the server's own format, for ``RESTORE``; None without the key."""
    return Command(_DUMP, (b"DUMP", key), key)


def RESTORE(key: str, milliseconds: int, dump: bytes) -> Command:
    """True. Writes what ``DUMP`` gave, over what is there; 0 milliseconds: for ever."""
    return Command(_RESTORE, (b"RESTORE", key, milliseconds, dump, b"REPLACE"), key)


def SCAN(cursor: int, pattern: str, count: int, kind: str = "") -> Command:
    """The next cursor, 0 at the end, and keys that match the glob ``pattern``, some ``count`` of
    them; with ``kind`` ("hash", say) those of this type. It has no key, so the caller says on
    which server: ``SCAN(…).on(node)``, for each of ``Primaries``."""
    of_kind = (b"TYPE", kind) if kind else ()
    return Command(_SCAN, (b"SCAN", cursor, b"MATCH", pattern, b"COUNT", count, *of_kind), None)


def FLUSHDB() -> Command:
    """True. Empties the database of the server that the caller names: ``FLUSHDB().on(node)``. The
    memory is freed in another thread. Not sent twice."""
    return Command(_FLUSHDB, (b"FLUSHDB", b"ASYNC"), None)
