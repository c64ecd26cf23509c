"""Spreads expiry, so that entries written together do not expire together."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, ClassVar

from django_redis_core.interfaces import DEFAULT_TIMEOUT, Client, Option

if TYPE_CHECKING:
    from django_redis_core.interfaces import ClientContext

DEFAULT_SPREAD = 0.03


def part(value: Any) -> float:
    """The check of ``JITTER_SPREAD``: the value to use, or an error with what it must be."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
        raise ValueError("a number from 0 to less than 1")
    return value


class JitterClient(Client):
    """Entries that live for the cache's TIMEOUT end a little earlier, each by another time.

    ``spread`` is the part of TIMEOUT that they may lose. Another timeout that a caller names is
    kept as it is.
    """

    name = "jitter"
    options: ClassVar[tuple[Option, ...]] = (
        Option(
            "JITTER_SPREAD",
            "spread",
            part,
            DEFAULT_SPREAD,
            doc="The part of TIMEOUT by which an entry may end earlier, from 0 to less than 1. "
            f"Default: {DEFAULT_SPREAD}.",
        ),
    )

    def __init__(self, context: ClientContext, *, spread: float = DEFAULT_SPREAD) -> None:
        super().__init__(context)
        self.spread = spread
        self.lifetime = self.milliseconds(DEFAULT_TIMEOUT)

    # Write your own here. Every entry that is stored passes `wrap`, every one that is read
    # `unwrap`; `recoded` rewrites one to another format, and `resealed` (for a client that adds
    # bytes) under another key. To change a single operation, override it; it is a generator that
    # never waits, and the next one is
    # `return (yield from super().set(key, value, timeout, version, **kwargs))`. What it does holds
    # for set, aset and pipelines. One object serves all threads and loops.

    def wrap(self, key: str, value: Any, milliseconds: int | None) -> tuple[bytes, int | None]:
        if milliseconds is not None and milliseconds == self.lifetime:
            milliseconds -= int(milliseconds * self.spread * random.random())
        return super().wrap(key, value, milliseconds)

    def recoded(self, key: str, data: bytes) -> bytes:
        return super().recoded(key, data)  # `wrap` adds no bytes, which would be added here too
