"""The near client: reads are answered from this process' memory while that is known to be right."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from sys import getsizeof
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from django_redis_core.commands import GET, Sleep
from django_redis_core.exceptions import ConnectionInterrupted
from django_redis_core.interfaces import ALL_OTHERS, MISSING, Client, Finding

from .council import Council
from .options import OPTIONS
from .servers import only_primary
from .store import Copy, Session, Store
from .tracking import Tracker, tracker_for
from .watching import Fetch, watched

if TYPE_CHECKING:
    from django_redis_core.commands import Operation, Place
    from django_redis_core.connections import Node, Topology
    from django_redis_core.interfaces import ClientContext

#: Values that nobody can change are kept as they are; of others the bytes, decoded for each reader.
UNCHANGEABLE = frozenset({str, bytes, int, float, bool, type(None)})

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


class NearClient(Client):
    """Keeps what it reads in this process' memory, for ``NEAR_TTL`` seconds at most, and hears from
    the server when that is written. What is not known to be right is asked for.

    Where servers take each other's place, those who know the primaries are asked who they are.

    It stands outside of all other clients, so that their writes are seen, and what is kept is what
    the server stores: inner clients and the codec judge it at each read.
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
        self._ttl = near_ttl
        self._lease = near_lease
        self._store = Store(near_max_entries, near_max_bytes)
        self._copies = self._store.copies
        self._reads = True
        if type(self).get is NearClient.get:  # and no class of a site's own has another one
            self.at_once = {"get": self._copied}
        self._plain = type(self).unwrap is Client.unwrap
        self._asks = type(self).copyable is not Client.copyable
        plain = self.naming.plain
        self._prefix = f"{self.naming.prefix}:" if plain else ""
        self._head = f"{self._prefix}{self.naming.version}:" if plain else None
        self._trackers: dict[Node, Tracker] = {}
        self._only: Tracker | None = None
        self._council: Council | None = None
        self._replicas = False
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
            self._replicas = self._replicas or topology.nodes() != topology.primaries()
            return topology

        self._topology = topology = super().build_topology(locations, trackable)
        if self._council is None and len(self._trackers) == 1:
            (self._only,) = self._trackers.values()
        return topology

    def numbers(self) -> Mapping[str, float]:
        store = self._store
        return {
            **super().numbers(),
            "near_entries": len(store.copies),
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
            entries=len(store.copies),
            bytes=store.bytes,
            tracking={
                **{tracker.name: tracker.state for tracker in self.trackers.values()},
                **self.untold(),
            },
        )

    def forgotten(self) -> None:
        """Keeps nothing from now on, so that nobody needs to listen for it."""
        self._copies, self._reads = {}, False
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
            twin._copies, twin._reads, twin.at_once = {}, False, {}
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

    # Reads. What another client's keywords (``**more``) ask for, no copy knows.

    def _copied(self, key: Any, default: Any = None, version: Any = None, **more: Any) -> Any:
        """``get``'s value out of a copy, or MISSING."""
        if more:
            return MISSING
        if version is None and key.__class__ is str and self._head is not None:
            full = self._head + key  # a key that has a copy was checked, any other one will be
        else:
            full = self.naming.make(key, version)
        found = self._copies.get(full)
        if found is not None:
            now = _now()
            if now < found.until and now < found.session.lease:
                value = found.value
                if value is MISSING:
                    value = self.unwrap(full, found.data)
                if value is not MISSING:
                    self._store.hits += 1
                    return value
        return MISSING

    def get(
        self, key: Any, default: Any = None, version: Any = None, **more: Any
    ) -> Operation[Any]:
        if more:
            return (yield from watched(super().get(key, default, version, **more)))
        value = self._copied(key, default, version)
        if value is not MISSING:
            return value
        full = self.naming.make(key, version)
        fetch = self._fetch(1)
        try:
            value = yield from watched(super().get(key, MISSING, version), fetch)
            if fetch is not None:
                self._keep(fetch, full, value)
        finally:
            self._end(fetch)
        return default if value is MISSING else value

    def get_many(
        self, keys: Iterable[Any], version: Any = None, **more: Any
    ) -> Operation[dict[Any, Any]]:
        if more:
            return dict((yield from watched(super().get_many(keys, version, **more))))
        given = list(keys)
        copies, unwrap, now = self._copies, self.unwrap, _now()
        values: dict[Any, Any] = {}
        rest: list[tuple[str, Any]] = []
        named = zip(self.naming.make_many(given, version), given, strict=True)
        for full, key in self.codec.counted(named):
            found = copies.get(full)
            if found is not None and now < found.until and now < found.session.lease:
                value = found.value
                if value is MISSING:
                    value = unwrap(full, found.data)
                if value is not MISSING:
                    values[key] = value
                    continue
            rest.append((full, key))
        self._store.hits += len(values)
        if not rest:
            return values
        fetch = self._fetch(len(rest))
        try:
            asked = super().get_many([key for _, key in rest], version)
            others = yield from watched(asked, fetch)
            if fetch is not None:
                for full, key in rest:
                    self._keep(fetch, full, others.get(key, MISSING))
        finally:
            self._end(fetch)
        return {**values, **others}

    def has_key(self, key: Any, version: Any = None, **more: Any) -> Operation[bool]:
        if more:
            return bool((yield from watched(super().has_key(key, version, **more))))
        full = self.naming.make(key, version)
        found, now = self._copies.get(full), _now()
        if (
            found is not None
            and now < found.until
            and now < found.session.lease
            and (self._plain or self.unwrap(full, found.data) is not MISSING)
        ):
            self._store.hits += 1
            return True
        return bool((yield from watched(super().has_key(key, version))))

    # What is kept of them

    def _fetch(self, count: int) -> Fetch | None:
        if not self._reads:
            return None
        self._store.misses += count
        council = self._council
        replicas = self._replicas if council is None else council.replicas
        return Fetch(self._begin, self._ttl, replicas=replicas)

    def _begin(self, fulls: Sequence[str]) -> dict[str, Copy]:
        # Of other keys, which a CacheKey may be, the server does not tell.
        fulls = [full for full in fulls if full.startswith(self._prefix)]
        if self._only is not None:
            session = self._only.current()
            return {} if session is None else self._store.begin(fulls, session)
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
            begun |= self._store.begin(some, session)
        return begun

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

    def _keep(self, fetch: Fetch, full: str, value: Any) -> None:
        found = fetch.found.get(full)
        if found is None or value is MISSING:
            return
        data, until = found
        if self._asks and not self.copyable(full, data):
            return
        begun = fetch.copies.pop(full, None)
        if begun is None:
            return  # two names of one key, such as 1 and "1"
        if self._plain and value.__class__ in UNCHANGEABLE:
            self._store.keep(full, begun, value, b"", getsizeof(value), until)
        else:
            self._store.keep(full, begun, MISSING, data, len(data), until)

    def _end(self, fetch: Fetch | None) -> None:
        if fetch is not None and fetch.copies:
            self._store.abandon(fetch.copies)
