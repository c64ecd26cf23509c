"""Operations on their way: what they write and what they read, told from what they yield.

So every operation is watched by one rule, those of other clients and of days to come included.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from django_redis_core.commands import PTTL, Command, Operation, Request, Spread

from .store import Copy, Write

_GETS = frozenset({b"GET", b"MGET"})
_PTTL = PTTL("").primary().kind


def watched(
    operation: Operation[Any], fetch: Callable[[Request], Operation[Any]] | None = None
) -> Operation[Any]:
    """``operation``, whose keys have no copies while it writes them. ``fetch`` asks for what it
    reads, where something of it may be kept."""
    try:
        request = operation.send(None)
        while True:
            write = write_of(request)
            try:
                if write is not None:
                    with write:
                        answer = yield request
                elif fetch is not None:
                    answer = yield from fetch(request)
                else:
                    answer = yield request
            except Exception as error:
                request = operation.throw(error)
            else:
                request = operation.send(answer)
    except StopIteration as stop:
        return stop.value


def write_of(request: Request) -> Write | None:
    """The write that ``request`` is, if it is one."""
    commands = request if isinstance(request, list) else (request,)
    keys: list[str] = []
    for command in commands:
        if not isinstance(command, Command | Spread) or not command.kind.changes:
            continue
        if isinstance(command, Command) and command.key is None:
            return Write(None)
        keys += command.named()
    return Write(keys) if keys else None


def life_of(key: str) -> Command:
    """Asks how long the entry has to live: the primary, as for the value, for what a replica says
    may be older than the invalidation that has passed."""
    return Command(_PTTL, (b"PTTL", key), key)


def until_of(life: Any, began: float, ttl: float) -> float | None:
    """Until when a value may be kept: ``life`` is the reply to PTTL, which was sent together with
    the request for the value and not before ``began``, so that a copy never outlives the entry.
    None: it may not be kept."""
    if life == -1:  # it has no expiry
        return began + ttl
    if not isinstance(life, int) or life < 0:  # -2: it is gone since
        return None
    return began + min(life / 1000, ttl)


class Fetch:
    """What one read asks a server for, and what of it may be kept.

    Called with a request, gives its answer. ``copies`` are those that were begun, by their keys.
    ``refused`` raises the primary's error, or returns where others can answer in its place.
    """

    __slots__ = ("_asked", "_refused", "_ttl", "copies", "found")

    def __init__(
        self, copies: dict[str, Copy], ttl: float, refused: Callable[[Exception], None]
    ) -> None:
        self.copies = copies
        self._ttl = ttl
        self._refused = refused
        self._asked = False
        #: What is stored there, and until when it may be kept.
        self.found: dict[str, tuple[bytes, float]] = {}

    def __call__(self, request: Request) -> Operation[Any]:
        if (
            self._asked
            or not isinstance(request, Command | Spread)
            or request.kind.name not in _GETS
            or request.kind.write
        ):
            return (yield request)
        keys = request.keys if isinstance(request, Spread) else (request.key,)
        kept = [*self.copies.keys() & set(keys)]
        if not kept:
            return (yield request)
        self._asked = True
        began = time.monotonic()
        reply, *left = yield [request.primary(), *map(life_of, kept)]
        if isinstance(reply, Exception):
            self._refused(reply)
            return (yield request)
        replies = reply if isinstance(request, Spread) else (reply,)
        stored = dict(zip(keys, replies, strict=True))
        for key, life in zip(kept, left, strict=True):
            data, until = stored[key], until_of(life, began, self._ttl)
            if isinstance(data, bytes) and until is not None:
                self.found[key] = data, until
        return reply
