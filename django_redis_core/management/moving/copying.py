"""``copy``: the entries of one cache, with what is left of their times, into another.

Each entry is written in one step, so a run that ends early has left nothing half done. Values go as
they are stored where both caches have the same formats. A dump is no way for them, since it ties
both to one version of the server, and reading them by ``get`` would count logical expiry twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..._codec.codec import MISSING
from ...commands import SET
from ...exceptions import ReplyError, SerializationError, WrongTypeError
from . import large, structures
from .sides import Clock, Stored
from .walking import Pair, Work


@dataclass
class Copied:
    """What became of the keys."""

    keys: int = 0
    copied: int = 0
    structures: int = 0
    bytes: int = 0
    existing: int = 0
    gone: int = 0
    locks: int = 0
    changed: int = 0
    unreadable: int = 0
    refused: int = 0
    other_types: int = 0
    errors: Counter[str] = field(default_factory=Counter)


class Copying(Work):
    """One run."""

    def __init__(self, pair: Pair, told: Callable[[str, str], None], *, replace: bool) -> None:
        super().__init__(pair, told)
        self.counts = Copied()
        self._replace = replace

    def _strings(self, node: Any, keys: Sequence[str]) -> None:
        clock, raw = Clock(), self._formats.entries
        sets = []
        for key, found in zip(keys, self._source.strings(keys, node, logical=not raw), strict=True):
            if found is None:
                self.counts.gone += 1
            elif isinstance(found, Exception):
                if not isinstance(found, WrongTypeError):
                    raise found
                self.counts.changed += 1
            elif (anew := self._anew(key, found)) is not None:
                left = clock.left(anew.left)
                if left == 0:
                    self.counts.gone += 1
                else:
                    sets.append(
                        (key, SET(self._route.new(key), anew.data, left, nx=not self._replace))
                    )
        self._write(sets)

    def _anew(self, key: str, found: Stored) -> Stored | None:
        """What to store in the other cache; None for nothing."""
        source, counts = self._source, self.counts
        if source.is_lock(key, found.data):
            counts.locks += 1
            return None
        if self._formats.entries:
            return found
        value, error = source.value(key, found.data)
        if value is MISSING or found.left == 0:
            if error is None:
                counts.gone += 1  # it has expired, and is kept
            else:
                self._unreadable(key, type(error).__name__)
            return None
        try:
            return Stored(*self._target.client.wrap(self._route.new(key), value, found.left))
        except SerializationError as refused:
            self._refused(key, refused.__cause__ or refused)
            return None

    def _write(self, sets: Sequence[tuple[str, Any]]) -> None:
        counts, trouble = self.counts, None
        replies = self._target.ask([command for _, command in sets])
        for (key, command), reply in zip(sets, replies, strict=True):
            if not isinstance(reply, Exception):
                if reply:
                    counts.copied += 1
                    counts.bytes += len(command.args[2])
                else:
                    counts.existing += 1
            elif isinstance(reply, ReplyError):
                self._refused(key, reply)
            else:
                trouble = trouble or reply
        if trouble is not None:
            raise trouble

    def _structure(self, node: Any, kind: str, key: str) -> None:
        clock, new, counts = Clock(), self._route.new(key), self.counts
        if kind in structures.TYPES and self._in_pages(node, kind, key, new):
            return
        if self._formats.elements:
            dump = structures.dumped(self._source, key, node)
            if dump is not None:
                data, left = dump[0], clock.left(dump[1])
                if left == 0:  # which RESTORE takes for no expiry
                    counts.gone += 1
                    return
                written = structures.restore(self._target, new, data, left, self._replace)
                if written is not None:
                    self._built(key, kind, written)
                    return
        if kind not in structures.TYPES:
            counts.other_types += 1
            self._tell(key, f"left out: {kind}")
            return
        found = structures.read(self._source, kind, key, node)
        if found is None:
            counts.changed += 1
            return
        if clock.left(found.left) == 0:
            counts.gone += 1
            return
        try:
            built = structures.build(
                self._source,
                self._target,
                key,
                new,
                found,
                clock,
                raw=self._formats.elements,
                replace=self._replace,
            )
        except SerializationError as refused:
            self._refused(key, refused.__cause__ or refused)
            return
        except ReplyError as error:  # a server's word on this one; the others go on
            self._refused(key, error)
            return
        self._built(key, kind, built)

    def _in_pages(self, node: Any, kind: str, key: str, new: str) -> bool:
        """Whether it was large, or will take the place of what is, and this has seen to it."""
        found = large.large(self._source, kind, key, node)
        if found is None and self._replace and large.heavy(self._target, new):
            found = large.Large(self._source, kind, key, node)
        if found is None:
            return False
        try:
            built = large.carry(
                found, self._target, new, raw=self._formats.elements, replace=self._replace
            )
        except large.Whole:
            return False
        except SerializationError as refused:
            self._refused(key, refused.__cause__ or refused)
        else:
            self._built(key, kind, built)
        return True

    def _built(self, key: str, kind: str, written: bool | None) -> None:
        if written is None:
            self._unreadable(key, f"an element of a {kind}")
        elif written:
            self.counts.copied += 1
            self.counts.structures += 1
        else:
            self.counts.existing += 1

    def _unreadable(self, key: str, why: str) -> None:
        self.counts.unreadable += 1
        self._tell(key, f"unreadable: {why}")

    def _refused(self, key: str, error: BaseException) -> None:
        self.counts.refused += 1
        self._tell(key, f"refused: {type(error).__name__}")

    def _tell(self, key: str, what: str) -> None:
        self.counts.errors[what] += 1
        self._told(key, what)
