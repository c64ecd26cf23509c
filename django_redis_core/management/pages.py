"""Keys in pages: each is found in a bounded number of short looks, and says where the next begins.

A page can be asked for by itself, from a URL say, because where it begins is text: a database of a
running server, and SCAN's cursor there. Nothing is kept between two pages.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError

from .._interrupts import struck
from ..commands import PTTL, SCAN, Operation, Primaries
from ..exceptions import ConnectionInterrupted
from .keys import refuse_pattern
from .servers import MEMORY_USAGE, TYPE, identity, is_refusal, name_of
from .targets import Misunderstood, Target

#: Keys of a page, and what it looks at for them: at most so many keys, for so many seconds.
SIZE = 100
LOOKS = 20_000
SECONDS = 1.0

# Keys that one SCAN looks at: as many as the page wants, or more where few of them match.
_FEW, _MANY = 100, 500

_AT = re.compile(r"([0-9a-f]{8,12}-\d+):(\d{1,20})")


def page(
    target: Target,
    pattern: str,
    version: Any = None,
    *,
    at: str = "",
    kind: str = "",
    lookups: bool = False,
) -> dict[str, Any]:
    """Keys that match, from where ``at`` says: the ``next`` of the page before. ``kind``: of one
    type only. With ``lookups`` also what servers count as look-ups: types and times to live.

    ``next`` is None at the end. SCAN may tell a key on two pages, while a server resizes its table.
    """
    refuse_pattern(pattern)
    search = target.engine.naming.search(pattern, version, names=True)
    looking = _Looking(target, search.match, search.picks, kind)
    after = target.run(looking.run(*_place(at)))
    name = search.name or str
    entries = [
        {"key": _text(name(full)), "stored_as": _text(full), "usable": _usable(full)}
        for full in looking.found
    ]
    for entry, more in zip(entries, target.run(looking.details(lookups)), strict=True):
        entry |= more
    return {
        "alias": target.alias,
        "pattern": pattern,
        "keys": sorted(entries, key=lambda entry: entry["key"]),
        "looked": looking.looked,
        "next": after,
        "errors": looking.errors,
    }


def _place(at: str) -> tuple[str, int]:
    if not at:
        return "", 0
    found = _AT.fullmatch(at)
    if found is None or int(found[2]) >= 2**64:
        raise Misunderstood("This is no place where a page of keys begins: search anew.")
    return found[1], int(found[2])


class _Looking:
    """The search for one page."""

    def __init__(
        self, target: Target, match: str, picks: Callable[[str], bool] | None, kind: str
    ) -> None:
        self.looked = 0
        self.found: dict[str, Any] = {}  # by stored key: the server that has it
        self.errors: list[str] = []
        self._target = target
        self._match = match
        self._picks = picks
        self._kind = kind
        self._until = time.monotonic() + SECONDS

    def run(self, server: str, cursor: int) -> Operation[str | None]:
        """Looks until there is a page of keys; where the next begins."""
        nodes = sorted((yield Primaries()), key=name_of)
        first = 0 if not server else (yield from self._resumed(nodes, server))
        for place in range(first, len(nodes)):
            node = nodes[place]
            try:
                if place == first or not self._enough:  # each page goes on, if slowly
                    cursor = yield from self._on(node, cursor)
                elif not cursor:
                    return f"{yield from identity(node)}:0"
                if cursor:
                    return f"{yield from identity(node)}:{cursor}"
            except ConnectionInterrupted as error:  # of one server; the others have keys too
                self.errors.append(self._target.explain(error))
                cursor = 0
        return None

    def _resumed(self, nodes: Sequence[Any], server: str) -> Operation[int]:
        for place, node in enumerate(nodes):
            try:
                if (yield from identity(node)) == server:
                    return place
            except ConnectionInterrupted as error:
                self.errors.append(self._target.explain(error))
        raise CommandError(
            "The server on which this page begins cannot be asked, or was restarted since, which "
            f"reorders its keys: search anew. {' '.join(self.errors)}".rstrip()
        )

    @property
    def _enough(self) -> bool:
        return len(self.found) >= SIZE or self.looked >= LOOKS or time.monotonic() >= self._until

    def _on(self, node: Any, cursor: int) -> Operation[int]:
        count = _FEW
        while True:
            cursor, page = yield SCAN(cursor, self._match, count, self._kind).on(node)
            self.looked += max(count, len(page))
            for full in (key.decode(errors="surrogateescape") for key in page):
                if self._picks is None or self._picks(full):
                    self.found.setdefault(full, node)
            count = _FEW if len(page) > count // 10 else _MANY
            if not cursor or self._enough:
                return int(cursor)

    def details(self, lookups: bool) -> Operation[list[dict[str, Any]]]:
        """Of each key that was found: bytes, and type and time to live with ``lookups``; None
        where a server refuses to tell."""
        keys = list(self.found.items())
        asked: list[Any] = []
        for full, node in keys:
            key = full.encode(errors="surrogateescape")
            asked.append(MEMORY_USAGE(key).on(node))
            if lookups:
                asked += [TYPE(key).on(node), PTTL(key).on(node)]  # type: ignore[arg-type]
        try:
            replies = [_allowed(reply) for reply in (yield asked)] if asked else []
        except ConnectionInterrupted as error:
            self.errors.append(self._target.explain(error))
            replies = [None] * len(asked)
        if not lookups:
            return [{"bytes": length} for length in replies]
        groups = zip(replies[::3], replies[1::3], replies[2::3], strict=True)
        return [
            {"bytes": length, "type": kind, "expires": left is not None and left >= 0}
            | {"ttl": left / 1000 if left is not None and left >= 0 else None}
            for length, kind, left in groups
        ]


def named(target: Target, stored: str) -> tuple[str, str] | None:
    """The name and version of a stored key; the version is "" where it is the cache's."""
    naming = target.engine.naming
    if naming.plain:
        head = f"{naming.prefix}:"
        if not stored.startswith(head):
            return None
        version, colon, name = stored[len(head) :].partition(":")
        if not colon:
            return None
        return name, "" if version == str(naming.version) else version
    try:
        name = naming.name(stored)
        return (name, "") if naming.unchecked(name) == stored else None
    except ImproperlyConfigured:
        return None
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        if struck(error):
            raise
        return None  # a key that the site's function has not made


def _allowed(reply: Any) -> Any:
    if isinstance(reply, Exception):
        if not is_refusal(reply):
            raise reply
        return None
    return reply


def _usable(full: str) -> bool:
    """Whether it is text, as all keys of a cache are."""
    return full.isprintable() or not any("\udc80" <= one <= "\udcff" for one in full)


def _text(key: str) -> str:
    return key.encode(errors="surrogateescape").decode(errors="backslashreplace")
