"""The reference of operations, out of their declarations: signature, meaning, fallback."""

from __future__ import annotations

import inspect
import re
import textwrap
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT

from django_redis_core._codec.codec import MISSING
from django_redis_core._operations.declare import Declaration, Family
from django_redis_core.interfaces import OPERATIONS, Client

_WIDTH = 76
_MARKER = re.compile(r"^<!-- operations: (\w+) -->$", re.M)

#: Fallbacks that depend on the call's arguments, in words.
_IN_WORDS = {
    "get_or_set": "what `default` gives, which is not stored",
    "set_many": "all keys of `data`",
    "smismember": "`False` for each member",
    "hmget": "`None` for each field",
    "zmscore": "`None` for each member",
    "zadd": "`0`, with `incr` `None`",
    "keys": "those of the servers that answered, or `[]`",
    "delete_pattern": "the number on the servers that answered, or `0`",
    "iter_keys": "nothing more than what was found before",
    "sscan_iter": "nothing more than what was found before",
}


def with_operations(markdown: str) -> str:
    """``markdown`` with each marker replaced by the operations of its family."""
    return _MARKER.sub(lambda marker: family(marker[1]), markdown)


def families() -> dict[str, list[Declaration]]:
    """The operations by the name of the class that defines them, in their order."""
    found: dict[str, list[Declaration]] = {}
    for name, declaration in OPERATIONS.items():
        home = next(base for base in Client.__mro__ if name in vars(base))
        assert issubclass(home, Family)
        found.setdefault(home.__name__, []).append(declaration)
    return found


def family(name: str) -> str:
    return "\n".join(entry(declaration) for declaration in families()[name])


def entry(declaration: Declaration) -> str:
    """An operation as Markdown."""
    doc = inspect.getdoc(getattr(Client, declaration.name)) or ""
    return (
        f"### {declaration.name}\n\n```python\n{signature(declaration)}\n```\n\n"
        f"{doc.replace('``', '`')}\n\n*Ignored trouble:* {fallback(declaration)}.\n"
    )


def signature(declaration: Declaration) -> str:
    """``name(arguments) -> type`` on as many lines as it needs."""
    given = list(declaration.signature.parameters.values())[1:]
    parts: list[str] = []
    for place, one in enumerate(given):
        starred = one.kind is one.VAR_POSITIONAL
        if one.kind is one.KEYWORD_ONLY and (
            not place or given[place - 1].kind not in (one.KEYWORD_ONLY, one.VAR_POSITIONAL)
        ):
            parts.append("*")
        default = "" if one.default is one.empty else f"={shown(one.default)}"
        parts.append(("*" if starred else "") + one.name + default)
    annotation = str(declaration.signature.return_annotation)
    inner = re.fullmatch(r"Operation\[(.*)\]", annotation)
    result = "Iterator" if declaration.stream else inner[1] if inner else annotation
    line = f"{declaration.name}({', '.join(parts)}) -> {result}"
    if len(line) <= _WIDTH:
        return line
    # Never inside an argument: their texts have no spaces.
    filled = textwrap.fill(
        ", ".join(parts) + ",",
        _WIDTH,
        initial_indent="    ",
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    return f"{declaration.name}(\n{filled}\n) -> {result}"


def shown(default: Any) -> str:
    if default is DEFAULT_TIMEOUT:
        return "DEFAULT_TIMEOUT"
    if isinstance(default, type):
        return default.__name__
    return "…" if default is MISSING else repr(default)


class _Argument:
    """An argument that shows its name where a fallback hands it back."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


def fallback(declaration: Declaration) -> str:
    """What the operation answers with IGNORE_EXCEPTIONS while the server is in trouble."""
    if declaration.fallback is None:
        named = declaration.if_named({})
        if declaration.immediate:
            return "raised all the same"
        return f"raised all the same; `{named!r}` where `IGNORE_EXCEPTIONS_FOR` names it"
    if declaration.name in _IN_WORDS:
        return _IN_WORDS[declaration.name]
    parameters = declaration.signature.parameters
    arguments: dict[str, Any] = {name: _Argument(name) for name in parameters}
    if "count" not in parameters:
        return f"`{declaration.fallback(arguments)!r}`"
    several = declaration.fallback(arguments)
    alone = declaration.fallback({**arguments, "count": None})
    return f"`{alone!r}`" if alone == several else f"`{alone!r}`, with `count` `{several!r}`"
