"""Whoever is told what a cache does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from .._operations.declare import Declaration
from ..commands.running import Noted
from ..connections.trips import Trip
from .plugin import Plugin


class Call(Noted):
    """An operation; what ``Observer.operation`` is given as it begins, and given again at its end.

    ``alias`` is the cache's in ``CACHES``. ``operation`` is the name of the method without an
    ``a`` for asyncio: ``"get"``. Objects of a cache have theirs behind a dot: ``"lock.acquire"``
    (with all its waiting), ``"lock.release"``, ``"lock.extend"``, ``"lock.reacquire"``,
    ``"lock.locked"``, ``"lock.owned"``, and ``"pipeline.execute"``, inside of which the operations
    of the pipeline are told, each by its own name. ``way`` is ``"blocking"``, ``"asyncio"`` or
    ``"pipeline"``.

    At the end it has:

    - ``seconds``, from its beginning to its answer; of a stream, to the end of the iterator, the
      time between two items included; in a pipeline, of the round trips that it took part in;
    - ``hits`` and ``misses``, how many keys were looked up and were there or not (a field, for
      ``hget``); both are 0 for operations that look up nothing, and for a fallback;
    - ``source``, who has given the answer: ``"server"``; ``"copy"``, the memory of this process;
      ``"fallback"``, that of IGNORE_EXCEPTIONS; ``""`` where nobody had to be asked, where an error
      was raised, and for ``pipeline.execute``, whose operations have sources of their own;
    - ``error``, what was raised, or the trouble that the fallback stands for, or None.

    Keys and values are the caller's, and handed over only when they are asked for: most observers
    have no business with them.
    """

    # What is equal for all calls of an operation stands in the class (see ``called``).
    alias: str
    operation: str
    way: str
    _declaration: Declaration | None

    # Without __slots__: Python makes an object quickly whose constructor is plain and sets all
    # attributes, and only where they are in its dict.

    def __init__(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        self.seconds = 0.0
        self.hits = 0
        self.misses = 0
        self.source = ""
        self.error: BaseException | None = None
        self.request = None
        self.answer = None
        self._args = args
        self._kwargs = kwargs

    @classmethod
    def called(
        cls, operation: str, way: str, alias: str, declaration: Declaration | None = None
    ) -> type[Call]:
        """The class of the calls of one operation of a cache, made in one ``way``."""
        own = {"alias": alias, "operation": operation, "way": way, "_declaration": declaration}
        return type(cls.__name__, (cls,), own)

    @property
    def arguments(self) -> Mapping[str, Any]:
        """The arguments by name, keys and values included, without those that were left out. Empty
        for a call that does not fit the operation, which is about to fail. A ``lock.…`` has its
        ``key``, ``pipeline.execute`` the names of its ``operations``."""
        if self._declaration is None:
            return dict(self._kwargs)
        try:
            bound = self._declaration.signature.bind_partial(None, *self._args, **self._kwargs)
        except TypeError:
            return {}
        return dict(list(bound.arguments.items())[1:])

    @property
    def keys(self) -> tuple[Any, ...]:
        """The keys that the operation is about, as the caller names them; not those that it finds,
        so none for ``keys`` and ``clear``."""
        declaration = self._declaration
        if declaration is None:
            return (self._kwargs["key"],) if "key" in self._kwargs else ()
        given: Mapping[str, Any]
        if self._args and declaration.key_is_first:
            given = {declaration.keys[0]: self._args[0]}
        else:
            given = self.arguments
        found: list[Any] = []
        for name in declaration.keys:
            if name not in given:
                continue
            value = given[name]
            several = name == "keys" or isinstance(value, Mapping)
            found += list(value) if several else [value]
        return tuple(found)

    @property
    def value_bytes(self) -> int | None:
        """How many bytes of values it has read and stored, as the server keeps them. None where
        that is not known: before the end, for scripts and sorted sets, for streams and locks, for
        what needs many requests, and where no server was asked or an error was raised."""
        declaration = self._declaration
        if self.error is not None or declaration is None or declaration.stream:
            return None
        return self.sizes()

    def __repr__(self) -> str:  # without keys
        return f"<Call of {self.operation} ({self.way}) on {self.alias}>"


class Number(NamedTuple):
    """A part of a cache's state: ``name`` in small letters with underscores. ``server`` is the name
    of the server that it is of, or empty for what is of the whole cache."""

    name: str
    value: float
    server: str = ""


class CacheNumbers:
    """The numbers of all caches of a process, for whoever tells them together. An observer hands on
    what ``attached`` is given::

        numbers = CacheNumbers()

        def attached(self, alias, numbers_of_cache):
            numbers.remember(alias, numbers_of_cache)
    """

    def __init__(self) -> None:
        self._caches: list[tuple[str, Callable[[], Sequence[Number]]]] = []

    def remember(self, alias: str, numbers: Callable[[], Sequence[Number]]) -> None:
        """A cache is built. Of caches that are gone nothing is kept."""
        # One at a time, for another thread may have built a cache meanwhile, which is to stay.
        for known in list(self._caches):
            if not known[1]():
                with suppress(ValueError):  # which has found it, too
                    self._caches.remove(known)
        self._caches.append((alias, numbers))

    def now(self) -> Mapping[tuple[str, str, str], float]:
        """All numbers by alias, server and name. Of several objects for one alias, those that are
        of a server are the same, and the others each object's own."""
        found: dict[tuple[str, str, str], float] = {}
        for alias, ask in list(self._caches):
            for name, value, server in ask():
                key = (alias, server, name)
                found[key] = value if server else found.get(key, 0) + value
        return found


