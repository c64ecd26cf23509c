"""The blocking interface of a client: each operation is a method that waits for its result."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Self

from django_redis_core.codec import Codec
from django_redis_core.commands import GET, SET
from django_redis_core.connections.foreign import ForeignExecutor
from django_redis_core.drivers import run, stream
from django_redis_core.exceptions import ConnectionInterrupted
from django_redis_core.interfaces import DEFAULT_TIMEOUT
from django_redis_core.operations.declare import OPERATIONS
from django_redis_core.requests import RawClient

from .._link import Link, blocking_client
from ..util import CacheKey, default_reverse_key

__all__ = ["DefaultClient"]

#: Positional arguments where django-redis has them in another order than django-redis-core, which
#: takes ``client`` last, or by another name.
_POSITIONS = {
    "set": "key value timeout version client nx xx",
    "incr": "key delta version client ignore_key_check",
    "decr": "key delta version client ignore_key_check",
    "delete_pattern": "pattern version prefix client itersize",
    "iter_keys": "search itersize client version",
    "keys": "search version client itersize",
    "lock": "key version timeout sleep blocking blocking_timeout client thread_local",
    "clear": "client",
}
_RENAMED = {"search": "pattern"}


def _positions(name: str) -> list[str] | None:
    """The names of positional arguments; None where there may be any number of them."""
    if name in _POSITIONS:
        return _POSITIONS[name].split()
    parameters = list(OPERATIONS[name].signature.parameters.values())[1:]
    if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters):
        return None
    of_place = [
        parameter.name
        for parameter in parameters
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD
    ]
    return [*of_place, "client"]


def _blocking(name: str) -> Callable[..., Any]:
    positions = _positions(name)

    def method(self: DefaultClient, *args: Any, **kwargs: Any) -> Any:
        if positions is not None:
            if len(args) > len(positions):
                raise TypeError(f"{name}() takes at most {len(positions)} arguments.")
            for parameter, value in zip(positions, args, strict=False):
                if parameter in kwargs:
                    raise TypeError(f"{name}() got two values for {parameter!r}.")
                kwargs[parameter] = value
            args = ()
        client = kwargs.pop("client", None)
        renamed = {_RENAMED.get(parameter, parameter): value for parameter, value in kwargs.items()}
        return self._run(name, client, args, renamed)

    method.__name__ = name
    method.__qualname__ = f"DefaultClient.{name}"
    method.__doc__ = getattr(Codec, name, None) and None
    method.of_core = True  # type: ignore[attr-defined]  # so a subclass' own is told from it
    return method


class DefaultClient:
    """Every operation of the cache, as a blocking method that also takes ``client``: a redis-py
    client or pipeline to run on.

    A subclass may override operations, ``make_key``, ``make_pattern``, ``encode``, ``decode`` and
    ``get_client``, and is named by its dotted path in ``CLIENT_CLASS`` or ``CLIENT``. What it
    overrides then holds for the cache: in blocking code as it is; in asyncio (``aget`` and so on)
    in a thread; in a pipeline of the cache with round trips of its own.

    ``option_names`` are keys of OPTIONS that the subclass reads itself: any other unknown key is
    refused.
    """

    #: The plugin that does the work.
    plugin: ClassVar[str] = "default"
    option_names: ClassVar[tuple[str, ...]] = ()

    _link: Link

    def __init__(self, server: Any, params: Mapping[str, Any], backend: Any) -> None:
        if not hasattr(self, "_link"):  # made by hand, for a backend
            self._link = blocking_client(backend)._link
        self._server = server.split(",") if isinstance(server, str) else server
        self._params = params
        self._options = params.get("OPTIONS", {})
        self._backend = backend
        reverse = self._link.naming.reverse
        self.reverse_key: Callable[[str], str] = reverse or default_reverse_key

    @classmethod
    def on(cls, link: Link, server: list[str], options: dict[str, Any]) -> Self:
        """A client of a cache that django-redis-core has put together."""
        self = cls.__new__(cls)
        self._link = link
        self.__init__(server, link.params(options), link.backend())  # type: ignore[misc]
        return self

    @classmethod
    def as_plugin(cls, kind: str) -> type[Any]:
        """The client plugin whose operations are those that this class overrides."""
        from .._client_plugin import client_plugin

        return client_plugin(cls) if kind == "client" else cls

    def _run(self, name: str, client: Any, args: Any, kwargs: Mapping[str, Any]) -> Any:
        operation = self._link.operation(name)(*args, **kwargs)
        execute = self._execute if client is None else ForeignExecutor(client)
        if OPERATIONS[name].stream:
            return stream(operation, execute)
        return run(operation, execute)

    def _execute(self, request: Any) -> Any:
        return self._link.execute(request)

    def __contains__(self, key: Any) -> bool:
        return bool(self.has_key(key))

    def __getattr__(self, name: str) -> Any:
        # The operations are set below; this is for readers of types, and names the class.
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def get_client(self, write: bool = True, tried: Any = None) -> Any:
        """A redis-py client for the primary, or with ``write`` False for a server of reads."""
        command = SET("", b"") if write else GET("")
        topology = self._link.topology
        return (topology.single or topology.route(command)).client()

    def make_key(self, key: Any, version: Any = None, prefix: str | None = None) -> CacheKey:
        """The key as stored. A ``CacheKey`` is one already."""
        if isinstance(key, CacheKey):
            return key
        return CacheKey(Link_naming(self).make(key, version, prefix))

    def make_pattern(self, pattern: str, version: Any = None, prefix: str | None = None) -> str:
        """A pattern for stored keys."""
        return CacheKey(Link_naming(self).pattern(pattern, version, prefix))
