"""The caches that a command works on, and how their errors may be shown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

from django.core.cache import caches
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError

from .._engine.assembly import Engine, engine_for
from .._engine.built import view
from .._options.redaction import explained, secrets_in
from .._settings import backend_of, our_entries
from ..commands import Operation
from ..commands.running import run
from ..exceptions import ConnectionInterrupted, RedisCacheError
from ..interfaces import BuiltCache, Client

T = TypeVar("T")


class Interrupted(CommandError):
    """Ctrl-C, with the words that say how to go on. Its exit code is the shell's for SIGINT."""

    def __init__(self, words: str) -> None:
        super().__init__(words, returncode=130)


class Misunderstood(CommandError):
    """A command line that cannot be meant. Its exit code is argparse's."""

    def __init__(self, words: str) -> None:
        super().__init__(words, returncode=2)


class Target:
    """One cache of the CACHES setting."""

    def __init__(self, alias: str, location: Any, params: dict[str, Any]) -> None:
        self.alias = alias
        self._entry = location, params
        self._engine: Engine | None = None

    @property
    def engine(self) -> Engine:
        """The cache, put together. Raises ImproperlyConfigured."""
        if self._engine is None:
            self._engine = self._found()
        return self._engine

    def _found(self) -> Engine:
        if not backend_of(self.alias)._makes_keys():
            return engine_for(*self._entry)
        # Its keys are those of a backend object.
        cache: Any = caches[self.alias]
        return cache._for_operators()  # type: ignore[no-any-return]

    @property
    def client(self) -> Client:
        return self.engine.client

    @property
    def view(self) -> BuiltCache:
        """The cache as hooks are handed it."""
        return view(self.engine)

    def run(self, operation: Operation[T]) -> T:
        """Runs an operation on the cache's own connections; server trouble is raised whatever
        IGNORE_EXCEPTIONS says."""
        return run(operation, self.engine.driver.execute)

    def explain(self, error: BaseException) -> str:
        """``error`` in words without the cache's passwords."""
        secrets: set[str] = set()
        if self._engine is not None:
            options = self._engine.options
            connection = options.connection
            for given in (
                {"password": connection.password},
                connection.pool_kwargs,
                connection.client_kwargs,
                *(use.options for use in options.plugins()),
                *(node.config.kwargs for node in known_nodes(self._engine)),
            ):
                secrets.update(secrets_in(given))
        return explained(error, secrets)[0] or type(error).__name__


def known_nodes(engine: Engine) -> tuple[Any, ...]:
    """The servers of a cache as far as they are known without asking."""
    try:
        return tuple(engine.topology.nodes())
    except RedisCacheError:  # a topology that has not found its servers yet
        return ()


def targets(aliases: list[str] | None) -> list[Target]:
    """The caches of ``aliases``, or all of this package; Misunderstood for one that is not."""
    ours = {alias: Target(alias, location, params) for alias, location, params in our_entries()}
    if not ours:
        raise CommandError(
            "CACHES has no cache of this package: an entry whose BACKEND is "
            "'django_redis_core.cache.RedisCache'."
        )
    for alias in aliases or ():
        if alias not in ours:
            raise Misunderstood(
                f"{alias!r} is no cache of this package in CACHES; there is {', '.join(ours)}."
            )
    return [ours[alias] for alias in dict.fromkeys(aliases or ours)]


def one_target(alias: str) -> Target:
    """The cache ``alias``, put together; CommandError where its settings are refused."""
    [target] = targets([alias])
    try:
        target.engine  # noqa: B018  # its settings are read here
    except ImproperlyConfigured as error:
        raise CommandError(str(error)) from error
    return target


def in_words(target: Target, error: BaseException) -> str:
    """The trouble of a cache, as the error of a command."""
    of_servers = isinstance(error, ConnectionInterrupted)
    return (f"The cache {target.alias!r}: " if of_servers else "") + target.explain(error)


def plugin_names(engine: Engine) -> Iterator[tuple[str, str]]:
    """(kind, names) of the plugins of a cache."""
    options = engine.options
    for kind, uses in (
        ("client", options.clients),
        ("serializer", options.serializers),
        ("compressor", options.compressors),
        ("sealer", (options.sealer,)),
        ("connection factory", (options.connection_factory,)),
        *([("observer", options.observers)] if options.observers else []),
    ):
        yield kind, ", ".join(use.plugin.name for use in uses)
