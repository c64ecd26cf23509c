"""What an operation means."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE
from itertools import combinations
from types import MappingProxyType
from typing import Any, ClassVar, Final, NamedTuple, TypeVar

from .._codec.codec import Codec
from .._codec.keys import Keys
from .._operations.counters import Counters
from .._operations.declare import Declaration, declared
from .._operations.expiry import Expiry
from .._operations.hashes import Hashes
from .._operations.lists import Lists
from .._operations.locks import Locks
from .._operations.scanning import Scanning
from .._operations.sets import Sets
from .._operations.sorted_sets import SortedSets
from .._operations.strings import Strings
from .._operations.versions import Versions
from ..commands import Operation
from ..connections.topology import Topology
from .plugin import Plugin

T = TypeVar("T")

#: In ``outside_of`` and ``inside_of``: every client that changes what an entry is, and so has an
#: ``unwrap`` of its own.
CHANGES_ENTRIES: Final = "clients that change what an entry is"

_ASYNCHRONOUS = CO_COROUTINE | CO_ASYNC_GENERATOR

#: In ``outside_of`` and ``inside_of``: every other client, known or not.
ALL_OTHERS: Final = "all other clients"


@dataclass(frozen=True, slots=True)
class ClientContext:
    """What a client is built from: the cache's naming, its codec and the settings that operations
    need. The constructor of ``Client`` sets an attribute of the same name from each.

    ``alias`` is the cache's name in CACHES. ``default_timeout`` is TIMEOUT, in seconds (None: for
    ever), ``scan_itersize`` SCAN's COUNT. ``clear_by_prefix``: ``clear`` removes the keys of the
    prefix alone. ``delete_unreadable``: an entry that cannot be read is removed.
    ``ignore_exceptions``: the site ignores servers in trouble; for clients that run operations
    later by themselves, for which nobody else looks.
    """

    alias: str
    naming: Keys
    codec: Codec
    default_timeout: float | None
    scan_itersize: int = 1000
    clear_by_prefix: bool = False
    delete_unreadable: bool = False
    ignore_exceptions: bool = False


class Finding(NamedTuple):
    """What ``doctor`` tells of a cache. ``level`` is "problem", for which its exit code is not 0,
    "advice", or "note" for what is well and worth to be known. ``text`` names no password."""

    level: str
    text: str


class Client(
    Plugin, Strings, Counters, Versions, Expiry, Scanning, Locks, Hashes, Lists, Sets, SortedSets
):
    """The meaning of every operation, to be changed by cooperative subclasses.

    A complete plugin, in the module that the entry point ``jitter = "django_redis_core_jitter"``
    names::

        from django_redis_core import hookimpl

        @hookimpl
        def register_client():
            from .client import JitterClient
            return JitterClient

    and in ``client.py``::

        import random
        from django_redis_core.interfaces import Client, DEFAULT_TIMEOUT

        class JitterClient(Client):
            "Spreads expiry, so that entries written together do not expire together."

            name = "jitter"

            def set(self, key, value, timeout=DEFAULT_TIMEOUT, version=None, **kwargs):
                if timeout is DEFAULT_TIMEOUT:
                    timeout = self.default_timeout
                if timeout is not None:
                    timeout *= random.uniform(0.9, 1)
                return (yield from super().set(key, value, timeout, version, **kwargs))

    An operation is a generator that yields commands (``django_redis_core.commands``), so what a
    subclass changes holds for ``set``, ``aset`` and pipelines at once. Call the next one with
    ``yield from super().…``: clients compose, and ``"CLIENT": ["jitter", "shard"]`` puts both in
    one class, the first outermost. A subclass that stores more than the value overrides ``wrap``,
    ``unwrap``, ``recoded`` and ``resealed``.

    Options are keyword arguments of the constructor, after the context::

            def __init__(self, context, *, spread=0.1):
                super().__init__(context)
                self.spread = spread

    Each client is handed the options that settings give it and no other's, also where several are
    put together, so a constructor needs no ``**options`` for those of its neighbours. A subclass
    of a client that has options takes ``**options`` and hands them to ``super().__init__``.

    Of use in an operation: ``self.naming.make(key, version)``, the key as stored;
    ``self.encode(full, value)`` and ``self.decode(full, data)``, by the cache's codec;
    ``self.milliseconds(timeout)``; ``self.default_timeout``, in seconds.

    One instance serves all threads and loops of a process: keep no state of a call on it.
    """

    set_by_base: ClassVar[tuple[str, ...]] = ("naming", "codec")

    #: Names of clients that this one cannot be combined with, and why, for the error message.
    conflicts: ClassVar[dict[str, str]] = {}

    #: Names of clients that this one must stand outside of, before them in CLIENT, and why.
    #: ``CHANGES_ENTRIES`` names every client that has an ``unwrap`` of its own, ``ALL_OTHERS`` all.
    outside_of: ClassVar[dict[str, str]] = {}

    #: Names of clients that this one must stand inside of, after them in CLIENT, and why.
    inside_of: ClassVar[dict[str, str]] = {}

    def __init__(self, context: ClientContext) -> None:
        self.alias = context.alias
        self.naming = context.naming
        self.codec = context.codec
        self.encode = context.codec.encode
        self.decode = context.codec.decode
        if type(self).unwrap is Client.unwrap:
            self.unwrap_many = context.codec.decode_many  # type: ignore[method-assign, assignment]
            self.unwrap = self.decode  # type: ignore[method-assign, assignment]  # a call less for every value
        self.default_timeout = context.default_timeout
        self.scan_itersize = context.scan_itersize
        self.clear_by_prefix = context.clear_by_prefix
        self.delete_unreadable = context.delete_unreadable
        self.ignore_exceptions = context.ignore_exceptions
        #: Operations that can be answered without a server, by their names: functions of the same
        #: arguments that return the answer, or MISSING where the operation has to run. They save
        #: more than half of what a call costs that sends nothing. Pipelines do not look here. A
        #: client outside that changes the operation would not be asked, so one is offered only
        #: where ``type(self).get is Mine.get``.
        self.at_once: Mapping[str, Callable[..., Any]] = {}
        #: Names of operations that ``around`` gives back as they are, and that no other client's
        #: changes either: they begin without it.
        self.not_around: Collection[str] = ()

    @classmethod
    def defect(cls) -> str:
        for name in declared(cls):
            code = getattr(getattr(cls, name, None), "__code__", None)
            if code is not None and code.co_flags & _ASYNCHRONOUS:
                return (
                    f"has `async def {name}`. An operation is a generator, written once for "
                    "blocking code and asyncio: write `def`, and `yield from` for `await`"
                )
        return super().defect()

    def build_topology(
        self, locations: Sequence[str], factory: Callable[[Sequence[str]], Topology]
    ) -> Topology:
        """The servers of this cache. ``factory`` is the connection factory's ``topology``; a
        client that spreads keys itself calls it once for each of its parts."""
        return factory(locations)

    def around(self, name: str, operation: Operation[T]) -> Operation[T]:
        """Every operation passes here as it begins, those of other clients too: ``name`` is the
        operation's, and what is returned runs in its place. For a client that has to see the
        commands of all::

            def around(self, name, operation):
                return (yield from self.watched(super().around(name, operation)))

        Operations that another operation is made of do not pass by themselves. Where no client
        overrides this, a call costs nothing more.
        """
        return operation

    def for_caller(self) -> Client:
        """Who has the operations where the caller brings a redis-py client (``client=``), which
        may be of any server. For clients that know something of the cache's own servers."""
        return self

    def copyable(self, full: str, data: bytes) -> bool:
        """Whether what is shown of a stored entry changes only when its own key is written, so that
        a client outside may keep a copy of ``data`` until then. A client whose entries depend on
        other keys says False of those: ``return not mine(data) and super().copyable(full, data)``.
        """
        return True

    def seen(self, full: str, data: bytes, version: Any = None) -> Operation[Any]:
        """What callers see of a stored entry, or MISSING, for ``manage.py redis_cache get``. It
        changes nothing, as ``get`` of a client may. For clients whose ``unwrap`` alone does not
        say: that have to ask a server."""
        yield from ()
        return self.unwrap(full, data)

    def forgotten(self) -> None:
        """The settings that this client was made from are not the site's any more, as after a
        test's ``override_settings``: ends what it keeps running, threads say. A cache that somebody
        holds all the same must still give right answers. Ends with ``super().forgotten()``."""

    def numbers(self) -> Mapping[str, float]:
        """What this client knows of its state, for ``RedisCache.numbers``; names begin with the
        client's: ``{**super().numbers(), "near_copies": len(self.copies)}``."""
        return {}

    def examine(self) -> Operation[list[Finding]]:
        """What ``doctor`` is to tell of this client, once the servers have answered. For clients
        that need more than that: ``[*(yield from super().examine()), Finding("note", …)]``."""
        yield from ()
        return []


