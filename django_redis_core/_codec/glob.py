"""Glob patterns as Redis has them: escape text for one, and match here what it is asked for.

https://redis.io/commands/keys/
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any


def escape_glob(text: str) -> str:
    """``text`` so that a MATCH pattern finds it literally."""
    return re.sub(r"([\\*?\[\]^-])", r"\\\1", text)


def around_star(pattern: str) -> tuple[str, str] | None:
    """The texts before and after the ``*`` of ``pattern``; None where it has none, or more that is
    not literal."""
    parts = [""]
    for escaped, plain in re.findall(r"\\(.)|(.)", pattern, re.DOTALL):
        if plain == "*":
            parts.append("")
        elif plain in ("?", "["):
            return None
        else:
            parts[-1] += escaped or plain
    return (parts[0], parts[1]) if len(parts) == 2 else None


_GLOB = re.compile(
    r"\\(?P<escaped>.)|\[(?P<not>\^?)(?P<set>(?:\\.|[^\]\\]-.|[^\]])*)\]|(?P<any>.)", re.S
)
_CLASS = re.compile(r"\\(.)|(.)-(.)|(.)", re.S)


def matching(pattern: str) -> Callable[[Any], bool]:
    """Whether a member matches a glob pattern (https://redis.io/commands/keys/): text as it is,
    an int by its digits, anything else never.

    It is asked here where the server sees something else: serialized, perhaps compressed bytes, or
    keys that a site's function makes.
    """
    if not isinstance(pattern, str):
        raise TypeError(f"A pattern must be a str, not {type(pattern).__name__}.")
    fullmatch = re.compile("".join(map(_as_regex, _GLOB.finditer(pattern))), re.S).fullmatch

    def matches(value: Any) -> bool:
        if value.__class__ is int:
            value = str(value)
        return isinstance(value, str) and fullmatch(value) is not None

    return matches


def _as_regex(token: re.Match[str]) -> str:
    if token["any"]:
        return {"*": ".*", "?": "."}.get(token["any"]) or re.escape(token["any"])
    if token["escaped"]:
        return re.escape(token["escaped"])
    ranges = []
    for escaped, first, last, alone in _CLASS.findall(token["set"]):
        low, high = sorted((first, last)) if first else (escaped or alone,) * 2
        ranges.append(f"{re.escape(low)}-{re.escape(high)}")
    if not ranges:  # [] matches nothing, [^] everything
        return "." if token["not"] else "(?!)"
    return f"[{token['not']}{''.join(ranges)}]"