EndOfCall = Callable[[Call], object]
EndOfTrip = Callable[[Trip], object]


class Observer(Plugin):
    """Sees what a cache does, and never changes it.

    A complete plugin, in the module that the entry point ``counts = "django_redis_core_counts"``
    names::

        from django_redis_core import hookimpl

        @hookimpl
        def register_observer():
            from .observer import CountingObserver
            return CountingObserver

    and in ``observer.py``::

        from collections import Counter
        from django_redis_core.interfaces import Observer

        class CountingObserver(Observer):
            "Counts hits and misses by operation. ``slow``: seconds from which a call is slow."

            name = "counts"

            def __init__(self, *, slow=0.1):
                self.slow = slow
                self.calls, self.hits, self.misses, self.slow_ones = (Counter() for _ in range(4))

            def operation_ended(self, call):
                self.calls[call.operation, call.source] += 1
                self.hits[call.operation] += call.hits
                self.misses[call.operation] += call.misses
                self.slow_ones[call.operation] += call.seconds >= self.slow

    ``OPTIONS["OBSERVERS"]`` names it, alone or in a list with others. Each cache has an object of
    its own, which all threads and loops of the process use; a lock inside is the observer's own.

    ``operation`` and ``round_trip`` are called before, and return None or a function that is
    called with the same object afterwards, when it has the outcome: in the same context
    (``contextvars``), so that what the one makes current the other can take back. Of several
    observers the first begins first and ends last. A stream has a context of its own, which its
    caller does not see; so has each operation of a pipeline, and each of several round trips at one
    time. Whoever overrides only one of the two costs nothing for the other.

    Whoever needs nothing before the end overrides ``operation_ended`` and ``round_trip_ended``
    instead, which are called with the outcome alone. That costs a third less.

    Neither may wait: they are functions, on asyncio too, and hold up the call that they see. What
    they raise is logged once for each function, and the call goes on. Not caught are exceptions
    that end more than a call (KeyboardInterrupt and the like), and those that the handler of a
    signal has raised while the observer happened to run: a time limit is the site's. It is told by
    the handler's frame in the traceback, so one that comes without a signal (set on the thread by
    another one) must not be a plain Exception.
    """

    def operation(self, call: Call) -> EndOfCall | None:
        """An operation begins."""
        return None

    def round_trip(self, trip: Trip) -> EndOfTrip | None:
        """Commands are about to go to a server. They are those of an operation, or of the cache
        itself that looks for its servers."""
        return None

    def operation_ended(self, call: Call) -> object:
        """An operation has ended, and ``call`` has its outcome. Whoever overrides ``operation`` too
        is told by this after the function that ``operation`` returned."""

    def round_trip_ended(self, trip: Trip) -> object:
        """The same for a round trip."""

    def attached(self, alias: str, numbers: Callable[[], Sequence[Number]]) -> None:
        """The cache is built that this observer is for. ``numbers`` gives its state at any later
        moment, as ``RedisCache.numbers`` does; an empty list once the cache is gone."""
