"""How the caller's keys stand in spans, where an option asks for that."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from django.utils.crypto import salted_hmac

#: Of how many keys of a call a span tells. A ``get_many`` may be of thousands.
AT_MOST: Final = 10

Noted = Callable[[Iterable[Any]], list[str]]


def hashed(keys: Iterable[Any]) -> list[str]:
    """The same word for the same key in all processes of the site, from which nobody without its
    SECRET_KEY finds the key by trying."""
    return [
        salted_hmac(__name__, str(key), algorithm="sha256").hexdigest()[:16] for key in _some(keys)
    ]


def shortened(length: int) -> Noted:
    """The first ``length`` characters of each."""

    def noted(keys: Iterable[Any]) -> list[str]:
        words = map(str, _some(keys))
        return [word if len(word) <= length else word[:length] + "…" for word in words]

    return noted


def _some(keys: Iterable[Any]) -> Iterable[Any]:
    return [key for key, _ in zip(keys, range(AT_MOST), strict=False)]
