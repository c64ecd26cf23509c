"""``cache.client``: what site code calls that was written for django-redis.

Its methods run and return values. The client of the engine, whose operations are generators, is
what plugins and this package have; no call of a site's gets one of those.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import wraps
from inspect import isgenerator, isgeneratorfunction
from types import MethodType
from typing import TYPE_CHECKING, Any, Final

from .._codec.codec import MISSING, Codec
from .._codec.keys import CacheKey
from ..interfaces import OPERATIONS, Client
from .absent import OF_CLIENTS, no_attribute
from .contract import Contract
from .methods import Method, Methods

if TYPE_CHECKING:
    import redis

    from .._engine.driver import Driver

#: What every client object has beside its class, which is for operations and nobody else.
_FOR_OPERATIONS: Final = frozenset(
    "alias at_once clear_by_prefix codec decode default_timeout delete_unreadable encode "
    "milliseconds naming not_around scan_itersize sets_of unwrap unwrap_many".split()
)


class CacheClient:
    """The operations of a cache as blocking methods, with what django-redis' clients have beside.

    ``cache.client.set("key", 1)`` is ``cache.set("key", 1)``, except that a subclass of the backend
    that overrides ``set`` is passed by, as a backend's client is below the backend. Public methods
    that a client plugin has beside its operations are here too: ``cache.client.near_info()``.
    """

    _cache: Any  # a backend, with all operations

    def __init__(self, cache: Contract) -> None:
        self._cache = cache

    # The operations are the backend's functions, which call these two.
    @property
    def _driver(self) -> Driver:
        return self._cache._native  # type: ignore[no-any-return]

    def _on(self, kwargs: dict[str, Any]) -> Driver:
        return self._cache._native_on(kwargs.pop("client", None))  # type: ignore[no-any-return]

    def __contains__(self, key: Any) -> bool:
        return bool(self._driver.call("has_key", (key,), {}))

    def get_client(self, write: bool = True, tried: Any = None) -> redis.Redis:
        """A redis-py client for the primary, or with ``write`` False for a server of reads."""
        return self._cache.raw_client(write=write)  # type: ignore[no-any-return]

    def make_key(self, key: Any, version: Any = None, prefix: str | None = None) -> CacheKey:
        """The key as stored. It is not prefixed again where a key is taken."""
        return CacheKey(self._cache._keys.make(key, version, prefix))

    def make_pattern(self, pattern: str, version: Any = None, prefix: str | None = None) -> str:
        """A MATCH pattern for stored keys."""
        if isinstance(pattern, CacheKey):
            return pattern
        return CacheKey(self._cache._keys.pattern(pattern, version, prefix))

    def reverse_key(self, key: str) -> str:
        """The name that callers gave to a stored key."""
        return str(self._cache._keys.name(key))

    def encode(self, value: Any, *, key: Any = None) -> bytes:
        """What is stored for ``value``: serialized and compressed, and with a sealer sealed.

        A sealer binds a value to ``key``, as stored (``make_key``), which is then to be given:
        ValueError without it. Raises ``SerializationError``.
        """
        return self._codec.encode(self._full(key), value)

    def decode(self, data: Any, *, key: Any = None) -> Any:
        """The value of stored ``data``. ``key`` as in ``encode``. Raises whatever its serializer,
        compressor or sealer does."""
        codec = self._codec.with_serializers(self._codec.serializers, _raise)
        full = self._full(key)
        value = codec.decode(full, data if isinstance(data, bytes) else str(data).encode())
        if value is MISSING:
            raise ValueError(f"{data!r} is no value of this cache.")
        return value

    @property
    def _codec(self) -> Codec:
        return self._cache._engine.codec  # type: ignore[no-any-return]

    def _full(self, key: Any) -> str:
        sealer = self._codec.sealer
        if sealer is not None and key is None:
            raise ValueError(
                f"The sealer {sealer.name!r} binds each value to its key, so the key is needed: "
                "encode(value, key=cache.client.make_key(…)), and decode alike."
            )
        return "" if key is None else str(key)

    def close(self) -> None:
        """Does nothing: connections are the cache's, for all of its objects."""

    def __getattr__(self, name: str) -> Any:
        """Operations and public methods of this cache's client plugins."""
        cache: Any = vars(self).get("_cache")
        if cache is None:
            raise AttributeError(name, name=name, obj=self)
        method = cache._added().get(name)
        if method is not None and name in cache._engine.operations:
            return MethodType(method, self)
        if self._is_plugins(name):
            return self._of_plugin(name)
        instead: Mapping[str, str] = OF_CLIENTS
        if name.startswith("a") and name[1:] in cache._engine.operations:
            instead = {name: f"await cache.{name}(…); the methods of cache.client wait"}
        raise no_attribute(self, name, instead, "cache.client", dir(self))

    def __dir__(self) -> list[str]:
        added = [name for name in self._cache._added() if name in self._cache._engine.operations]
        client = self._cache._engine.client
        plugins = [
            name
            for name in {*dir(type(client)), *vars(client)}
            if self._is_plugins(name) and not isgeneratorfunction(getattr(type(client), name, None))
        ]
        return sorted({*super().__dir__(), *added, *plugins})

    def _is_plugins(self, name: str) -> bool:
        """Whether plugins of this cache have this name, and neither every client has it, nor is it
        an operation."""
        client = self._cache._engine.client
        return (
            not name.startswith("_")
            and not hasattr(Client, name)
            and name not in _FOR_OPERATIONS
            and (hasattr(type(client), name) or name in vars(client))
        )

    def _of_plugin(self, name: str) -> Any:
        client = self._cache._engine.client
        member = getattr(client, name)
        if isgeneratorfunction(member):
            raise AttributeError(
                f"{name}() of the client {client.name!r} is a step of operations, which cannot be "
                "called by itself: declare it with @operation.",
                name=name,
                obj=self,
            )
        if not callable(member):
            return member

        @wraps(member)
        def method(*args: Any, **kwargs: Any) -> Any:
            return _no_generator(name, client, self._cache._asked(member, *args, **kwargs))

        return method


def _no_generator(name: str, client: Client, result: Any) -> Any:
    if isgenerator(result):
        result.close()
        raise TypeError(
            f"{name}() of the client {client.name!r} returned a generator, so it is a step of "
            "operations: declare it with @operation."
        )
    return result


def _raise(key: str, data: bytes, error: Exception) -> None:
    raise error


for _name in OPERATIONS:
    _method: Method = vars(Methods)[_name]
    setattr(CacheClient, _name, _method)
