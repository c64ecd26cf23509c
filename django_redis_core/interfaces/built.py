"""A cache of this process as hooks get to know it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from ..commands import Operation
from ..commands.running import run
from .plugin import Plugin

if TYPE_CHECKING:
    from ..connections.topology import Topology
    from .client import Client

    class _Driver(Protocol):
        @property
        def begin(self) -> Any: ...
        @property
        def execute(self) -> Callable[[Any], Any]: ...

    class Built(Protocol):
        """What there is of a cache once a process, and lives as long as somebody uses the cache."""

        @property
        def options(self) -> CacheOptions: ...
        @property
        def client(self) -> Client: ...
        @property
        def topology(self) -> Topology: ...
        @property
        def parts(self) -> tuple[Plugin, ...]: ...
        @property
        def driver(self) -> _Driver: ...


T = TypeVar("T")


class CacheOptions(Protocol):
    """What settings say of a cache, defaults included. There is more to read there, of which
    nothing is promised.

    ``timeout`` is in seconds, None for entries that never expire. ``locations`` may hold passwords:
    no message quotes them.
    """

    @property
    def alias(self) -> str: ...
    @property
    def locations(self) -> tuple[str, ...]: ...
    @property
    def key_prefix(self) -> str: ...
    @property
    def version(self) -> Any: ...
    @property
    def timeout(self) -> float | None: ...
    @property
    def ignore_exceptions(self) -> bool: ...


class BuiltCache:
    """A cache that was built from settings, for hooks to look at and to ask.

    There is one for all threads and event loops of a process. It keeps nothing alive: when the
    cache is forgotten, because a test has changed settings, ``alive`` is False and everything else
    raises ReferenceError.
    """

    __slots__ = ("__weakref__", "_find", "alias")

    def __init__(self, alias: str, find: Callable[[], Built | None]) -> None:
        #: The name in ``CACHES``; "?" for a backend object that a program has made by itself.
        self.alias = alias
        self._find = find

    def __repr__(self) -> str:
        return f"<BuiltCache {self.alias!r}{'' if self.alive else ', forgotten'}>"

    @property
    def alive(self) -> bool:
        """Whether it is still one of this process."""
        return self._find() is not None

    @property
    def options(self) -> CacheOptions:
        """What settings say of it."""
        return self._engine().options

    @property
    def client(self) -> Client:
        """The object that knows what an operation means. Clients that were put together are one
        object, an instance of each."""
        return self._engine().client

    @property
    def topology(self) -> Topology:
        """Its servers."""
        return self._engine().topology

    @property
    def parts(self) -> tuple[Plugin, ...]:
        """The objects that it is made of: client, serializers, compressors, sealer, connection
        factory."""
        return self._engine().parts

    def part(self, plugin: type[T]) -> T:
        """The part that is an instance of ``plugin``: a plugin's own object, with the options that
        settings gave it. Raises LookupError where there is none."""
        for part in self.parts:
            if isinstance(part, plugin):
                return part
        raise LookupError(f"CACHES[{self.alias!r}] has no part that is a {plugin.__name__}.")

    def call(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """The answer of an operation of the cache: ``cache.call("get", "key")``. Not of those that
        iterate. It waits, so it is for commands and not for ``cache_built``. Raises
        ``ConnectionInterrupted`` for trouble with servers, whatever IGNORE_EXCEPTIONS says."""
        return self.run(getattr(self._engine().driver.begin, name)(*args, **kwargs))

    def run(self, operation: Operation[T]) -> T:
        """The same of a generator of one's own, which yields commands as operations do."""
        return run(operation, self._engine().driver.execute)

    def _engine(self) -> Built:
        engine = self._find()
        if engine is None:
            raise ReferenceError(f"The cache {self.alias!r} that was built here is forgotten.")
        return engine
