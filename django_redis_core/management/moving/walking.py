"""Through the keys of the first cache, server by server, at a bounded rate.

How far it came is SCAN's cursor of each server, and not a file, which would have to be found again
on another host; what is in the other cache already tells the rest, because an entry that is there
is not written twice.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from ..._operations.declare import checked
from ...commands import SCAN, Operation, Primaries
from ...exceptions import WrongTypeError
from ..recode import Cursors, Pace, steps
from ..servers import DBSIZE, STRLEN, TYPE, identity, if_allowed
from .routes import Route
from .sides import Formats, Side

_PAGE = 500  # keys that one SCAN looks at: some hundred microseconds of a server
_STEP_KEYS = 100
_STEPS_A_SECOND = 10  # where the rate asks for less than a full step


class Pair(NamedTuple):
    """Two caches, how the keys of the first become those of the second, and what of their formats
    is alike."""

    source: Side
    target: Side
    route: Route
    formats: Formats


class Walk:
    """``cursors`` are right whenever it is interrupted."""

    def __init__(
        self,
        side: Side,
        route: Route,
        cursors: Cursors,
        rate: int,
        progress: Callable[[int, int], None],
    ) -> None:
        self.cursors = cursors
        self.unnameable = 0
        self._side = side
        self._route = route
        self._pace = Pace(rate)
        self._most = min(_STEP_KEYS, max(rate // _STEPS_A_SECOND, 1))
        self._progress = progress

    def pages(self, limit: int | None = None) -> Iterator[tuple[Any, list[str]]]:
        """(server, keys) until all were seen, or about ``limit`` keys, shared out over servers."""
        run = self._side.run
        nodes, total = run(_nodes())
        looked = seen = 0
        for place, node in enumerate(nodes):
            server = run(identity(node))
            cursor = self.cursors.start(server)
            quota = None if limit is None else -(-(limit - seen) // (len(nodes) - place))
            while cursor is not None and quota != 0:
                cursor, found = run(_page(SCAN(cursor, self._route.match, _PAGE).on(node)))
                keys = self._named(found)[:quota]
                yield node, keys
                self.cursors.reached(server, cursor)
                looked += _PAGE
                seen += len(keys)
                quota = None if quota is None else quota - len(keys)
                self._progress(looked if limit is None else seen, limit or total)
                cursor = cursor or None

    def _named(self, found: Sequence[bytes]) -> list[str]:
        keys = []
        for key in dict.fromkeys(found):
            try:
                keys.append(key.decode())
            except UnicodeDecodeError:  # no key of a cache
                self.unnameable += 1
        return keys if self._route.picks is None else [*filter(self._route.picks, keys)]

    def steps(self, node: Any, keys: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
        """(type, keys) in steps of few keys and bytes, at the rate; data structures one by one."""
        lengths = self._side.ask([STRLEN(key).on(node) for key in keys])
        strings, others = [], []
        for key, length in zip(keys, lengths, strict=True):
            if isinstance(length, WrongTypeError):
                others.append(key)
            elif isinstance(length, Exception):
                raise length
            else:
                strings.append((key, length))
        for step in steps(strings, self._most):
            yield "string", step
            time.sleep(self._pace.pause(len(step)))
        kinds = checked(self._side.ask([TYPE(key).on(node) for key in others]))
        for key, kind in zip(others, kinds, strict=True):
            yield kind, [key]
            time.sleep(self._pace.pause(1))


class Work(ABC):
    """What is done with each entry that a walk meets. ``counts`` is right whenever it is
    interrupted; ``told`` is given a key and what it is."""

    counts: Any

    def __init__(self, pair: Pair, told: Callable[[str, str], None]) -> None:
        self._source, self._target, self._route, self._formats = pair
        self._told = told

    def run(self, walk: Walk, sample: int | None = None) -> None:
        """Of all keys, or of about ``sample`` of them."""
        counts = self.counts
        for node, keys in walk.pages(sample):
            counts.keys += len(keys)
            for kind, step in walk.steps(node, keys):
                if kind == "string":
                    self._strings(node, step)
                elif kind == "none":
                    counts.gone += 1
                else:
                    self._structure(node, kind, step[0])
        counts.unreadable += walk.unnameable

    @abstractmethod
    def _strings(self, node: Any, keys: Sequence[str]) -> None:
        """With values of strings."""

    @abstractmethod
    def _structure(self, node: Any, kind: str, key: str) -> None:
        """With a value of another type."""


def primaries(side: Side) -> set[str]:
    """The databases that hold a cache, whatever address they are known by."""

    def asked() -> Operation[set[str]]:
        found = set()
        for node in (yield Primaries()):
            found.add((yield from identity(node)))
        return found

    return side.run(asked())


def _nodes() -> Operation[tuple[Any, int]]:
    nodes = yield Primaries()
    total = 0
    for node in nodes:
        total += (yield from if_allowed(DBSIZE().on(node))) or 0
    return nodes, total


def _page(command: Any) -> Operation[Any]:
    return (yield command)
