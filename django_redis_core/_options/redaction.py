"""What an error may show of what settings hold: never a password, a key or a token."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, unquote

#: Names of options whose values are never shown.
SECRET_NAME = re.compile(r"pass|secret|token|credential|(^|_)keys?$", re.IGNORECASE)


def shown(value: Any, name: str = "") -> str:
    """``value`` of the option ``name`` for an error message.

    A container is only named by its type, for a password may be in it, and so is a URL.
    """
    if SECRET_NAME.search(name):
        return "a secret of another form"
    if isinstance(value, str):
        return "a URL" if "://" in value or "@" in value else repr(value[:80])
    if value is None or isinstance(value, float | type):
        return repr(value)
    # str() of an int refuses more than 4,300 digits.
    if isinstance(value, int) and value.bit_length() < 128:
        return repr(value)
    return f"a value of type {type(value).__name__}"


def secrets_in(options: Mapping[Any, Any]) -> Iterator[str]:
    """The texts in ``options`` that stand under a secret's name, at any depth."""
    for name, value in options.items():
        if isinstance(value, Mapping):
            yield from secrets_in(value)
        elif SECRET_NAME.search(str(name)):
            yield from _texts(value)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, bytes):
        value = value.decode(errors="replace")
    if isinstance(value, str) and value:
        yield from {value, unquote(value), quote(value, safe="", errors="replace")}
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)


def explained(error: BaseException, secrets: Iterable[str]) -> tuple[str, BaseException | None]:
    """The text of ``error`` without ``secrets``, and ``error`` itself as the cause to chain: None
    where it, or what it was raised from, holds one of them.

    Raise with that cause outside the ``except`` block: inside it, Python keeps ``error`` as the
    context anyway.
    """
    text, known = str(error), sorted(secrets, key=len, reverse=True)
    for secret in known:
        text = text.replace(secret, "***")
    link: BaseException | None = error
    seen = set()  # an error that is raised again may lead back to itself
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        said = f"{link} {link!r}"
        if any(secret in said for secret in known):
            return text, None
        link = link.__cause__ or link.__context__
    return text, error
