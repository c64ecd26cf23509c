"""The near client: reads are answered from this process' memory while that is known to be right."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from django.core.exceptions import ImproperlyConfigured
from redis import Redis
from redis.connection import BlockingConnectionPool, ConnectionPool

from django_redis_core.commands import GET, Sleep
from django_redis_core.connections import SingleServer
from django_redis_core.exceptions import ConnectionInterrupted
from django_redis_core.interfaces import ALL_OTHERS, Client, Finding

from .options import OPTIONS
from .reading import Reading
from .store import Copy, Session
from .tracking import Tracker, tracker_for
from .watching import watched

if TYPE_CHECKING:
    from django_redis_core.commands import Operation
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
        self._replicas = False
        self._topology: Topology | None = None
        self._direct: Client | None = None

    def build_topology(
        self, locations: Sequence[str], factory: Callable[[Sequence[str]], Topology]
    ) -> Topology:
        def trackable(locations: Sequence[str]) -> Topology:
            topology = factory(locations)
            primary = self._primary_of(topology)
            if primary not in self._trackers:
                tracker = tracker_for(primary.config, self._prefix, self._lease)
                tracker.join(self._store)
                self._trackers[primary] = tracker
            self._replicas = self._replicas or topology.nodes() != topology.primaries()
            return topology

        self._topology = topology = super().build_topology(locations, trackable)
        if len(self._trackers) == 1:
            (self._only,) = self._trackers.values()
        return topology

    def _primary_of(self, topology: Topology) -> Node:
        """The server that is to tell of writes, or ImproperlyConfigured where none can be relied
        upon to tell of all."""
        problem = None
        if type(topology) is not SingleServer:
            problem = (
                "its connection factory's servers take each other's place, and it follows only "
                'single servers and shards of them: use CONNECTION_FACTORY "single"'
            )
        elif not topology.replica_read_only:
            problem = "with REPLICA_READ_ONLY False writes may go to servers that it does not hear"
        else:
            config = topology.primary.config
            own: Any = config.client_class
            if config.pool_class not in (None, ConnectionPool, BlockingConnectionPool):
                problem = "CONNECTION_POOL_CLASS may connect to servers that it does not hear"
            elif own is not None and not (isinstance(own, type) and issubclass(own, Redis)):
                problem = "REDIS_CLIENT_CLASS is not redis-py's, and tells of no writes"
            else:
                return topology.primary
        raise ImproperlyConfigured(
            f'CACHES[{self.alias!r}]: the client "near" cannot keep values here: {problem}, or '
            'leave "near" out.'
        )

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
                tracker.name: tracker.alive or tracker.trouble or "not connected yet"
                for tracker in self._trackers.values()
            },
        )

    def forgotten(self) -> None:
        """Keeps nothing from now on, so that nobody needs to listen for it."""
        self._keep_nothing()
        for tracker in self._trackers.values():
            tracker.leave(self._store)
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
        for tracker in self._trackers.values():
            yield from self.wait_for(tracker)
            if tracker.alive:
                text = f'{tracker.name} tells of writes, so "near" keeps copies of what it reads.'
                findings.append(Finding("note", text))
            else:
                text = f'{tracker.name} tells of no writes, so "near" keeps nothing'
                why = tracker.trouble or "it has not answered yet"
                findings.append(Finding("problem", f"{text}: {why}"))
        return findings

    @property
    def trackers(self) -> Mapping[Node, Tracker]:
        """Who hears each server."""
        return self._trackers

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

    def _begin(self, fulls: Sequence[str]) -> dict[str, Copy]:
        # Of other keys, which a CacheKey may be, the server does not tell.
        fulls = [full for full in fulls if full.startswith(self._prefix)]
        if self._only is not None:
            session = self._only.current()
            return {} if session is None else self._begun(fulls, session)
        places: dict[Session, list[str]] = {}
        for full in fulls:
            session = self._session(full)
            if session is not None:
                places.setdefault(session, []).append(full)
        begun: dict[str, Copy] = {}
        for session, some in places.items():
            begun |= self._begun(some, session)
        return begun

    def _begun(self, fulls: Sequence[str], session: Session) -> dict[str, Copy]:
        begin = self._store.begin
        return {full: copy for full in fulls if (copy := begin(full, session)) is not None}

    def _session(self, full: str) -> Session | None:
        """That of the key's shard."""
        assert self._topology is not None
        try:
            node = self._topology.route(GET(full).primary())
        except ConnectionInterrupted:
            return None  # the shard has no server now
        tracker = self._trackers.get(node)
        return None if tracker is None else tracker.current()
