"""The near client: reads are answered from this process' memory while that is known to be right."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from django_redis_core.commands import GET, Sleep
from django_redis_core.exceptions import ConnectionInterrupted
from django_redis_core.interfaces import ALL_OTHERS, Client, Finding

from .council import Council
from .options import OPTIONS
from .reading import Reading
from .servers import only_primary
from .store import Copy, Session
from .tracking import Tracker, tracker_for
from .watching import watched

if TYPE_CHECKING:
    from django_redis_core.commands import Operation, Place
    from django_redis_core.connections import Node, Topology
    from django_redis_core.interfaces import ClientContext

#: Operations that watch themselves, for what they read is kept.
_WATCHED_HERE = frozenset({"get", "get_many", "has_key"})

#: Seconds that an examination waits for the servers to be heard.
EXAMINED = 3.0

_now = time.monotonic

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class NearInfo:
    """What ``near_info`` tells. ``entries`` and ``bytes`` are of now, ``hits`` and ``misses`` since
    the process began; each key of a ``get_many`` counts. ``tracking`` has an item for each server:
    True while copies of its keys are served, or why not."""

    hits: int
    misses: int
    entries: int
    bytes: int
    tracking: dict[str, bool | str]


class NearClient(Reading):
    """Keeps what it reads in this process' memory, for ``NEAR_TTL`` seconds at most, and hears from
    the server when that is written. What is not known to be right is asked for.

    Where servers take each other's place, those who know the primaries are asked who they are.

    It stands outside of all other clients, so that their writes are seen. Where one of them judges
    entries (``unwrap``), what is kept is what the server stores, and it judges it at each read.
    """

    name = "near"
    options = OPTIONS
    outside_of: ClassVar[dict[str, str]] = {ALL_OTHERS: "it has to see what the others write"}

    def __init__(
        self,
        context: ClientContext,
        *,
        near_ttl: float = 5,
        near_lease: float = 1,
        near_max_entries: int = 10_000,
        near_max_bytes: int = 64 * 1024 * 1024,
        **options: Any,
    ) -> None:
        super().__init__(context, **options)
        self._lease = near_lease
        if getattr(super().around, "__func__", None) is Client.around:
            self.not_around = _WATCHED_HERE
        self._prefix = f"{self.naming.prefix}:" if self.naming.plain else ""
        self._keep_in(near_max_entries, near_max_bytes, near_ttl)
        self._trackers: dict[Node, Tracker] = {}
        self._only: Tracker | None = None
        self._council: Council | None = None
        self._own_replicas = False
        self._topology: Topology | None = None
        self._direct: Client | None = None

    def build_topology(
        self, locations: Sequence[str], factory: Callable[[Sequence[str]], Topology]
    ) -> Topology:
        def trackable(locations: Sequence[str]) -> Topology:
            topology = factory(locations)
            if getattr(topology, "confirms", False):
                if self._council is None:
                    self._council = Council(self._prefix, self._lease, self._store)
                self._council.add(topology)
                return topology
            primary = only_primary(self.alias, topology)
            if primary not in self._trackers:
                tracker = tracker_for(primary.config, self._prefix, self._lease)
                tracker.join(self._store)
                self._trackers[primary] = tracker
            several = topology.nodes() != topology.primaries()
            self._own_replicas = self._own_replicas or several
            return topology

        self._topology = topology = super().build_topology(locations, trackable)
        if self._council is None and len(self._trackers) == 1:
            (self._only,) = self._trackers.values()
        return topology

    def numbers(self) -> Mapping[str, float]:
        store = self._store
        return {
            **super().numbers(),
            "near_entries": store.entries,
            "near_bytes": store.bytes,
            "near_hits": store.hits,
            "near_misses": store.misses,
        }

    def near_info(self) -> NearInfo:
        """What is kept, how much that was of use, and whether the servers are heard."""
        store = self._store
        return NearInfo(
            hits=store.hits,
            misses=store.misses,
            entries=store.entries,
            bytes=store.bytes,
            tracking={
                **{tracker.name: tracker.state for tracker in self.trackers.values()},
                **self.untold(),
            },
        )

    def forgotten(self) -> None:
        """Keeps nothing from now on, so that nobody needs to listen for it."""
        self._keep_nothing()
        for tracker in self._trackers.values():
            tracker.leave(self._store)
        if self._council is not None:
            self._council.leave(self._store)
        self._store.clear()
        super().forgotten()

    def near_clear(self) -> None:
        """Drops all copies of this process. What the server stores stays."""
        self._store.clear()

    def for_caller(self) -> Client:
        """``client=`` may be of any server, so it is always asked and nothing is kept; but what is
        written there is dropped here."""
        if self._direct is None:
            twin = copy.copy(self)
            twin._keep_nothing()
            self._direct = twin
        return self._direct

    def examine(self) -> Operation[list[Finding]]:
        findings = yield from super().examine()
        yield from self.wait_for_primaries()
        for tracker in self.trackers.values():
            yield from self.wait_for(tracker)
            if tracker.alive:
                text = f'{tracker.name} tells of writes, so "near" keeps copies of what it reads.'
                findings.append(Finding("note", text))
            else:
                text = f'{tracker.name} tells of no writes, so "near" keeps nothing'
                why = tracker.trouble or tracker.doubt or "it has not answered yet"
                findings.append(Finding("problem", f"{text}: {why}"))
        for name, why in self.untold().items():
            text = f'Of {name} "near" keeps nothing: {why}'
            findings.append(Finding("problem", text))
        return findings

    @property
    def trackers(self) -> Mapping[Node, Tracker]:
        """Who hears each server that is known."""
        council = self._council
        return self._trackers if council is None else {**self._trackers, **council.trackers}

    def untold(self) -> Mapping[str, str]:
        """What stands for primaries that are not known, and why they are not."""
        return {} if self._council is None else self._council.untold()

    def wait_for_primaries(self) -> Operation[None]:
        """Ends when those who know the primaries were asked, in ``EXAMINED`` seconds at the
        latest."""
        until = _now() + EXAMINED
        council = self._council
        if council is not None:
            council.want()
            while not council.asked and _now() < until:
                yield Sleep(0.01)

    def wait_for(self, tracker: Tracker) -> Operation[None]:
        """Ends when the server is heard or it is known why it is not, in ``EXAMINED`` seconds at
        the latest."""
        until = _now() + EXAMINED
        tracker.current()
        while not tracker.alive and tracker.trouble is None and _now() < until:
            yield Sleep(0.01)

    def limits(self) -> dict[str, float]:
        """What a process keeps at most, and for how many seconds."""
        store = self._store
        return {"entries": store.max_entries, "bytes": store.max_bytes, "ttl": self._ttl}

    def around(self, name: str, operation: Operation[T]) -> Operation[T]:
        """Sees the writes of every operation."""
        operation = super().around(name, operation)
        return operation if name in _WATCHED_HERE else watched(operation)

    @property
    def _replicas(self) -> bool:
        return self._own_replicas if self._council is None else self._council.replicas

    @property
    def _all_heard(self) -> bool:
        council = self._council
        if council is not None and not council.trackers:
            return False
        for trackers in (self._trackers, {} if council is None else council.trackers):
            for tracker in trackers.values():
                if tracker.session is None:
                    return False
        return True

    def _begin(self, fulls: Sequence[str]) -> dict[str, Copy]:
        # Of other keys, which a CacheKey may be, the server does not tell.
        fulls = [full for full in fulls if full.startswith(self._prefix)]
        if self._only is not None:
            session = self._only.current()
            return {} if session is None else self._begun(fulls, session)
        assert self._topology is not None
        place = self._topology.place
        sessions: dict[Place, Session | None] = {}
        kept: dict[Session, list[str]] = {}
        for full in fulls:
            at = place(full)
            if at not in sessions:
                sessions[at] = self._session(full)
            session = sessions[at]
            if session is not None:
                kept.setdefault(session, []).append(full)
        begun: dict[str, Copy] = {}
        for session, some in kept.items():
            begun |= self._begun(some, session)
        return begun

    def _begun(self, fulls: Sequence[str], session: Session) -> dict[str, Copy]:
        begin = self._store.begin
        return {full: copy for full in fulls if (copy := begin(full, session)) is not None}

    def _session(self, full: str) -> Session | None:
        """That of the key's server."""
        assert self._topology is not None
        command, council = GET(full).primary(), self._council
        try:
            node = self._topology.route(command)
            tracker = self._trackers.get(node)
            if council is None:
                return None if tracker is None else tracker.current()
            tracker = tracker or council.trackers.get(node)
            if tracker is None:
                council.want()
                return None
            session = tracker.current()
            # Whoever learns that another server has the key first routes it there, and then ends
            # the session. So one that is still routed here now, after the look, either stays this
            # one's until it has been read, or the copy is void.
            return session if self._topology.route(command) is node else None
        except ConnectionInterrupted:  # there is no server for it now, or none is known yet
            if council is not None:
                council.want()
            return None
