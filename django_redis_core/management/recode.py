"""``recode``: rewrites entries to the format that settings name first.

Safe beside the site's own traffic: an entry is replaced only while it still has the bytes that were
read, in one step with its expiry kept, and a run that ends early has left nothing half done. Work
and memory of a step are bounded, by keys and by bytes.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from .._codec.codec import is_lock_token, reads_as_int
from .._interrupts import struck
from ..commands import GET, SCAN, Operation, Primaries, Script, Sleep
from ..exceptions import NoScriptError, SerializationError, WrongTypeError
from ..interfaces import Client
from .servers import DBSIZE, STRLEN, identity, if_allowed

_Key = TypeVar("_Key", str, bytes)

RATE = 1000  # keys a second, unless the command line says otherwise

_PAGE = 1000  # keys that one SCAN looks at
_STEP_KEYS = 100
_STEP_BYTES = 512 * 1024
_STEPS_A_SECOND = 10  # where the rate asks for less than a full step

# Another data type may be there by now, which is a change as well.
_REPLACE = Script(
    """
if redis.pcall('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'KEEPTTL')
return 1
"""
)

_TOKEN = re.compile(r"([0-9a-f]{8,12}-\d+):(\d+|end)")

Told = Callable[[str, str], None]


class Cursors:
    """How far each database has been gone through: SCAN's cursor, or "end".

    As text it is what an interrupted run prints and ``--cursor`` takes. A cursor means nothing to a
    server that was restarted, so there it begins again.
    """

    def __init__(self, text: str = "") -> None:
        """Raises ValueError for a text that is none."""
        self._at: dict[str, str] = {}
        for part in filter(None, text.split(",")):
            found = _TOKEN.fullmatch(part.strip())
            if found is None:
                raise ValueError("the text that an interrupted recode printed")
            self._at[found[1]] = found[2]
        self.unknown = set(self._at)

    def start(self, place: str) -> int | None:
        """Where to go on with a database; None: it is done."""
        self.unknown.discard(place)
        at = self._at.get(place, "0")
        return None if at == "end" else int(at)

    def reached(self, place: str, cursor: int) -> None:
        self._at[place] = str(cursor) if cursor else "end"

    def __str__(self) -> str:
        return ",".join(f"{place}:{at}" for place, at in self._at.items())


@dataclass
class Counts:
    """What became of the keys."""

    keys: int = 0
    rewritten: int = 0
    current: int = 0
    integers: int = 0
    locks: int = 0
    other_types: int = 0
    unreadable: int = 0
    refused: int = 0
    changed: int = 0
    gone: int = 0
    bytes_before: int = 0
    bytes_after: int = 0
    errors: Counter[str] = field(default_factory=Counter)


class Pace:
    """Spreads work evenly over time, without catching up for what was slow."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._free_at = 0.0

    def pause(self, done: int) -> float:
        """The seconds to wait after ``done`` keys."""
        now = time.monotonic()
        self._free_at = max(self._free_at, now) + done / self._rate
        return self._free_at - now


def refusal(client: Client) -> str | None:
    """Why entries of this client cannot be rewritten, if so."""
    for kind in type(client).__mro__:
        if kind is Client:
            break
        own = vars(kind)
        if ("wrap" in own or "unwrap" in own) and "recoded" not in own:
            return (
                f"The client {client.name!r} stores more than the value ({kind.__module__}."
                f"{kind.__qualname__} has wrap() or unwrap()) and does not say how an entry is "
                "rewritten: it has no recoded(). Its entries are left as they are."
            )
    return None


class Recoding:
    """One run. ``counts`` and ``cursors`` are right whenever it is interrupted."""

    def __init__(
        self,
        client: Client,
        cursors: Cursors,
        *,
        rate: int,
        dry_run: bool,
        progress: Callable[[int, int], None],
        told: Told,
    ) -> None:
        self.client = client
        self.cursors = cursors
        self.counts = Counts()
        self._pace = Pace(rate)
        self._most = min(_STEP_KEYS, max(rate // _STEPS_A_SECOND, 1))
        self._dry_run = dry_run
        self._progress = progress
        self._told = told

    def run(self) -> Operation[None]:
        match, looked = self.client.naming.everything(), 0
        nodes = yield Primaries()
        total = 0
        for node in nodes:
            total += (yield from if_allowed(DBSIZE().on(node))) or 0
        for node in nodes:
            place = yield from identity(node)
            cursor = self.cursors.start(place)
            while cursor is not None:
                cursor, keys = yield SCAN(cursor, match, _PAGE).on(node)
                yield from self._page(node, list(dict.fromkeys(keys)))
                self.cursors.reached(place, cursor)
                looked += _PAGE
                self._progress(looked, total)
                cursor = cursor or None

    def _page(self, node: Any, found: Sequence[bytes]) -> Operation[None]:
        self.counts.keys += len(found)
        keys = []
        for key in found:
            try:
                keys.append(key.decode())
            except UnicodeDecodeError:
                self._unreadable(key.decode(errors="replace"), "a key that is not UTF-8")
        if not keys:
            return
        lengths = yield [STRLEN(name).on(node) for name in keys]
        strings = []
        for name, length in zip(keys, lengths, strict=True):
            if isinstance(length, WrongTypeError):
                self.counts.other_types += 1
            elif isinstance(length, Exception):
                raise length
            else:
                strings.append((name, length))
        # Keys that are not read have cost the server something too.
        yield Sleep(self._pace.pause(len(keys) - len(strings)))
        for step in steps(strings, self._most):
            yield from self._step(node, step)

    def _step(self, node: Any, keys: Sequence[str]) -> Operation[None]:
        replies = yield [GET(key).on(node) for key in keys]
        swaps = []
        for key, data in zip(keys, replies, strict=True):
            if data is None:
                self.counts.gone += 1
            elif isinstance(data, WrongTypeError):
                self.counts.changed += 1
            elif isinstance(data, Exception):
                raise data
            elif (new := self._anew(key, data)) is not None:
                swaps.append((key, data, new))
        if self._dry_run:
            for _, old, new in swaps:
                self._rewritten(old, new)
        elif swaps:
            yield from self._swap(node, swaps)
        yield Sleep(self._pace.pause(len(keys)))

    def _swap(self, node: Any, swaps: Sequence[tuple[str, bytes, bytes]]) -> Operation[None]:
        replies = yield [_REPLACE.command([key], old, new).on(node) for key, old, new in swaps]
        unknown = [place for place, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
        if unknown:  # the server has learnt the script with the first of these
            again = yield [
                _REPLACE.whole([key], old, new).on(node)
                for key, old, new in (swaps[place] for place in unknown)
            ]
            for place, reply in zip(unknown, again, strict=True):
                replies[place] = reply
        trouble = None
        for (_, old, new), reply in zip(swaps, replies, strict=True):
            if isinstance(reply, Exception):
                trouble = trouble or reply
            elif reply:
                self._rewritten(old, new)
            else:
                self.counts.changed += 1
        if trouble is not None:
            raise trouble

    def _rewritten(self, old: bytes, new: bytes) -> None:
        self.counts.rewritten += 1
        self.counts.bytes_before += len(old)
        self.counts.bytes_after += len(new)

    def _anew(self, key: str, data: bytes) -> bytes | None:
        """What to store instead of ``data``; None: it stays."""
        counts = self.counts
        if reads_as_int(data):
            counts.integers += 1
            return None
        if len(data) == 16 and key.endswith(":get_or_set"):
            counts.locks += 1
            return None
        try:
            new = self.client.recoded(key, data)
        except SerializationError as error:
            counts.refused += 1
            cause = error.__cause__ or error
            self._tell(key, f"refused: {type(cause).__name__}")
            return None
        except Exception as error:
            # Whatever a class of the site's raises, its entry stays as it is. A time limit and a
            # want of memory are not the entry's.
            if struck(error) or isinstance(error, MemoryError):
                raise
            if is_lock_token(data):
                counts.locks += 1
            else:
                self._unreadable(key, type(error).__name__)
            return None
        if new == data:
            counts.current += 1
            return None
        return new

    def _unreadable(self, key: str, why: str) -> None:
        self.counts.unreadable += 1
        self._tell(key, f"unreadable: {why}")

    def _tell(self, key: str, what: str) -> None:
        self.counts.errors[what] += 1
        self._told(key, what)


def steps(
    keys: Sequence[tuple[_Key, int]], most: int, heaviest: int = _STEP_BYTES
) -> Iterator[list[_Key]]:
    """Keys in groups of at most ``most``, and of few bytes (``heaviest``): a long value goes
    alone."""
    group: list[_Key] = []
    weight = 0
    for key, length in keys:
        if group and (len(group) >= most or weight + length > heaviest):
            yield group
            group, weight = [], 0
        group.append(key)
        weight += length
    if group:
        yield group
