"""Puts a cache together: options → plugins → codec, client, servers and driver.

Django makes a backend object for every thread, and for every request under ASGI, so everything
here is built once a process and configuration, and backends share it.
"""

from __future__ import annotations

import copy
import functools
import logging
import weakref
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from asgiref.local import Local
from django.core.cache import caches
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed

from .. import signals
from .._codec.bounds import Bound
from .._codec.codec import Codec, is_lock_token
from .._codec.keys import Keys
from .._operations.declare import Fallback, declared
from .._settings import CacheOptions, find_alias, load_listed, parse
from ..commands import command as commands
from ..connections.config import frozen
from ..connections.counterparts import is_own_async_client, is_own_client
from ..connections.delivery import AsyncioExecutor, BlockingExecutor, Plan
from ..connections.foreign import AsyncForeignExecutor, AsyncOwnExecutor, ForeignExecutor
from ..connections.node import Node
from ..connections.observed import (
    ObservedAsyncExecutor,
    ObservedAsyncForeignExecutor,
    ObservedAsyncOwnExecutor,
    ObservedExecutor,
    ObservedForeignExecutor,
)
from ..connections.recent import Recent
from ..connections.topology import Clients, Topology
from ..exceptions import PluginLoadError, RedisCacheError
from ..interfaces import Client, Number, Sealer
from . import built
from .answers import answers_of
from .clients import client_of
from .driver import Driver
from .observed import ObservedDriver
from .observers import Observers, Watchers


