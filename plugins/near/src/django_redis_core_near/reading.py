"""Reads that are answered by copies, and what is kept of those that a server answers."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from operator import itemgetter
from sys import getsizeof
from typing import TYPE_CHECKING, Any

from django_redis_core.commands import GET, MGET, Command, Spread
from django_redis_core.exceptions import ConnectionInterrupted
from django_redis_core.interfaces import MISSING, Client

from .sharing import UNCHANGEABLE, shared
from .store import NEVER, Copy, Session, Store
from .watching import Fetch, life_of, until_of, watched

if TYPE_CHECKING:
    from django_redis_core.commands import Operation

    from .tracking import Tracker

#: Of the primary, as ``life_of``.
_GET = GET("").primary().kind
_MGET = MGET([""]).primary().kind

#: Keys that are asked for by one command; of more nothing is kept, for who reads so many at a time
#: goes through all that there is.
PAGE = 1_000

_now = time.monotonic


class Reading(Client):
    """``get``, ``get_many`` and ``has_key`` of a client that has copies. Who tells of writes is
    known to the subclass."""

    _only: Tracker | None
    _prefix: str

    @property
    @abstractmethod
    def _replicas(self) -> bool:
        """Whether others can answer where a primary cannot."""

    def _keep_in(self, max_entries: int, max_bytes: int, ttl: float) -> None:
        """Has copies from now on, so many and each for so many seconds at most."""
        self._ttl = ttl
        naming = self.naming
        self._head = f"{naming.prefix}:{naming.version}:" if naming.plain else None
        self._store = Store(max_entries, max_bytes, self._head)
        self._copies = self._store.copies
        self._names = self._store.names
        self._reads = True
        cls = type(self)
        # Where no class of a site's own has another one.
        if cls.get is Reading.get:
            self.at_once = {"get": self._reader()}
        if cls.has_key is Reading.has_key:
            self.at_once = {**self.at_once, "has_key": self._known}
        self._plain = cls.unwrap is Client.unwrap
        self._asks = cls.copyable is not Client.copyable
        # Whether no other client has a say in what is asked for, and nothing is written meanwhile.
        only_reads = cls.unseen is Client.unseen and not self.delete_unreadable
        self._gets = only_reads and _is_core(super().get, Client.get)
        self._gets_many = only_reads and _is_core(super().get_many, Client.get_many)

    def _keep_nothing(self) -> None:
        """Asks the server for all from now on."""
        self._copies, self._names, self._reads, self.at_once = {}, {}, False, {}

    @abstractmethod
    def _begin(self, fulls: Sequence[str]) -> dict[str, Copy]:
        """The copies to be of stored keys, as far as their servers are heard."""

    @property
    @abstractmethod
    def _all_heard(self) -> bool:
        """Whether every server is listened to that is known, and there are some."""

    @abstractmethod
    def _session(self, full: str) -> Session | None:
        """That of the server where a stored key lives, which is listened to from now on."""

    # Reads. What another client's keywords (``**more``) ask for, no copy knows.

    def _reader(self) -> Callable[..., Any]:
        """``get``'s value out of a copy, or MISSING. A function that has what it needs, for a
        method takes longer to be called."""
        names, made, copied, head = self._names, self._made, self._copied, self._head
        if head is None:
            return lambda key, default=None, version=None, **more: (
                MISSING if more else copied(self.naming.make(key, version))
            )

        def read(key: Any, default: Any = None, version: Any = None, **more: Any) -> Any:
            if version is None and key.__class__ is str and not more:
                found = names.get(key)  # which was checked; any other key will be
                if found is not None:
                    now = _now()
                    if now < found.given and now < found.session.lease:
                        found.hits += 1
                        return found.value
                    if now < found.until and now < found.session.lease:
                        value = found.value
                        if value is MISSING:
                            value = made(found, head + key)
                            if value is MISSING:
                                return MISSING
                        found.hits += 1
                        return value
                return MISSING
            return MISSING if more else copied(self.naming.make(key, version))

        return read

    def _copied(self, full: str) -> Any:
        """The value of a stored key out of its copy, or MISSING."""
        found = self._copies.get(full)
        if found is not None:
            now = _now()
            if now < found.until and now < found.session.lease:
                value = found.value
                if value is MISSING:
                    value = self._made(found, full)
                if value is not MISSING:
                    found.hits += 1
                return value
        return MISSING

    def _made(self, found: Copy, full: str) -> Any:
        """A value for one reader, or MISSING. For the first one it is found out how to make it."""
        data = found.data
        if found.make is not None:
            return found.make()
        value = self.unwrap(full, data)
        if value is MISSING:
            return MISSING
        way = shared(value) if self._plain else None
        if way is not None and self._store.share(full, found, *way):
            return way.make()
        found.make = partial(self.unwrap, full, data)
        return value

    def get(
        self, key: Any, default: Any = None, version: Any = None, **more: Any
    ) -> Operation[Any]:
        if more:
            return (yield from watched(super().get(key, default, version, **more)))
        full = self.naming.make(key, version)
        if full in self._copies:
            value = self._copied(full)
            if value is not MISSING:
                return value
        name = key if version is None and key.__class__ is str and self.naming.plain else None
        copy = self._wanted(full, name)
        if not self._gets:
            return (yield from self._got(super().get(key, MISSING, version), full, copy, default))
        # What the core's own does, for a generator in this one takes as long as all the rest.
        if copy is None:
            data = yield GET(full)
            value = MISSING if data is None else self.unwrap(full, data)
            return default if value is MISSING else value
        try:
            began = _now()
            data, life = yield [Command(_GET, (b"GET", full), full), life_of(full)]
            if isinstance(data, Exception):
                self._refused(data)
                data = yield GET(full)
            value = MISSING if data is None else self.unwrap(full, data)
            if value is MISSING:
                return default
            until = until_of(life, began, self._ttl)
            if until is not None:
                self._keep(full, copy, value, data, until)
            return value
        finally:
            if copy.until == NEVER:
                self._store.abandon({full: copy})

    def _got(
        self, operation: Operation[Any], full: str, copy: Copy | None, default: Any
    ) -> Operation[Any]:
        """``get``, of which other clients have a part."""
        if copy is None:
            value = yield from watched(operation)
            return default if value is MISSING else value
        fetch = Fetch({full: copy}, self._ttl, self._refused)
        try:
            value = yield from watched(operation, fetch)
            self._keep_of(fetch, ((full, value),))
        finally:
            self._store.abandon(fetch.copies)
        return default if value is MISSING else value

    def _refused(self, error: Exception) -> None:
        """Raises ``error``, unless another server can answer where the primary cannot."""
        if not (self._replicas and isinstance(error, ConnectionInterrupted)):
            raise error

    def get_many(
        self, keys: Iterable[Any], version: Any = None, **more: Any
    ) -> Operation[dict[Any, Any]]:
        if more:
            return dict((yield from watched(super().get_many(keys, version, **more))))
        keys = list(keys)
        # Counted in C. What is text of another class may be a key as it is stored.
        plain = version is None and self.naming.plain and [*map(type, keys)].count(str) == len(keys)
        values, rest = self._copied_of(keys, version, plain)
        if not rest:
            return values
        if len(rest) > PAGE:
            self._store.misses += len(rest)
            return {**values, **(yield from watched(super().get_many(rest, version)))}
        fulls = self.naming.make_many(rest, version)
        places = self._wanted_of(rest if plain else None, fulls)
        copies = self._begin([fulls[at] for at in places]) if places else {}
        if not self._gets_many:
            named = dict(zip(fulls, rest, strict=True))
            asked = super().get_many(rest, version)
            return {**values, **(yield from self._got_many(asked, copies, named))}
        # As in ``get``.
        if not copies:
            replies = yield MGET(fulls)
            return _with(values, rest, self.unwrap_many(fulls, replies))
        try:
            began = _now()
            replies, *lives = yield [Spread(_MGET, fulls, list), *map(life_of, copies)]
            if isinstance(replies, Exception):
                self._refused(replies)
                replies, lives = (yield MGET(fulls)), [None] * len(copies)
            got = self.unwrap_many(fulls, replies)
            found = {fulls[at]: (got[at], replies[at]) for at in places}
            for (full, copy), life in zip(copies.items(), lives, strict=True):
                value, data = found[full]
                until = until_of(life, began, self._ttl)
                if until is not None and value is not MISSING:
                    self._keep(full, copy, value, data, until)
        finally:
            if NEVER in [copy.until for copy in copies.values()]:
                self._store.abandon(copies)
        return _with(values, rest, got)

    def _got_many(
        self, operation: Operation[Any], copies: dict[str, Copy], keys: dict[str, Any]
    ) -> Operation[dict[Any, Any]]:
        """``get_many``, of which other clients have a part. ``keys`` are the callers', by those
        that are stored."""
        if not copies:
            return dict((yield from watched(operation)))
        fetch = Fetch(copies, self._ttl, self._refused)
        try:
            values = yield from watched(operation, fetch)
            found = [(full, values.get(keys[full], MISSING)) for full in copies]
            self._keep_of(fetch, found)
        finally:
            self._store.abandon(copies)
        return dict(values)

    def _copied_of(
        self, keys: list[Any], version: Any, plain: bool
    ) -> tuple[dict[Any, Any], list[Any]]:
        """The values of those of ``keys`` that have a copy, and the rest of them. ``plain``: the
        caller's own name is all that has to be looked up, of each of them."""
        if plain:
            names = self._names
            # Of most calls each key has a copy, or none has.
            if len(keys) > 1 and keys[0] in names and keys[-1] in names:
                values = self._all_given(keys)
                if values is not None:
                    return values, []
            copies = list(map(names.get, keys))
        else:
            copies = list(map(self._copies.get, self.naming.make_many(keys, version)))
        if not any(copies):
            return {}, keys
        now = _now()
        values = {
            key: found.value
            for key, found in zip(keys, copies, strict=True)
            if found is not None and now < found.given and now < found.session.lease
        }
        if len(values) == len(keys):
            for found in copies:
                found.hits += 1  # type: ignore[union-attr]
            return values, []
        rest = []
        for key, found in self.codec.counted(zip(keys, copies, strict=True)):
            if key not in values:
                value = MISSING
                if found is not None and now < found.until and now < found.session.lease:
                    value = found.value  # which another thread has just kept
                    if value is MISSING:
                        value = self._made(found, self.naming.make(key, version))
                if value is MISSING:
                    rest.append(key)
                    continue
                values[key] = value
            if found is not None:
                found.hits += 1
        return values, rest

    def _all_given(self, keys: list[str]) -> dict[Any, Any] | None:
        """The values of names that are all kept and for all readers, or None. Three looks at each
        copy, of which none is a call; so it is asked of sessions and not of copies which are heard,
        and in this order: see ``Store.sessions``."""
        store = self._store
        try:
            copies = itemgetter(*keys)(self._names)
        except KeyError:
            return None
        now = _now()
        for session in store.sessions:
            if now >= session.lease:
                if session.lease == NEVER:  # and nobody is there any more who would drop it
                    store.drop(session)
                return None
        values = [found.value for found in copies if now < found.given]
        if len(values) < len(copies):
            return None
        for found in copies:
            found.hits += 1
        return dict(zip(keys, values, strict=True))

    def _known(self, key: Any, version: Any = None, **more: Any) -> Any:
        """True, as ``has_key`` says of what has a copy, or MISSING."""
        if more:
            return MISSING
        full = self.naming.make(key, version)
        found, now = self._copies.get(full), _now()
        if (
            found is not None
            and now < found.until
            and now < found.session.lease
            and (self._plain or self.unwrap(full, found.data) is not MISSING)
        ):
            found.hits += 1
            return True
        return MISSING

    def has_key(self, key: Any, version: Any = None, **more: Any) -> Operation[bool]:
        if self._known(key, version, **more) is True:
            return True
        return bool((yield from watched(super().has_key(key, version, **more))))

    # What is kept of them

    def _wanted(self, full: str, name: str | None) -> Copy | None:
        """The copy to be of a key that is read, where its value is to be kept."""
        if not self._reads:
            return None
        only = self._only
        if only is None or only.session is None:
            self._listen((full,))
        store = self._store
        if not store.wanted(name or store.name(full) or full):
            return None
        session = self._session(full) if only is None else only.current()
        # Of other keys, which a CacheKey may be, the server does not tell.
        if session is None or (name is None and not full.startswith(self._prefix)):
            return None
        return store.begin(full, session, name)

    def _wanted_of(self, names: Sequence[str] | None, fulls: Sequence[str]) -> list[int]:
        """The places of those of ``fulls`` whose values are to be kept. ``names``: what follows the
        head in each, where that is known."""
        if not self._reads:
            return []
        only, store = self._only, self._store
        if only is None or only.session is None:
            self._listen(fulls)
        if names is None:
            names = [store.name(full) or full for full in fulls]
        return store.wanted_of(names)

    def _listen(self, fulls: Sequence[str]) -> None:
        """Has the servers tell of writes from the first read on, of which nothing is kept yet."""
        if self._only is not None:
            self._only.current()
        elif not self._all_heard:
            for full in fulls:
                self._session(full)

    def _keep_of(self, fetch: Fetch, values: Iterable[tuple[str, Any]]) -> None:
        """Keeps what ``fetch`` has found, of which callers see these ``values``."""
        for full, value in values:
            if value is not MISSING and full in fetch.found:
                self._keep(full, fetch.copies[full], value, *fetch.found[full])

    def _keep(self, full: str, copy: Copy, value: Any, data: bytes, until: float) -> None:
        if self._asks and not self.copyable(full, data):
            return
        if value.__class__ in UNCHANGEABLE and self._plain:
            self._store.keep(full, copy, value, b"", getsizeof(value), until)
        else:
            self._store.keep(full, copy, MISSING, data, len(data), until)


def _with(values: dict[Any, Any], keys: Iterable[Any], more: Iterable[Any]) -> dict[Any, Any]:
    """``values`` and those of ``keys`` that there are."""
    there = {key: value for key, value in zip(keys, more, strict=True) if value is not MISSING}
    return {**values, **there} if values else there


def _is_core(method: Any, function: Any) -> bool:
    return getattr(method, "__func__", None) is function
