"""``top --hot``: which families of keys are asked for most, where servers count that themselves.

Under a policy of ``*-lfu`` a server keeps of each key how often it was used of late, as a logarithm
(https://redis.io/docs/latest/develop/reference/eviction/#lfu-eviction). A look asks some keys of
each server for it and goes on where the last one ended. Servers count ``OBJECT FREQ`` as look-ups,
so it waits to be asked for, and ``top`` takes its own out of what it shows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from ..commands import SCAN, Command, Key, Kind, Operation
from ..exceptions import ConnectionInterrupted
from .counters import Told, role_of
from .output import folded, printable, share, shortened, table
from .servers import Info, all_nodes, if_allowed, is_refusal, name_of
from .stats import namer
from .targets import Target

#: Keys of a look, of each server; those of one SCAN; and how many a round has at most.
LOOKS, _PAGE, _KNOWN = 1_000, 250, 10_000

_SHOWN = 5  # families

#: Where the server's count of a new key begins, and by how much it slows down: LFU_INIT_VAL, and
#: lfu-log-factor as it is by default.
_NEW, _FACTOR = 5, 10

_OBJECT = Kind("OBJECT", write=False)


def OBJECT_FREQ(key: Key) -> Command:
    """The logarithmic count; ReplyError where the policy is no LFU; None without the key."""
    return Command(_OBJECT, (b"OBJECT", b"FREQ", key), key)


def uses(count: int) -> float:
    """About how many uses stand behind a count: each step takes ``_FACTOR`` more than the last."""
    steps = max(count - _NEW, 0)
    return steps + _FACTOR * steps * (steps - 1) / 2


@dataclass
class _Known:
    """The counts of keys of one server: those of this round through all of them, and of the one
    before it."""

    cursor: int = 0
    now: dict[bytes, int] = field(default_factory=dict)
    before: dict[bytes, int] = field(default_factory=dict)


@dataclass
class _Family:
    keys: int = 0
    uses: float = 0.0
    hottest: tuple[int, bytes] = (0, b"")


class Hot:
    """What is known of one cache by now."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._servers: dict[str, _Known] = {}
        self._why: dict[str, str] = {}

    def look(self, told: Mapping[str, Told]) -> Operation[dict[str, Told]]:
        """Looks at some keys of each server; ``told`` again, with what that has cost."""
        after = {**told}
        try:
            match = self._target.engine.naming.everything()
        except ImproperlyConfigured as error:  # a KEY_FUNCTION that hides which keys are ours
            self._why = dict.fromkeys(told, str(error))
            return after
        primaries, others = yield from all_nodes(self._target.engine)
        for node in (*primaries, *others):
            name = name_of(node)
            of = told.get(name)
            if of is None or of.error is not None or self._silent(of.info or {}):
                continue
            policy = (of.info or {}).get("maxmemory_policy", "")
            self._why.pop(name, None)
            if "lfu" in policy:
                spent: Counter[str] = Counter()
                with suppress(ConnectionInterrupted):  # the next look says so, if it goes on
                    yield from self._server(node, match, spent)
                after[name] = of._replace(own=spent)
            else:
                self._servers.pop(name, None)
                self._why[name] = f"maxmemory-policy {policy}" if policy else "INFO is refused"
        return after

    def _silent(self, info: Info) -> bool:
        """A cluster's replica that serves no reads sends whoever asks for a key to its primary."""
        mode = info.get("redis_mode") or info.get("server_mode")
        reads = self._target.engine.options.connection.read_from
        return mode == "cluster" and role_of(info) == "replica" and reads in (None, "primary")

    def _server(self, node: Any, match: str, spent: Counter[str]) -> Operation[None]:
        name = name_of(node)
        known = self._servers.setdefault(name, _Known())
        for _ in range(LOOKS // _PAGE):
            page = yield from if_allowed(SCAN(known.cursor, match, _PAGE).on(node))
            if page is None:
                self._why[name] = "SCAN is refused"
                return
            known.cursor, keys = page
            spent.update(commands=1, scan=1)
            replies = (yield [OBJECT_FREQ(key).on(node) for key in keys]) if keys else []
            for key, count in zip(keys, replies, strict=True):
                if is_refusal(count):
                    self._why[name] = "OBJECT FREQ is refused"
                    return
                if isinstance(count, Exception):
                    raise count
                spent.update(("commands", "object", "misses" if count is None else "hits"))
                if count is not None:
                    known.now[key] = count
            if not known.cursor or len(known.now) >= _KNOWN:
                known.before, known.now = known.now, {}
            if not known.cursor:
                return

    def report(self) -> dict[str, Any]:
        """``keys`` that are known, the ``families`` of the most uses with their ``share`` of all,
        and ``untold``: why servers do not tell, by their names."""
        families: dict[str, _Family] = {}
        for known in self._servers.values():
            for key, count in (known.before | known.now).items():
                family = families.setdefault(self._family(key), _Family())
                family.keys += 1
                family.uses += uses(count)
                family.hottest = max(family.hottest, (count, key))
        whole = sum(family.uses for family in families.values())
        by_uses = sorted(families.items(), key=lambda item: item[1].uses, reverse=True)
        return {
            "keys": sum(family.keys for family in families.values()),
            "families": [
                {
                    "family": name,
                    "keys": family.keys,
                    "share": round(family.uses / whole, 4),
                    "hottest": family.hottest[1].decode(errors="replace"),
                }
                for name, family in by_uses[:_SHOWN]
                if family.uses
            ],
            "untold": dict(self._why),
        }

    @cached_property
    def _family(self) -> Callable[[bytes], str]:
        name = namer(self._target.engine.naming, 1)
        return lambda key: name(key.decode(errors="replace"))


def lines(report: Mapping[str, Any], style: Any, width: int | None) -> Iterator[str]:
    """What ``report`` says, for a terminal."""
    untold = report["untold"]
    if report["families"]:
        rows = [("HOT FAMILY", "SHARE", "KEYS SEEN", "HOTTEST KEY")]
        rows += [
            (
                shortened(printable(one["family"]), 24),
                share(one["share"], 1),
                f"{one['keys']:,}",
                shortened(printable(one["hottest"]), 30),
            )
            for one in report["families"]
        ]
        yield from table(rows, indent=2, width=width)
        words = "; ".join(f"{name}: {why}" for name, why in untold.items())
        words = f"not told by {words}" if words else ""
    else:
        why = ", ".join(dict.fromkeys(untold.values()))
        words = f"hot families: {f'not told, {why}' if why else 'no key was used of late'}"
    if words:
        room = None if width is None else max(width - 2, 20)
        yield from (f"  {style.WARNING(line)}" for line in folded(words, room))
