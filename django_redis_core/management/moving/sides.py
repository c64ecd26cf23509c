"""One of the two caches that are copied or compared: what it stores, read and written as it is.

Entries are read past the client's own ``get``, which may elect its caller to compute the next
value, or answer from memory; and without what the cache does about a value that cannot be read.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeVar

from ..._codec.codec import MISSING, is_lock_token, reads_as_int
from ..._codec.keys import CacheKey
from ..._engine.assembly import Engine
from ..._engine.clients import client_of
from ...commands import GET, PTTL, Command, Operation
from ...exceptions import ConnectionInterrupted, RedisCacheError, ReplyError
from ...interfaces import Client
from ..targets import Target

T = TypeVar("T")


class Stored(NamedTuple):
    """A string as it is stored. ``left``: the milliseconds that it lives on, None for ever."""

    data: bytes
    left: int | None


class Side:
    """A cache, with a client of its own that tells errors to nobody else."""

    def __init__(self, target: Target) -> None:
        engine = target.engine
        self.target = target
        self.alias = target.alias
        self.naming = engine.naming
        self.codec = engine.codec.with_serializers(engine.codec.serializers, self._note)
        self.client = client_of(engine.options, engine.naming, self.codec)
        #: Whether entries live on for another time than the server says.
        self.keeps_longer = type(self.client).pttl is not Client.pttl
        #: The errors by which the last requests have ended.
        self.troubles: list[Any] = []
        self._error: Exception | None = None

    def _note(self, key: str, data: bytes, error: Exception) -> None:
        self._error = error

    def ask(self, commands: Sequence[Command]) -> list[Any]:
        """The replies to commands that are sent together; what failed has its exception there."""
        replies = self.run(_sent([*commands])) if commands else []
        self.troubles = [one for one in replies if isinstance(one, RedisCacheError)]
        return replies

    def run(self, operation: Operation[T]) -> T:
        """An operation on this cache's servers."""
        try:
            return self.target.run(operation)
        except RedisCacheError as error:
            self.troubles = [error]
            raise

    def strings(
        self, keys: Sequence[str], node: Any = None, *, logical: bool
    ) -> list[Stored | Exception | None]:
        """What is stored under ``keys``; None for what is not there, WrongTypeError for other
        types. ``logical``: with the times to live that the client's callers see."""
        commands: list[Command] = []
        for key in keys:
            # A value may be replaced between two commands. Of two times to live the shorter one is
            # never longer than that of the value which was read.
            commands += [for_node(one, node) for one in (PTTL(key), GET(key), PTTL(key))]
        replies = self.ask(commands)
        found: list[Stored | Exception | None] = []
        for at in range(0, len(replies), 3):
            first, data, last = replies[at : at + 3]
            error = next((one for one in (first, data, last) if isinstance(one, Exception)), None)
            if isinstance(error, ConnectionInterrupted):
                raise error
            if error is not None:
                found.append(error)
            elif data is None or -2 in (first, last):
                found.append(None)
            else:
                found.append(Stored(data, shorter(first, last)))
        if logical and self.keeps_longer:
            found = self._logical(keys, found, node)
        return found

    def _logical(
        self, keys: Sequence[str], found: Sequence[Stored | Exception | None], node: Any
    ) -> list[Stored | Exception | None]:
        there = [at for at, one in enumerate(found) if isinstance(one, Stored)]
        asked = [self.client.pttl(CacheKey(keys[at])) for at in there]
        changed = [*found]
        for at, left in zip(there, self.run(_together(asked, node)), strict=True):
            one = found[at]
            if isinstance(left, ConnectionInterrupted):
                raise left
            if isinstance(one, Stored):
                # 0 is an entry that has expired and is kept, which callers are not shown.
                changed[at] = None if isinstance(left, Exception) else Stored(one.data, left)
        return changed

    def value(self, key: str, data: bytes) -> tuple[Any, Exception | None]:
        """The value of an entry, or MISSING; and the error for which it cannot be read, if that is
        why."""
        self._error = None
        value = self.client.unwrap(key, data)
        return value, self._error if value is MISSING else None

    def element(self, key: str, data: bytes) -> Any:
        """An element of a data structure, or MISSING where it cannot be read."""
        return self.codec.decode(key, data)

    def is_lock(self, key: str, data: bytes) -> bool:
        """Whether it is somebody's lock, which is no entry."""
        if len(data) == 16 and key.endswith(":get_or_set"):
            return not reads_as_int(data)
        return is_lock_token(data) and self.value(key, data)[1] is not None


class Formats(NamedTuple):
    """What need not be decoded on the way: whole entries, elements of data structures."""

    entries: bool
    elements: bool


def alike(source: Engine, target: Engine, *, same_keys: bool) -> Formats:
    """Whether what one cache stored is what the other would store. A sealer binds values to their
    keys, so that other keys are other bytes."""
    ours, theirs = source.options, target.options
    elements = (
        _uses(ours.serializers) == _uses(theirs.serializers)
        and _uses(ours.compressors) == _uses(theirs.compressors)
        and _uses([ours.sealer]) == _uses([theirs.sealer])
        and (source.codec.sealer is None or same_keys)
    )
    changing = [
        [use for use in options.clients if _changes_entries(use.plugin)]
        for options in (ours, theirs)
    ]
    return Formats(elements and _uses(changing[0]) == _uses(changing[1]), elements)


def _changes_entries(client: type[Client]) -> bool:
    return client.unwrap is not Client.unwrap or client.wrap is not Client.wrap


def _uses(uses: Sequence[Any]) -> list[tuple[type[Any], dict[str, Any]]]:
    return [(use.plugin, dict(use.options)) for use in uses]


def shorter(first: int, last: int) -> int | None:
    """The shorter of two times to live as PTTL tells them; None where neither ends."""
    return min((one for one in (first, last) if one >= 0), default=None)


class Clock:
    """What is left of times to live that were read when this was made."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def left(self, milliseconds: int | None) -> int | None:
        """None: for ever; 0: it is over."""
        if milliseconds is None:
            return None
        return max(milliseconds - round((time.monotonic() - self._began) * 1000), 0)


def for_node(command: Command, node: Any) -> Command:
    """``command`` for one server; None: for the primary of its key."""
    return command.primary() if node is None else command.on(node)


def _sent(batch: list[Command]) -> Operation[list[Any]]:
    replies: list[Any] = yield batch  # type: ignore[misc]  # a list is invariant
    return replies


def _together(operations: Sequence[Operation[Any]], node: Any) -> Operation[list[Any]]:
    """The results of operations that are run side by side, their commands sent together. An
    operation that fails has its exception there."""
    results: list[Any] = [None] * len(operations)
    requests: dict[int, Any] = {}

    def on(at: int, answer: Any) -> None:
        operation = operations[at]
        try:
            if isinstance(answer, Exception):
                requests[at] = operation.throw(answer)
            else:
                requests[at] = operation.send(answer)
        except StopIteration as stop:
            results[at] = stop.value
        except (ReplyError, ConnectionInterrupted) as error:
            results[at] = error

    for at in range(len(operations)):
        on(at, None)
    while requests:
        waiting, requests = requests, {}
        batch: list[Command] = []
        for request in waiting.values():
            batch += [for_node(one, node) for one in _commands(request)]
        replies = iter((yield batch))  # type: ignore[misc]
        for at, request in waiting.items():
            told = [next(replies) for _ in _commands(request)]
            on(at, told if isinstance(request, list) else told[0])
    return results


def _commands(request: Any) -> list[Command]:
    return request if isinstance(request, list) else [request]
