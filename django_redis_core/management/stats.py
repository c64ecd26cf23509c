"""``stats``: what a cache holds, told from a bounded sample or from all of it, and how often it is
hit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from .._codec.keys import Keys
from ..commands import Operation
from ..exceptions import ConnectionInterrupted
from . import counters
from .columns import Columns
from .estimates import Estimate
from .sampling import LONGER, NEVER, SPANS, Part, Sampling, Wanted
from .servers import all_nodes
from .targets import Target

#: The family of a key that has neither a colon nor a dot.
ALONE = "(single keys)"

#: What is told of the work's progress: the keys that were looked at, and how many there will be.
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Asked:
    """What was written on the command line. ``sample`` is None for all keys."""

    sample: int | None
    depth: int
    families: int
    biggest: int
    lookups: bool


def report(target: Target, asked: Asked, progress: Progress) -> dict[str, Any]:
    """The statistics of one cache, or the error for which there are none. Stopped by Ctrl-C it has
    what was found until then, and ``interrupted``."""
    try:
        counting = _Counting(target, asked, progress)
        try:
            target.run(counting.run())
        except KeyboardInterrupt:
            counting.interrupted = True
        return {"alias": target.alias, **counting.told()}
    except (ImproperlyConfigured, ConnectionInterrupted) as error:
        return {"alias": target.alias, "error": target.explain(error)}


def rates(target: Target, wait: Callable[[], None]) -> dict[str, Any]:
    """The counters of one cache's servers over the time that ``wait`` takes."""
    try:
        return {"alias": target.alias, **counters.rates(target, wait)}
    except (ImproperlyConfigured, ConnectionInterrupted) as error:
        return {"alias": target.alias, "error": target.explain(error)}


class _Counting:
    """The statistics of one cache while they are made."""

    def __init__(self, target: Target, asked: Asked, progress: Progress) -> None:
        naming = target.engine.naming
        naming.everything()  # where that is not known, it is said before anything is asked
        self.interrupted = False
        self._target = target
        self._asked = asked
        self._columns = Columns(target)
        self._family_of = namer(naming, asked.depth)
        wanted = Wanted(asked.sample, asked.biggest, asked.lookups, self._family_of)
        self._sampling = Sampling(target.engine, wanted, self._columns, progress)
        self._servers: list[dict[str, Any]] = []
        self._primaries = 0

    def run(self) -> Operation[None]:
        primaries, others = yield from all_nodes(self._target.engine)
        self._primaries = len(primaries)
        for node in (*primaries, *others):
            # Before any key is looked up.
            self._servers += [(yield from counters.of_server(self._target, node, self._columns))]
        if self._asked.sample == 0:
            return
        held = sum(
            server.get("keys_in_database") or 0 for server in self._servers[: len(primaries)]
        )
        expected = held if self._asked.sample is None else min(held, self._asked.sample)
        for place, node in enumerate(primaries):
            server = self._servers[place]
            if "error" in server:
                continue
            total, left = server["keys_in_database"], len(primaries) - place
            try:
                yield from self._sampling.server(node, total, left, expected)
            except ConnectionInterrupted as error:  # of one server; the others are counted
                server["error"] = self._target.explain(error)

    def told(self) -> dict[str, Any]:
        """What was found by now."""
        return {
            "servers": self._servers,
            "hit_ratio": counters.together(self._servers),
            **(self._told() if self._asked.sample != 0 else {"sample": None}),
            "plugin_faults": self._columns.faults,
        }

    def _told(self) -> dict[str, Any]:
        sampling, most = self._sampling, self._asked.families
        whole = Estimate()
        families: dict[str, Estimate] = {}
        spans: dict[str, Estimate] = {}
        for part in sampling.parts:
            whole.add(part.whole, part.scale)
            for name, tally in part.families.items():
                families.setdefault(name, Estimate()).add(tally, part.scale)
            for name, tally in part.spans.items():
                spans.setdefault(name, Estimate()).add(tally, part.scale)
        by_size = sorted(
            families.items(), key=lambda item: (item[1].bytes, item[1].keys), reverse=True
        )
        rest = Estimate()
        for _, family in by_size[most:]:
            rest.merge(family)
        return {
            "sample": {
                "keys": sampling.sampled,
                "servers": sum(part.looked > 0 for part in sampling.parts),
                "complete": self._each(lambda part: part.complete),
                "interrupted": self.interrupted,
                "weighed": all(part.weighed for part in sampling.parts),
                "lookups": sampling.lookups,
            },
            **self._figures(whole),
            "families": [
                {"family": name, **self._family(family)} for name, family in by_size[:most]
            ],
            "other_families": {"count": len(by_size[most:]), **self._family(rest)},
            "biggest": [*self._biggest()],
            "ttl": dict(_spread(spans)) if self._asked.lookups else None,
        }

    def _family(self, family: Estimate) -> dict[str, Any]:
        columns = self._columns.of_family(family.columns) if self._asked.lookups else {}
        return {"sampled": family.sampled, **self._figures(family), **columns}

    def _figures(self, estimate: Estimate) -> dict[str, int | None]:
        bounded = self._each(lambda part: part.bounded)
        return {
            "keys": round(estimate.keys),
            "keys_error": round(estimate.keys_error) if bounded else None,
            "bytes": round(estimate.bytes),
            "bytes_error": round(estimate.bytes_error) if bounded else None,
        }

    def _each(self, true: Callable[[Part], bool]) -> bool:
        """Whether something is true of each primary's part."""
        parts = self._sampling.parts
        return 0 < self._primaries == len(parts) and all(map(true, parts))

    def _biggest(self) -> Iterator[dict[str, Any]]:
        for length, key in self._sampling.biggest.found():
            name = key.decode(errors="replace")
            yield {"key": name, "family": self._family_of(name), "bytes": length}


def _spread(spans: dict[str, Estimate]) -> Iterator[tuple[str, int]]:
    for name in (NEVER, *(name for name, _ in SPANS), LONGER):
        yield name, round(spans[name].keys) if name in spans else 0


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
