"""``keys``: which entries there are, by a pattern, in pages that never hold a server up."""

from __future__ import annotations

import re
from typing import Any

from django.core.management.base import CommandError

from ..commands import SCAN, Operation, Primaries
from .console import Console
from .output import counted, printable
from .reports import on
from .targets import Misunderstood, Target, one_target

LIMIT = 1000  # keys, unless the command line says otherwise

_PAGE = 500  # keys that one SCAN looks at

_OPEN = re.compile(r"(?:[^\\\[]|\\.|\[(?:\\.|[^\]\\])*\])*\[", re.S)


def run(
    console: Console,
    *,
    alias: str,
    pattern: str,
    limit: int,
    key_version: str | None,
    **options: Any,
) -> None:
    refuse_pattern(pattern)
    report = on(one_target(alias), found, pattern, key_version, limit)
    console.show(report, lines)
    if not report["keys"]:
        raise CommandError(f"No key of the cache {alias!r} matches {pattern!r}.")


def refuse_pattern(pattern: str) -> None:
    """Misunderstood for a pattern that cannot be meant; servers take any text for one."""
    if not pattern:
        raise Misunderstood("The pattern is empty and matches no key: write '*' for all.")
    if (match := _OPEN.match(pattern)) and "]" not in pattern[match.end() :]:
        raise Misunderstood(
            f"The pattern {pattern!r} has a [ without a ]: write \\[ for the character itself."
        )


def found(target: Target, pattern: str, version: str | None, limit: int) -> dict[str, Any]:
    """The keys that match, as the site names them and as they are stored; at most ``limit``."""
    search = target.engine.naming.search(pattern, version, names=True)
    name, picks = search.name or str, search.picks
    keys: dict[str, str] = {}

    def searching() -> Operation[bool]:
        for node in (yield Primaries()):
            cursor = -1
            while cursor:
                cursor, page = yield SCAN(max(cursor, 0), search.match, _PAGE).on(node)
                for full in (key.decode(errors="surrogateescape") for key in page):
                    if full in keys or (picks is not None and not picks(full)):
                        continue
                    if len(keys) == limit:
                        return False
                    keys[full] = name(full)
        return True

    complete = target.run(searching())
    told = [
        {"key": _text(key), "stored_as": _text(full)}
        for full, key in sorted(keys.items(), key=lambda item: item[1])
    ]
    return {"alias": target.alias, "pattern": pattern, "complete": complete, "keys": told}


def lines(report: dict[str, Any], style: Any, width: int | None) -> list[str]:
    text = [printable(one["key"]) for one in report["keys"]]
    if not report["complete"]:
        text.append(style.WARNING(f"({counted(len(text), 'key')}, and there are more: --limit)"))
    return text


def _text(key: str) -> str:
    """A key of somebody else's may be no text, which JSON cannot hold."""
    return key.encode(errors="surrogateescape").decode(errors="backslashreplace")