#: The operations of the core, which every cache has.
OPERATIONS: Final[Mapping[str, Declaration]] = MappingProxyType(declared(Client))


def misplaced(
    clients: Sequence[type[Client]],
) -> tuple[type[Client], type[Client], str] | None:
    """The first two of ``clients`` that stand in an order that one of them refuses, and why."""
    for outer, inner in combinations(clients, 2):
        reason = _named(inner.outside_of, outer) or _named(outer.inside_of, inner)
        if reason is not None:
            return outer, inner, reason
    return None


def _named(reasons: Mapping[str, str], client: type[Client]) -> str | None:
    reason = reasons.get(client.name)
    if reason is None and client.unwrap is not Client.unwrap:
        reason = reasons.get(CHANGES_ENTRIES)
    return reasons.get(ALL_OTHERS) if reason is None else reason


def compose(
    clients: Sequence[type[Client]], options: Sequence[Mapping[str, Any]] = ()
) -> type[Client]:
    """One class out of several cooperative ones, the first outermost.

    ``options`` are the arguments of each constructor. Those of the first are for whoever calls the
    new class; every other client is handed its own. Raises TypeError where the classes cannot
    stand in this order (a base class before its subclass).
    """
    if len(clients) == 1:
        return clients[0]
    bases: list[type] = [clients[0]]
    for place, client in enumerate(clients[1:], 1):
        if len(options) > place and options[place]:
            bases.append(_handing_on(options[place]))
        bases.append(client)
    namespace: dict[str, Any] = {"name": "+".join(client.name for client in clients)}
    return type("".join(client.__name__ for client in clients), tuple(bases), namespace)


def _handing_on(options: Mapping[str, Any]) -> type:
    """A class that stands before a client and gives its constructor ``options``."""

    class HandingOn:
        def __init__(self, context: ClientContext, **more: Any) -> None:
            super().__init__(context, **{**more, **options})  # type: ignore[call-arg]

    return HandingOn
