"""``stats``: what a cache holds, told from a bounded sample, and how often it is hit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from .._codec.keys import Keys
from .._engine.assembly import Engine
from ..commands import PTTL, SCAN, Operation
from ..exceptions import ConnectionInterrupted
from .columns import Columns, Name
from .servers import (
    DBSIZE,
    INFO,
    MEMORY_USAGE,
    Info,
    all_nodes,
    if_allowed,
    is_refusal,
    name_of,
    number,
)
from .targets import Target

_PAGE = 500  # keys a round trip

#: How many keys are looked at for each that is asked for, where few of them are this cache's.
LOOKS = 10

#: The upper bounds of the times to live that are counted together, in milliseconds.
SPANS = (
    ("under a minute", 60_000),
    ("under an hour", 3_600_000),
    ("under a day", 86_400_000),
    ("under a week", 7 * 86_400_000),
)
LONGER, NEVER = "a week or more", "no expiry"

#: The family of a key that has neither a colon nor a dot.
ALONE = "(single keys)"


@dataclass
class Family:
    """Keys with the same beginning. ``keys`` and ``bytes`` stand for all, by the sampled ones."""

    sampled: int = 0
    keys: float = 0
    bytes: float = 0
    columns: dict[Name, float] = field(default_factory=dict)

    def merge(self, other: Family, weight: float = 1) -> None:
        self.sampled += other.sampled
        self.keys += other.keys * weight
        self.bytes += other.bytes * weight
        for name, count in other.columns.items():
            self.columns[name] = self.columns.get(name, 0) + count * weight


@dataclass
class Sample:
    """What was found among the keys of one or several servers."""

    sampled: int = 0
    keys: float = 0
    servers: int = 0
    complete: bool = True
    weighed: bool = True
    families: dict[str, Family] = field(default_factory=dict)
    spans: dict[str, float] = field(default_factory=dict)

    def add(self, family: str, length: int, span: str, counts: Mapping[Name, float]) -> None:
        found = self.families.setdefault(family, Family())
        found.sampled += 1
        found.keys += 1
        found.bytes += length
        for name, count in counts.items():
            found.columns[name] = found.columns.get(name, 0) + count
        self.spans[span] = self.spans.get(span, 0) + 1
        self.sampled += 1

    def merge(self, part: Sample, keys: float) -> None:
        """Adds the sample of a server that has ``keys`` keys of this cache."""
        weight = keys / part.sampled if part.sampled else 0
        for name, found in part.families.items():
            self.families.setdefault(name, Family()).merge(found, weight)
        for span, count in part.spans.items():
            self.spans[span] = self.spans.get(span, 0) + count * weight
        self.sampled += part.sampled
        self.keys += keys
        self.servers += 1
        self.complete = self.complete and part.complete
        self.weighed = self.weighed and part.weighed


def report(
    target: Target, sample: int, depth: int, most: int, progress: Callable[[int], None]
) -> dict[str, Any]:
    """The statistics of one cache, or the error for which there are none."""
    try:
        return {"alias": target.alias, **target.run(collect(target, sample, depth, most, progress))}
    except (ImproperlyConfigured, ConnectionInterrupted) as error:
        return {"alias": target.alias, "error": target.explain(error)}


def collect(
    target: Target, limit: int, depth: int, most: int, progress: Callable[[int], None]
) -> Operation[dict[str, Any]]:
    engine = target.engine
    engine.naming.everything()  # where that is not known, it is said before anything is asked
    primaries, others = yield from all_nodes(engine)
    columns = Columns(target)
    servers: list[dict[str, Any]] = []
    for node in (*primaries, *others):
        servers += [(yield from _server(target, node, columns))]
    family_of = namer(engine.naming, depth)
    whole = Sample()
    for place, node in enumerate(primaries):
        quota = -(-(limit - whole.sampled) // (len(primaries) - place))
        before = whole.sampled
        try:
            if "error" not in servers[place]:
                total = servers[place]["keys_in_database"]
                part, keys = yield from _sample(
                    engine,
                    node,
                    total,
                    quota,
                    family_of,
                    columns,
                    partial(_onward, progress, before),
                )
                whole.merge(part, keys)
        except ConnectionInterrupted as error:  # of one server; the others are counted all the same
            servers[place]["error"] = target.explain(error)
        whole.complete = whole.complete and "error" not in servers[place]
    return {
        "servers": servers,
        **_told(whole, most, columns),
        "plugin_faults": columns.faults,
    }


def _onward(progress: Callable[[int], None], before: int, done: int) -> None:
    progress(before + done)


def _server(target: Target, node: Any, columns: Columns) -> Operation[dict[str, Any]]:
    """What a server has counted: for all of its databases and all who use it. What it refuses to
    tell is no error."""
    server: dict[str, Any] = {"name": name_of(node)}
    try:
        info = yield from if_allowed(INFO().on(node))
        keys = yield from if_allowed(DBSIZE().on(node))
    except ConnectionInterrupted as error:
        return server | {"error": target.explain(error)}
    if info:
        server |= _counters(info) | columns.of_server(info)
    return server | {"keys_in_database": keys}


def _counters(info: Info) -> dict[str, Any]:
    hits, misses = number(info, "keyspace_hits"), number(info, "keyspace_misses")
    return {
        "role": "replica" if info.get("role") == "slave" else "primary",
        "hits": hits,
        "misses": misses,
        "hit_ratio": round(hits / (hits + misses), 4) if hits + misses else None,
        "evicted_keys": number(info, "evicted_keys"),
        "expired_keys": number(info, "expired_keys"),
        "used_memory": number(info, "used_memory"),
        "maxmemory": number(info, "maxmemory"),
        "operations_per_second": number(info, "instantaneous_ops_per_sec"),
        "uptime_seconds": number(info, "uptime_in_seconds"),
    }


def _sample(
    engine: Engine,
    node: Any,
    total: int | None,
    quota: int,
    family_of: Callable[[str], str],
    columns: Columns,
    progress: Callable[[int], None],
) -> Operation[tuple[Sample, float]]:
    """The sample of one server, and how many keys of this cache it is taken to have; of ``total``
    in the database, None where the server does not tell.

    SCAN goes through a hash table, so its first keys are as good as any drawn by lot
    (https://redis.io/commands/scan/).
    """
    match = engine.naming.everything()
    part = Sample()
    seen: set[bytes] = set()
    looked, cursor = 0, -1
    while cursor and part.sampled < quota and looked < LOOKS * quota:
        cursor, found = yield SCAN(max(cursor, 0), match, _PAGE).on(node)
        looked += _PAGE
        fresh = [key for key in found if key not in seen]
        seen.update(fresh)
        for start in range(0, len(fresh), _PAGE):
            yield from _weigh(node, fresh[start : start + _PAGE], part, family_of, columns)
        progress(part.sampled)
    if not cursor:
        return part, part.sampled
    part.complete = False
    if total is None:
        return part, part.sampled
    return part, max(min(total * part.sampled / looked, total), part.sampled)


def _weigh(
    node: Any,
    keys: list[bytes],
    part: Sample,
    family_of: Callable[[str], str],
    columns: Columns,
) -> Operation[None]:
    asked = columns.commands(keys)
    count = len(keys)
    replies = yield [
        *[MEMORY_USAGE(key).on(node) for key in keys],
        *[PTTL(key).on(node) for key in keys],  # type: ignore[arg-type]  # bytes will do
        *[one.command.on(node) for one in asked],
    ]
    lengths, times = replies[:count], replies[count : 2 * count]
    counts = columns.of_keys(asked, replies[2 * count :])
    for key, length, left in zip(keys, lengths, times, strict=True):
        if isinstance(left, Exception):
            raise left
        if is_refusal(length):  # not every service has or allows it
            length, part.weighed = 0, False
        elif isinstance(length, Exception):
            raise length
        if left != -2 and length is not None:  # it may have expired meanwhile
            family = family_of(key.decode(errors="replace"))
            part.add(family, length, _span(left), counts.get(key, {}))


def _span(milliseconds: int) -> str:
    if milliseconds < 0:
        return NEVER
    return next((name for name, most in SPANS if milliseconds < most), LONGER)


def namer(naming: Keys, depth: int) -> Callable[[str], str]:
    """A function from a stored key to its family: the first ``depth`` parts of the name that the
    site gave it, between colons; where there is none, between dots."""
    name: Callable[[str], str] = str
    if naming.plain:
        name = _after_any_version(naming.prefix)
    else:
        with suppress(ImproperlyConfigured):  # a KEY_FUNCTION that hides the name
            name = naming.search("*", names=True).name or str

    def family(key: str) -> str:
        given = name(key)
        separator = ":" if ":" in given else "."
        parts = given.split(separator)[:-1][:depth]
        return separator.join(parts) or ALONE

    return family


def _after_any_version(prefix: str) -> Callable[[str], str]:
    skipped = len(prefix) + 1
    return lambda key: key[skipped:].partition(":")[2]


def _told(whole: Sample, most: int, columns: Columns) -> dict[str, Any]:
    by_size = sorted(
        whole.families.items(), key=lambda item: (item[1].bytes, item[1].keys), reverse=True
    )
    rest = Family()
    for _, family in by_size[most:]:
        rest.merge(family)
    return {
        "sample": {
            "keys": whole.sampled,
            "servers": whole.servers,
            "complete": whole.complete,
            "weighed": whole.weighed,
        },
        "keys": round(whole.keys),
        "bytes": round(sum(family.bytes for family in whole.families.values())),
        "families": [_family(name, family, columns) for name, family in by_size[:most]],
        "other_families": {"count": len(by_size[most:]), **_family("", rest, columns)},
        "ttl": dict(_spread(whole)),
    }


def _family(name: str, family: Family, columns: Columns) -> dict[str, Any]:
    return {
        **({"family": name} if name else {}),
        "sampled": family.sampled,
        "keys": round(family.keys),
        "bytes": round(family.bytes),
        **columns.of_family(family.columns),
    }


def _spread(whole: Sample) -> Iterator[tuple[str, int]]:
    for name in (NEVER, *(name for name, _ in SPANS), LONGER):
        yield name, round(whole.spans.get(name, 0))
