"""The phase that all processes go by: where it is kept, and how it is read.

It is kept by both caches (``Record``), with a number that grows with each change. The side that
counters are on decides; whichever has the greater number is right.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

from django.core.cache import caches
from django.core.cache.backends.base import InvalidCacheBackendError, default_key_func
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from django_redis_core.commands import GET, SET, Sleep
from django_redis_core.exceptions import ConnectionInterrupted
from django_redis_core.interfaces import DEFAULT_TIMEOUT, Client

from .phases import Phase, Record, read
from .telling import Telling
from .topology import Pair, aside, of_old

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from django_redis_core.commands import Operation
    from django_redis_core.connections import Topology
    from django_redis_core.interfaces import ClientContext

#: What a site is in until an operator says otherwise.
FIRST = Phase.OLD

#: Seconds that who would change a counter waits at most for the end of ``HANDOVER``, and between
#: two looks.
PATIENCE, LOOK = 30.0, 0.05


class Known(NamedTuple):
    """What a process knows: the phase, the number of its change, whether the side that decides has
    said so, until when to go by it (``time.monotonic``), and since when the phase is (``Record``).
    """

    phase: Phase
    change: int
    sure: bool
    until: float
    read_at: float
    since: int = 0

    @property
    def record(self) -> Record:
        return Record(self.change, self.phase, self.since)


class Switch(Telling):
    """Reads the phase."""

    both_sides: Pair
    #: Whether entries of both caches lie on one server, told by what is known without asking.
    shares_a_server: bool

    def __init__(
        self,
        context: ClientContext,
        *,
        mirror_of: str | None = None,
        mirror_age: float = 0.5,
        **options: Any,
    ) -> None:
        super().__init__(context, **options)
        self.mirror_of = mirror_of or ""
        self.mirror_age = mirror_age
        self._known: Known | None = None
        #: Of a copy for a redis-py client of the caller's, which knows no other server.
        self._always: Phase | None = None

    def build_topology(
        self, locations: Sequence[str], factory: Callable[[Sequence[str]], Topology]
    ) -> Topology:
        new = super().build_topology(locations, factory)
        self._refuse_changed()
        self.old_client, old = self._old_cache()
        self.both_sides = Pair(new, old)
        self.shares_a_server = not _names(new).isdisjoint(_names(old))
        if self.shares_a_server and _same_entries(self.naming, self.old_client.naming):
            raise ImproperlyConfigured(
                f"CACHES[{self.alias!r}]: MIRROR_OF names {self.mirror_of!r}, which has its "
                "entries on the same server and under the same keys: give this cache another "
                "KEY_PREFIX or database, or it would overwrite what it is to read."
            )
        return self.both_sides

    def _refuse_changed(self) -> None:
        """Keys that one object makes by itself: the old cache would be asked for others."""
        entry = caches.settings.get(self.alias)
        if entry is None:
            return
        function = entry.get("KEY_FUNCTION") or default_key_func
        if isinstance(function, str):
            function = import_string(function)
        if self.naming.prefix != entry.get("KEY_PREFIX", "") or self.naming.function != function:
            raise ImproperlyConfigured(
                f"CACHES[{self.alias!r}]: key_prefix and key_func of one object cannot be changed "
                "while the client 'mirror' moves the site: the old cache knows nothing of it. "
                "Write another entry in CACHES."
            )

    def _old_cache(self) -> tuple[Client, Topology]:
        from django_redis_core.cache import RedisCache

        where = f"CACHES[{self.alias!r}]"
        if not self.mirror_of:
            raise ImproperlyConfigured(
                f"{where}: the client 'mirror' needs to know the old cache: write "
                '"MIRROR_OF": its alias in CACHES.'
            )
        if self.mirror_of == self.alias:
            raise ImproperlyConfigured(
                f"{where}: MIRROR_OF names this cache itself: give the old one an alias of its own."
            )
        entry = caches.settings.get(self.mirror_of)
        if entry is None:
            raise ImproperlyConfigured(
                f"{where}: MIRROR_OF names {self.mirror_of!r}, which is not in CACHES "
                f"({', '.join(sorted(caches.settings))})."
            )
        named = (entry.get("OPTIONS") or {}).get("CLIENT", ())
        if "mirror" in ([named] if isinstance(named, str) else named):
            raise ImproperlyConfigured(
                f"{where}: MIRROR_OF names {self.mirror_of!r}, which is a mirror itself: a move is "
                "from one cache to one other."
            )
        try:
            cache = caches[self.mirror_of]
        except InvalidCacheBackendError as error:
            raise ImproperlyConfigured(f"{where}: MIRROR_OF: {error}") from error
        if not isinstance(cache, RedisCache):
            raise ImproperlyConfigured(
                f"{where}: MIRROR_OF names {self.mirror_of!r}, whose BACKEND is "
                f"{type(cache).__module__}.{type(cache).__qualname__}; it must be a cache of "
                "django_redis_core."
            )
        built = cache.built
        return built.client, built.topology

    def for_caller(self) -> Client:
        import copy

        twin = copy.copy(super().for_caller())
        if isinstance(twin, Switch):
            twin._always = Phase.ALONE
        return twin

    # What both caches are asked with is this one's, so that an entry is the same in both.

    def own_version(self, version: Any) -> Any:
        """The version of a call, for the old cache."""
        return self.naming.version if version is None else version

    def own_timeout(self, timeout: Any) -> Any:
        """The timeout of a call, for the old cache."""
        return self.default_timeout if timeout is DEFAULT_TIMEOUT else timeout

    def _phase_key(self) -> str:
        return f"{self.naming.prefix}:mirror:phase"

    def _old_phase_key(self) -> str:
        return f"{self._old_start()}:phase"

    # Reading

    def move_phase(self, *, sure: bool = False) -> Operation[Phase]:
        """The phase. ``sure``: the side that decides has said so within twice ``MIRROR_AGE``."""
        if self._always is not None:
            return self._always
        known = self._known
        now = time.monotonic()
        if known is not None and (known.sure or not sure):
            if now < known.until:
                return known.phase
            if now < known.read_at + 2 * self.mirror_age and known.phase is not Phase.HANDOVER:
                # Nobody else looks while this one does.
                self._known = known._replace(until=now + self.mirror_age)
        return (yield from self.look_for_phase(sure=sure))

    def look_for_phase(self, *, sure: bool = False) -> Operation[Phase]:
        """Asks both caches for the phase, and tells what was counted."""
        known = self._known
        began = time.monotonic()
        if known is None or known.phase in (Phase.PREPARE, Phase.BOTH, Phase.HANDOVER):
            sides: tuple[str, ...] = ("new", "old")
        else:
            sides = ("old",) if known.phase is Phase.OLD else ("new",)
        commands = {
            "new": GET(self._phase_key()).primary(),
            "old": of_old(GET(self._old_phase_key()).primary()),
        }
        before = None if known is None else known.record
        replies = yield [*[commands[side] for side in sides], *self.telling(before)]
        told = dict(zip(sides, replies, strict=False))
        found = [record for reply in told.values() if (record := read(reply)) is not None]
        if before is not None:
            found.append(before)
        latest = max(found, default=Record(0, FIRST))
        phase = latest.phase
        decides = "old" if phase.old_decides else "new"
        if decides not in told:  # it has just come to the other side
            (told[decides],) = yield [commands[decides]]
        trouble = told[decides]
        if isinstance(trouble, Exception):
            # Values go the same way in all phases between, and elsewhere the decider is who is
            # asked next, and will say so itself.
            unknown = known is None and phase < Phase.BOTH
            if sure or unknown or not isinstance(trouble, ConnectionInterrupted):
                raise trouble
        elif trouble is None and latest.change:
            yield from self._remember(latest)  # it was emptied
        until = began + (LOOK if phase is Phase.HANDOVER else self.mirror_age)
        certain = not isinstance(trouble, Exception)
        self._known = Known(phase, latest.change, certain, until, began, latest.since)
        return phase

    def _remember(self, record: Record) -> Operation[None]:
        written = record.written()
        commands = [
            SET(self._phase_key(), written, nx=True),
            of_old(SET(self._old_phase_key(), written, nx=True)),
        ]
        yield commands

    def records(self) -> Operation[tuple[Any, Any]]:
        """What the new cache and the old one have written down: a ``Record``, None, or the error
        for which nothing is known. Changes nothing, for who looks on."""
        replies = yield [
            GET(self._phase_key()).primary(),
            of_old(GET(self._old_phase_key()).primary()),
        ]
        new, old = [reply if isinstance(reply, Exception) else read(reply) for reply in replies]
        return new, old

    def settled_phase(self) -> Operation[Phase]:
        """The phase for what changes a counter, a lock or a structure; after ``HANDOVER``."""
        phase = yield from self.move_phase(sure=True)
        until = time.monotonic() + PATIENCE
        while phase is Phase.HANDOVER:
            if time.monotonic() > until:
                raise ConnectionInterrupted(
                    None,
                    f"the mirror's hand-over has not ended for {PATIENCE:g} s; "
                    "`manage.py redis_cache mirror new` goes on with it",
                )
            yield Sleep(LOOK)
            phase = yield from self.look_for_phase(sure=True)
        return phase

    def on_old(self, operation: Generator[Any, Any, Any]) -> Operation[Any]:
        """An operation of the old cache."""
        return aside(operation, self.both_sides)


def _same_entries(new: Any, old: Any) -> bool:
    return bool(new.make("key") == old.make("key"))


def _names(topology: Topology) -> set[str]:
    """What servers are called that are known already. By name, since nodes of other timeouts are
    other nodes."""
    return {node.name for node in topology.nodes()}