class Engine:
    """One cache of this process, ready to work: what all its backend objects share."""

    def __init__(self, options: CacheOptions, keys: type[Keys] = Keys) -> None:
        self.options = options
        self.alias = options.alias
        self.logger = logging.getLogger(options.logger or __package__)
        sealer: Sealer = options.sealer.build()
        self.unreadable = Unreadable(options.alias, self.logger)
        self.codec = _codec(options, sealer, self.unreadable)
        self.naming = keys(
            options.key_prefix,
            options.version,
            options.key_function,
            options.reverse_key_function,
            options.key_pattern_function,
            options.alias,
        )
        self.client = client_of(options, self.naming, self.codec)
        self.operations = declared(type(self.client))
        self.answers = answers_of(options, self.operations)
        #: By the class of their keys; of its own kind the one that was first asked.
        self._siblings: dict[type[Keys], Engine] = {}
        #: By the identity of the answers, which it keeps.
        self._answering: dict[int, tuple[Engine, Mapping[str, Fallback]]] = {}
        #: The methods for those that the core does not have, kept here by the backend.
        self.added: Mapping[str, Callable[..., Any]] | None = None
        factory = options.connection_factory.build(options.connection)
        #: The plugins' own objects, for hooks.
        self.parts: tuple[Any, ...] = (
            self.client,
            *self.codec.serializers,
            *self.codec.compressors,
            sealer,
            factory,
        )
        self.topology = self.client.build_topology(options.locations, factory.topology)
        if not isinstance(self.topology, Topology):
            raise PluginLoadError(
                f"{options.connection_factory.where}: topology() of {factory.name!r} returned a "
                f"{type(self.topology).__name__}; it must return a Topology of "
                "django_redis_core.connections, such as SingleServer(self.node(url))."
            )
        partial = Partial(options.alias)
        seconds = options.connection.read_your_writes
        recent = None if seconds is None else Recent(seconds, options.locations)
        async_plan = Plan(self.topology, partial, recent)
        #: Who is told what the cache does; None where nobody is.
        self.observers: Observers | None = None
        if options.observers:
            self.observers = Observers(options, self.logger)
            self.parts += tuple(self.observers.all)
        watch = None if self.observers is None else self.observers.trips
        execute = blocking_executor(self.topology, partial, recent, watch)
        aexecute = asyncio_executor(self.topology, async_plan, self.alias, watch)
        self.driver = self._driver(execute, aexecute)
        #: For asyncio's operations that need no I/O, so that there is nothing to await.
        self.immediate_driver = self._driver(aexecute.immediately, aexecute, way="asyncio")
        if self.observers is not None:
            self.observers.attach(self.alias, _numbers_of(self))

    def _driver(
        self,
        execute: Callable[[Any], Any],
        aexecute: Callable[[Any], Any],
        client: Client | None = None,
        way: str = "blocking",
    ) -> Driver:
        options = self.options
        kind: Callable[..., Driver] = Driver
        if self.observers is not None and self.observers.calls:
            kind = functools.partial(ObservedDriver, observers=self.observers, way=way)
        return kind(
            self.alias,
            client or self.client,
            self.operations,
            execute,
            aexecute,
            answers=self.answers,
            logger=self.logger if options.log_ignored_exceptions else None,
            level=options.log_ignored_level,
        )

    def driver_on(self, client: Any) -> Driver:
        """A driver that sends everything to a redis-py client of the caller's."""
        operations = self.client.for_caller()
        watch = None if self.observers is None else self.observers.trips
        if watch:
            return self._driver(
                ObservedForeignExecutor(client, self.alias, watch),
                ObservedAsyncForeignExecutor(client, self.alias, watch),
                operations,
            )
        return self._driver(ForeignExecutor(client), AsyncForeignExecutor(client), operations)

    def numbers(self) -> list[Number]:
        """See ``RedisCache.numbers``."""
        try:
            nodes: Sequence[Node] = self.topology.nodes()
        except RedisCacheError:  # they have not been found out yet
            nodes = ()
        found = [
            Number(name, value, node.name)
            for node in nodes
            for name, value in node.numbers().items()
        ]
        found += [Number(name, value) for name, value in self.client.numbers().items()]
        return [*found, Number("values_unreadable", self.unreadable.count)]

    def changed(self, **options: Any) -> Engine:
        """The same cache under other options, for one backend object; connections stay shared."""
        if "key_function" in options:  # which is not the one that the pattern function is for
            options.setdefault("key_pattern_function", None)
        return Engine(replace(self.options, **options), type(self.naming))

    def named_by(self, keys: type[Keys]) -> Engine:
        """The same cache with keys made by another class; one for all that ask."""
        if type(self.naming) is keys:
            return self
        siblings = self._siblings
        found = siblings.get(keys)
        if found is None:
            siblings.setdefault(type(self.naming), self)
            made = Engine(self.options, keys)
            made._siblings = siblings
            found = siblings.setdefault(keys, made)
        return found

    def answering(self, instead: Mapping[str, Fallback]) -> Engine:
        """The same cache with ``instead`` as answers in trouble; one for all that ask."""
        known = self._answering
        if id(instead) not in known:
            self._siblings.setdefault(type(self.naming), self)  # and never the copy
            own = copy.copy(self)
            own.answers = answers_of(self.options, self.operations, instead)
            own.driver = copy.copy(self.driver)
            own.driver.answers = own.answers
            known.setdefault(id(instead), (own, instead))
        return known[id(instead)][0]

    def raw_clients(self, write: bool, key: Any) -> Clients:
        """redis-py clients for the server of writes, or for one that serves reads."""
        full = "" if key is None else self.naming.make(key)
        return self.topology.clients(commands.SET(full, b"") if write else commands.GET(full))

    def close_idle(self) -> None:
        """Closes connections that nobody uses."""
        for node in self.topology.nodes():
            node.links.close_idle()

    def forgotten(self) -> None:
        """Its settings have changed. It serves whoever holds it still, which may be for ever (see
        ``built.forget``), and so it keeps nothing open for them."""
        self.topology.close_idle()
        self.client.forgotten()


def blocking_executor(
    topology: Topology,
    partial: Partial,
    recent: Recent | None = None,
    watch: Watchers | None = None,
) -> Callable[[Any], Any]:
    """Who answers the requests of operations in blocking code."""
    single = topology.single
    if single is not None and is_own_client(single.config):
        try:
            client = single.client()
            if watch:
                return ObservedForeignExecutor(client, partial.alias, watch)
            return ForeignExecutor(client)
        except TypeError as error:
            raise ImproperlyConfigured(
                f"CACHES[{partial.alias!r}]: REDIS_CLIENT_CLASS must be a class that takes "
                f"connection_pool and REDIS_CLIENT_KWARGS: {error}"
            ) from error
    plan = Plan(topology, partial, recent)
    if watch:
        return ObservedExecutor(plan, partial.alias, watch)
    return BlockingExecutor(plan)


