"""A cache as operators see it: the reports of ``manage.py redis_cache``, for pages and plugins.

Everything here waits for servers, on the cache's own connections, and looks past IGNORE_EXCEPTIONS.
Reports are dicts of what JSON has, as ``--json`` prints them; no text in them holds a user name or
a password.
"""

from __future__ import annotations

from typing import Any

from ._settings import our_entries
from .interfaces import BuiltCache
from .management import (
    advice,
    doctor,
    entries,
    members,
    overview,
    pages,
    slowlog,
    stats,
    targets,
)
from .management.output import counted, share, size, span
from .management.reports import on

__all__ = ["OperatedCache", "counted", "operated_caches", "share", "size", "span"]


def operated_caches() -> list[OperatedCache]:
    """The caches of this package in ``CACHES``, in their order; none of them is connected to."""
    return [OperatedCache(alias) for alias, *_ in our_entries()]


class OperatedCache:
    """One cache of ``CACHES``. Where settings are refused, a server is in trouble or refuses, the
    methods that look at entries raise Django's ``CommandError``, whose text is for people; the
    others say so in their report, as ``error``.

    Keys are the site's names for them, with ``version`` as a cache's methods take it.
    """

    def __init__(self, alias: str) -> None:
        """Raises CommandError for an alias that is no cache of this package."""
        [self._target] = targets.targets([alias])
        #: The name in ``CACHES``.
        self.alias = alias

    def __repr__(self) -> str:
        return f"<OperatedCache {self.alias!r}>"

    @property
    def built(self) -> BuiltCache:
        """The cache as hooks are handed it. Raises ImproperlyConfigured."""
        return self._target.view

    def overview(self) -> dict[str, Any]:
        """``plugins`` by kind, ``servers`` with what INFO tells of each, and ``hit_ratio``."""
        return overview.report(self._target)

    def live(self) -> dict[str, Any]:
        """Counters of ``servers`` since they started, each with ``at``, the seconds of a clock, and
        ``round_trip_ms``: two of these reports make rates."""
        return overview.live(self._target)

    def doctor(self, pings: int = 5) -> dict[str, Any]:
        """``doctor``: ``ok``, ``findings``, ``servers``. Writes a key that lives 10 s at most."""
        return doctor.examine(self._target, pings, advice.checks())

    def stats(
        self,
        sample: int | None = 2000,
        *,
        depth: int = 1,
        families: int = 20,
        biggest: int = 10,
        lookups: bool = False,
    ) -> dict[str, Any]:
        """``stats``: keys and bytes by family, estimated from ``sample`` keys; None: of all.
        ``lookups``: also times to live, whose look-ups servers count as hits."""
        asked = stats.Asked(sample, depth, families, biggest, lookups)
        return stats.report(self._target, asked, lambda looked, total: None)

    def slowlog(self, count: int = 10) -> dict[str, Any]:
        """``slowlog``: the newest ``count`` entries of each of ``servers``."""
        return slowlog.report(self._target, count)

    def keys(
        self,
        pattern: str,
        version: Any = None,
        *,
        at: str = "",
        kind: str = "",
        lookups: bool = False,
    ) -> dict[str, Any]:
        """A page of ``keys`` that match a glob pattern; ``next`` is the ``at`` of the page after
        it, None at the end. Each page asks little of a server at a time: some 100 keys are found,
        or 20,000 looked at. ``kind``: "string", "hash", "list", "set" or "zset" only. ``lookups``:
        with type and time to live, which servers count as hits."""
        found: dict[str, Any] = on(
            self._target,
            lambda target: pages.page(target, pattern, version, at=at, kind=kind, lookups=lookups),
        )
        return found

    def named(self, stored: str) -> tuple[str, str] | None:
        """The name and version by which the site asks for a key as stored, such as ``biggest`` of
        ``stats`` has; the version is "" where it is the cache's. None where that is not known."""
        found: tuple[str, str] | None = on(self._target, pages.named, stored)
        return found

    def entry(
        self, key: str, version: Any = None, *, decode: bool = False, at: int = 0
    ) -> dict[str, Any]:
        """``found``, ``kind`` (its type), ``ttl`` in seconds, and the value as ``get`` of the
        commands tells it; of structures ``length`` and a page of ``members``, the next of which
        begins ``at`` the ``next``. What its format may run code for is read with ``decode``
        only."""
        found: dict[str, Any] = on(
            self._target, lambda target: members.entry(target, key, version, decode=decode, at=at)
        )
        return found

    def delete(self, keys: list[str], version: Any = None) -> dict[str, Any]:
        """``deleted``: how many entries there were, which are no more. ``error``: the trouble of
        servers whose keys are still there, or None."""
        deleted, trouble = on(self._target, entries.delete_keys, keys, version)
        error = None if trouble is None else self._target.explain(trouble)
        return {"alias": self.alias, "deleted": deleted, "error": error}

    def expire(self, key: str, seconds: float | None, version: Any = None) -> bool:
        """Lets an entry live for so many seconds from now, None: for ever. False: there is none."""
        return bool(
            on(
                self._target,
                lambda target: target.run(target.client.touch(key, seconds, version)),
            )
        )
