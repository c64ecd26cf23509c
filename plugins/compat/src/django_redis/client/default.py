"""The blocking interface of a client: each operation is a method that waits for its result."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping
from random import choice
from typing import Any, ClassVar, Self, TypeVar

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from django_redis_core.cache import RedisCache
from django_redis_core.commands import GET, SET
from django_redis_core.commands.running import run, stream
from django_redis_core.connections.foreign import ForeignExecutor
from django_redis_core.interfaces import DEFAULT_TIMEOUT, OPERATIONS

from .._link import Link, blocking_client, link_of, plain_codec
from ..compressors.identity import IdentityCompressor
from ..exceptions import CompressorError, ConnectionInterrupted
from ..pool import (
    ConnectionFactoryProtocol,
    ConnectionPoolType,
    RedisParserType,
    RedisType,
    get_connection_factory,
)
from ..util import CacheKey, default_reverse_key
from ._absent import Absent
from ._methods import blocking
from .mixins import SortedSetMixin

__all__ = [
    "DEFAULT_TIMEOUT",
    "CacheKey",
    "CompressorError",
    "CompressorType",
    "ConnectionFactoryProtocol",
    "ConnectionInterrupted",
    "ConnectionPoolType",
    "DefaultClient",
    "RedisParserType",
    "RedisType",
    "SerializerType",
    "SortedSetMixin",
    "get_connection_factory",
    "glob_escape",
    "special_re",
]

CompressorType = TypeVar("CompressorType")
SerializerType = TypeVar("SerializerType")

#: What django-redis takes for trouble with a server. Our ``ConnectionInterrupted`` is of the first
#: or the second of these classes, or a refusal of the server's, which is of the third.
_main_exceptions = (RedisConnectionError, RedisTimeoutError, ResponseError, TimeoutError)

special_re = re.compile("([*?[])")


def glob_escape(s: str) -> str:
    """``s`` as a part of a pattern that stands for itself."""
    return special_re.sub(r"[\1]", s)


class DefaultClient(SortedSetMixin):
    """Every operation of the cache, as a blocking method that also takes ``client``: a redis-py
    client or pipeline to run on.

    A subclass may override operations, ``make_key``, ``make_pattern``, ``encode``, ``decode`` and
    ``get_client``, and is named by its dotted path in ``CLIENT_CLASS`` or ``CLIENT``. What it
    overrides then holds for the cache: in blocking code as it is; on asyncio (``aget`` and so on)
    in a thread; in a pipeline of the cache with round trips of its own, after the commands of the
    others. A ``client`` of ``redis.asyncio`` cannot be handed to such a method: TypeError.

    ``option_names`` are keys of OPTIONS that the subclass reads itself, because unknown ones are
    refused.
    """

    #: The plugin that does the work.
    plugin: ClassVar[str] = "default"
    option_names: ClassVar[tuple[str, ...]] = ()

    _link: Link

    _clients = Absent("client.get_client(), or client.connect(index)")

    def __class_getitem__(cls, item: Any) -> type[Self]:
        """For annotations: django-redis' class is generic in what it is made of."""
        return cls

    def __init__(self, server: Any, params: Mapping[str, Any], backend: Any) -> None:
        if not hasattr(self, "_link"):  # made by hand, for a backend object
            self._link = blocking_client(backend)._link
        self._server = server.split(",") if isinstance(server, str) else server
        self._params = params
        self._options = params.get("OPTIONS") or {}
        self._backend = backend
        self._codec = plain_codec(self._link.codec)
        self._serializer = self._codec.serializers[0]
        packs = self._codec.compressors[:1] if self._codec.compress else ()
        self._compressor: Any = packs[0] if packs else IdentityCompressor(self._options)
        self._replica_read_only = self._options.get("REPLICA_READ_ONLY", True)
        self.reverse_key: Callable[[str], str] = self._link.naming.reverse or default_reverse_key

    @classmethod
    def on(cls, link: Link, server: list[str], options: dict[str, Any]) -> Self:
        """The client of a cache that django-redis-core has put together."""
        self = cls.__new__(cls)
        self._link = link
        self.__init__(server, link.params(options), link.backend())  # type: ignore[misc]
        return self

    def of(self, cache: RedisCache) -> Self:
        """The same for one backend object, whose class makes keys and times itself."""
        own = copy.copy(self)
        own._link = link_of(cache, self._link)
        return own

    @classmethod
    def as_plugin(cls, kind: str) -> type[Any]:
        """The client plugin in which what this class overrides takes the operations' places."""
        from .._client_plugin import client_plugin

        own: Any = cls  # mypy finds no class hashable
        return client_plugin(own) if kind == "client" else cls

    def _run(self, name: str, client: Any, args: Any, kwargs: Mapping[str, Any]) -> Any:
        operation = self._link.operation(name)(*args, **kwargs)
        execute = self._link.execute if client is None else ForeignExecutor(client)
        if OPERATIONS[name].stream:
            return stream(operation, execute)
        return run(operation, execute)

    def __contains__(self, key: Any) -> bool:
        has_key: Callable[[Any], bool] = getattr(self, "has_key")  # noqa: B009  # set below
        return has_key(key)

    def get_client(self, write: bool = True, tried: Any = None) -> Any:
        """A redis-py client for the primary, or with ``write`` False for a server of reads."""
        command = SET("", b"") if write else GET("")
        topology = self._link.topology
        return (topology.single or topology.route(command)).client()

    def get_next_client_index(self, write: bool = True, tried: list[int] | None = None) -> int:
        """The place in LOCATION of a server: the first one for writes, by chance another for reads;
        one that is not among those that were ``tried``, if there is one."""
        places = range(len(self._server))
        if tried and len(tried) < len(places):
            return choice([place for place in places if place not in tried])
        return 0 if write or len(places) == 1 else choice(places[1:])

    def get_client_with_index(
        self, write: bool = True, tried: list[int] | None = None
    ) -> tuple[Any, int]:
        """A redis-py client, and the place of its server in LOCATION."""
        index = self.get_next_client_index(write=write, tried=tried)
        return self.connect(index), index

    def connect(self, index: int = 0) -> Any:
        """A redis-py client for the server at this place in LOCATION."""
        return self._link.topology.nodes()[index].client()

    def disconnect(self, index: int = 0, client: Any = None) -> None:
        """Closes the connections of redis-py clients for that server. The cache's own stay, for
        they are those of all its objects."""
        (self.connect(index) if client is None else client).connection_pool.disconnect()

    def do_close_clients(self) -> None:
        """``disconnect`` for all servers."""
        for index in range(len(self._link.topology.nodes())):
            self.disconnect(index)

    @property
    def connection_factory(self) -> Any:
        """What makes redis-py clients by the OPTIONS that this client was given."""
        return get_connection_factory(self._options)

    def _has_compression_enabled(self) -> bool:
        return not isinstance(self._compressor, IdentityCompressor)

    def _decode_iterable_result(self, result: Any, covert_to_set: bool = True) -> Any:
        if not isinstance(result, list):
            return None if result is None else self.decode(result)
        return (set if covert_to_set else list)(map(self.decode, result))

    def _incr(
        self,
        key: Any,
        delta: int = 1,
        version: Any = None,
        client: Any = None,
        ignore_key_check: bool = False,
    ) -> Any:
        more = {"client": client, "ignore_key_check": ignore_key_check}
        return getattr(DefaultClient, "incr")(self, key, delta, version, **more)  # noqa: B009

    def make_key(self, key: Any, version: Any = None, prefix: str | None = None) -> CacheKey:
        """The key as stored. A ``CacheKey`` is one already."""
        if isinstance(key, CacheKey):
            return key
        return CacheKey(self._link.naming.make(key, version, prefix))

    def make_pattern(self, pattern: str, version: Any = None, prefix: str | None = None) -> str:
        """A MATCH pattern for stored keys. A ``CacheKey`` is one already."""
        if isinstance(pattern, CacheKey):
            return pattern
        return CacheKey(self._link.naming.pattern(pattern, version, prefix))

    def encode(self, value: Any, *, allow_int: bool = True) -> Any:
        """What is stored for ``value``: an int as it is, else serialized and compressed bytes.
        ``allow_int`` False serializes ints too, as members of sorted sets are."""
        if not allow_int:
            return self._codec.encode_scored("", value)
        return value if type(value) is int else self._codec.encode("", value)

    def decode(self, value: Any) -> Any:
        """The value that is stored as ``value``; raises what its serializer or compressor does."""
        data = value if isinstance(value, bytes) else str(value).encode()
        return self._codec.decode("", data)

    def close(self) -> None:
        """Does nothing: connections are the cache's."""


for _name in OPERATIONS:
    if not hasattr(SortedSetMixin, _name):
        setattr(DefaultClient, _name, blocking(_name))