def _numbers_of(engine: Engine) -> Callable[[], list[Number]]:
    """Its numbers, for who may outlive it: what observers export must not keep a cache."""
    reference = weakref.ref(engine)

    def numbers() -> list[Number]:
        found = reference()
        return [] if found is None else found.numbers()

    return numbers


def asyncio_executor(
    topology: Topology, plan: Plan, alias: str, watch: Watchers | None = None
) -> AsyncioExecutor | AsyncOwnExecutor:
    """Who answers them on asyncio."""
    single = topology.single
    if single is not None and is_own_async_client(single.config):
        if watch:
            return ObservedAsyncOwnExecutor(single.async_client, alias, watch)
        return AsyncOwnExecutor(single.async_client)
    return ObservedAsyncExecutor(plan, alias, watch) if watch else AsyncioExecutor(plan)


def _codec(
    options: CacheOptions, sealer: Sealer, report: Callable[[str, bytes, Exception], None]
) -> Codec:
    compressors = [
        use.build(max_length=options.max_decompressed_size) for use in options.compressors
    ]
    total = options.max_decompressed_total or 4 * options.max_decompressed_size
    return Codec(
        [use.build() for use in options.serializers],
        [compressor for compressor in compressors if compressor.name != "identity"],
        None if sealer.name == "none" else sealer,
        compress=compressors[0].name != "identity",
        report=report,
        bound=Bound(max(options.max_decompressed_size, total), options.alias),
    )


class Unreadable:
    """Tells the site of values that cannot be read: each time by signal, in the log once for each
    sort of error."""

    def __init__(self, alias: str, logger: logging.Logger) -> None:
        self.alias = alias
        self.logger = logger
        self.count = 0
        self._logged: set[type[Exception]] = set()

    def __call__(self, key: str, data: bytes, error: Exception) -> None:
        if is_lock_token(data):
            return  # a lock that is held: nothing is broken
        self.count += 1
        if type(error) not in self._logged:
            self._logged.add(type(error))
            self.logger.warning(
                "A value of the cache %r cannot be read and counts as a miss (%s); further ones "
                "are not logged, but sent as the signal value_unreadable",
                self.alias,
                type(error).__name__,
            )
        signals.value_unreadable.send_robust(
            sender=self.alias, key=key, exception=error, size=len(data)
        )


class Partial:
    """Tells the site of an operation over several servers of which some failed."""

    def __init__(self, alias: str) -> None:
        self.alias = alias

    def __call__(self, keys: Sequence[Any], error: Exception) -> None:
        signals.partial_failure.send_robust(sender=self.alias, keys=keys, exception=error)


_engines: dict[Hashable, tuple[Engine, Any]] = {}

#: Global settings that caches are made from, beside those that begin with DJANGO_REDIS_.
_SETTINGS = {"CACHES", "CACHE_HERD_TIMEOUT", "SECRET_KEY", "SECRET_KEY_FALLBACKS"}


def engine_for(location: Any, params: Mapping[str, Any]) -> Engine:
    """The process' engine for an entry of CACHES."""
    identity = frozen({**params, "LOCATION": location})
    found = _engines.get(identity)
    if found is None:
        # Without a lock: this imports modules of the site's, which may use a cache themselves. Two
        # threads may build the same engine, and both go on with the one that is stored first.
        load_listed()
        options = parse(find_alias(location, params), location, params)
        made = Engine(options)
        # The entry is kept because its objects count by identity, which must stay theirs.
        found = _engines.setdefault(identity, (made, (location, params)))
        if found[0] is made:
            built.remember(made)
    return found[0]


def _forget(*, setting: str, **kwargs: Any) -> None:
    """A test has changed settings: what was built from the old ones is not theirs any more."""
    if setting in _SETTINGS or setting.startswith("DJANGO_REDIS_"):
        # Now and not when the collector finds them, which would end in ResourceWarnings.
        # One at a time: a thread of the test's (a live server) may build another one meanwhile, and
        # so may what a plugin does when it is told.
        for identity in list(_engines):
            engine, _ = _engines.pop(identity, (None, None))
            if engine is not None:
                engine.forgotten()
        built.forget()
        if setting != "CACHES":  # for which Django does this itself
            caches._connections = Local(caches.thread_critical)


setting_changed.connect(_forget)
