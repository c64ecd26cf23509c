"""Operations on their way: what they write and what they read, told from what they yield.

So every operation is watched by one rule, those of other clients and of days to come included.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from django_redis_core.commands import PTTL, Command, Operation, Request, Spread
from django_redis_core.exceptions import ConnectionInterrupted

from .store import Copy, Write

#: What only reads, also where a primary is asked for it and it is routed as a write.
_READS = frozenset({b"GET", b"MGET", b"EXISTS", b"PTTL", b"TTL"})
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
    """The write that ``request`` is, if it is one.

    All text of a command counts as keys, for several may stand anywhere among its arguments, and
    what is none has no copy.
    """
    commands = request if isinstance(request, list) else (request,)
    keys: list[str] = []
    for command in commands:
        if not isinstance(command, Command | Spread) or not command.kind.write:
            continue
        if command.kind.name in _READS:
            continue
        if isinstance(command, Spread):
            keys += [_text(key) for key in command.keys]
        elif command.key is None:
            return Write(None)
        else:
            keys += [arg for arg in command.args[1:] if isinstance(arg, str)]
            if isinstance(command.key, bytes):
                keys.append(_text(command.key))
    return Write(keys) if keys else None


def _text(key: str | bytes) -> str:
    return key if isinstance(key, str) else str(key, "utf-8", "surrogateescape")


class Fetch:
    """What one read asks a server for, and what of it may be kept.

    Called with a request, gives its answer. ``begin`` gives the keys' copies to be, as far as there
    may be any. ``replicas``: others can answer where the primary cannot.
    """

    __slots__ = ("_begin", "_replicas", "_ttl", "copies", "found")

    def __init__(
        self,
        begin: Callable[[Sequence[str]], dict[str, Copy]],
        ttl: float,
        *,
        replicas: bool = False,
    ) -> None:
        self._begin = begin
        self._ttl = ttl
        self._replicas = replicas
        #: The copies that were begun and not kept yet.
        self.copies: dict[str, Copy] = {}
        #: What is stored there, and until when it may be kept.
        self.found: dict[str, tuple[bytes, float]] = {}

    def __call__(self, request: Request) -> Operation[Any]:
        if (
            not isinstance(request, Command | Spread)
            or request.kind.name not in _GETS
            or request.kind.write
            or self.copies
        ):
            return (yield request)
        if isinstance(request, Spread):
            keys = [_text(key) for key in request.keys]
        else:
            assert request.key is not None
            keys = [_text(request.key)]
        self.copies = self._begin(keys)
        if not self.copies:
            return (yield request)
        # Before it is sent, so that a copy never outlives the entry. Of the primary: what a replica
        # says may be older than the invalidation that has passed.
        began = time.monotonic()
        kept = list(self.copies)
        reply, *lives = yield [
            request.primary(),
            *[Command(_PTTL, (b"PTTL", key), key) for key in kept],
        ]
        if isinstance(reply, Exception):
            if self._replicas and isinstance(reply, ConnectionInterrupted):
                return (yield request)
            raise reply
        replies = reply if isinstance(request, Spread) else [reply]
        stored = dict(zip(keys, replies, strict=True))
        for key, life in zip(kept, lives, strict=True):
            data = stored[key]
            # -2: it is gone since; -1: it has no expiry.
            if isinstance(data, bytes) and isinstance(life, int) and life >= -1:
                left = self._ttl if life < 0 else min(life / 1000, self._ttl)
                self.found[key] = data, began + left
        return reply
