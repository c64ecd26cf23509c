"""From a site's blocking client class to a client plugin of django-redis-core.

An operation of the core is a generator that never waits, and a method of such a class waits. So the
plugin asks its driver to call the method (``requests.Call``), which blocking code does at once and
asyncio in a thread; and what the method calls on its base class runs on the blocking executor.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from inspect import isawaitable
from typing import TYPE_CHECKING, Any

from django_redis_core._codec.blame import speaks_of_a_value
from django_redis_core._codec.codec import MISSING, Codec, reads_as_int
from django_redis_core._codec.keys import CacheKey, Keys, Search, check
from django_redis_core._engine.assembly import Partial, blocking_executor
from django_redis_core._plugins.registry import registry
from django_redis_core.commands import Await, Call, Command, Emit, Operation, Reply
from django_redis_core.connections import Topology
from django_redis_core.connections.foreign import ForeignExecutor
from django_redis_core.exceptions import ConnectionInterrupted, SerializationError
from django_redis_core.interfaces import DEFAULT_TIMEOUT, OPERATIONS, Client
from django_redis_core.interfaces.client import ClientContext

from ._link import Link
from ._options import given, options_for, path_of
from .client._methods import theirs, widened

if TYPE_CHECKING:
    from .client.default import DefaultClient


@cache
def client_plugin(cls: Any) -> type[Client]:
    """The plugin for a class, the same one each time."""
    base = registry.plugin("client", cls.plugin, path_of(cls))
    names = set(OPERATIONS) if is_own(cls, "get_client") else overridden(cls)
    members: dict[str, Any] = {
        "name": path_of(cls),
        "blocking_class": cls,
        "options": (*base.options, *options_for(cls.option_names)),
        **{name: calling(name, cls) for name in names},
    }
    return type(cls.__name__, (Adapted, _between(names), base), members)


def is_own(cls: type[Any], name: str) -> bool:
    """Whether a method is the site's, and none of this package."""
    for base in cls.__mro__:
        if name in vars(base):
            return not base.__module__.startswith(f"{__package__}.")
    return False


def overridden(cls: type[Any]) -> set[str]:
    return {name for name in OPERATIONS if not hasattr(getattr(cls, name), "of_core")}


def calling(name: str, cls: Any) -> Callable[..., Operation[Any]]:
    """The operation that calls the method of the site's class, which may take more keywords."""
    is_stream = OPERATIONS[name].stream

    def operation(self: Any, *args: Any, **kwargs: Any) -> Operation[Any]:
        by_position, by_name = theirs(name, args, kwargs)

        def call(client: Any) -> Any:
            more = by_name if client is None else {**by_name, "client": client}
            result = getattr(self.blocking, name)(*by_position, **more)
            return list(result) if is_stream else result

        result = yield Call(call)
        if is_stream:
            yield Emit(result)
            return None
        return result

    operation.__signature__ = widened(name, getattr(cls, name))  # type: ignore[attr-defined]
    return operation


class Adapted:
    """The first base of every adapted plugin: makes the site's object and puts it in place."""

    blocking_class: type[DefaultClient]

    def __init__(self, context: ClientContext, **options: Any) -> None:
        self._given, known = given(options)
        self._context = context
        cls = self.blocking_class
        if is_own(cls, "make_key") or is_own(cls, "make_pattern"):
            context = replace(context, naming=OwnKeys(self, context.naming))
        if is_own(cls, "encode") or is_own(cls, "decode"):
            context = replace(context, codec=own_codec(self, context.codec))
        super().__init__(context, **known)  # type: ignore[call-arg]

    def build_topology(
        self, locations: Sequence[str], factory: Callable[[Sequence[str]], Topology]
    ) -> Topology:
        topology: Topology = super().build_topology(locations, factory)  # type: ignore[misc]
        context, cls = self._context, self.blocking_class
        link = Link(
            # What stands behind the operations that call the site's methods.
            operation=partial(getattr, super()),
            execute=blocking_executor(topology, Partial(context.alias)),
            topology=topology,
            naming=context.naming,
            codec=context.codec,
            default_timeout=context.default_timeout,
        )
        if is_own(cls, "get_client"):
            link = replace(link, execute=ByGetClient(self))
        self.blocking = cls.on(link, list(locations), self._given)
        return topology


def _between(names: Iterable[str]) -> type[Any]:
    """A base class for operations that go by way of others, as they do in django-redis."""
    found: dict[str, Any] = {}
    if "set" in names:
        found["set_many"] = _set_many
    if {"get", "set", "add"} & set(names):
        found["compute"] = _compute
    return type("Between", (), found)


def _set_many(
    self: Any, data: Mapping[Any, Any], timeout: Any = DEFAULT_TIMEOUT, version: Any = None
) -> Operation[list[Any]]:
    failed: dict[Any, ConnectionInterrupted] = {}
    for key, value in data.items():
        try:
            yield from self.set(key, value, timeout, version)
        except ConnectionInterrupted as trouble:
            failed[key] = trouble
    if failed and len(failed) == len(data):
        raise next(iter(failed.values()))
    return list(failed)


def _compute(self: Any, key: Any, default: Any, timeout: Any, version: Any) -> Operation[Any]:
    if callable(default):
        default = default()
        if isawaitable(default):
            default = yield Await(default)
    yield from self.add(key, default, timeout, version)
    stored = yield from self.get(key, MISSING, version)
    return default if stored is MISSING else stored


class OwnKeys(Keys):
    """Keys as the site's ``make_key`` and ``make_pattern`` make them."""

    def __init__(self, plugin: Any, keys: Keys) -> None:
        super().__init__(
            keys.prefix, keys.version, keys.function, keys.reverse, keys.patterns, keys.alias
        )
        self.plain = False
        self._plugin = plugin

    def make(self, key: Any, version: Any = None, prefix: str | None = None) -> str:
        if isinstance(key, CacheKey):
            return key
        more = {} if prefix is None else {"prefix": prefix}
        return check(str(self._plugin.blocking.make_key(key, version=version, **more)))

    def search(
        self, pattern: str, version: Any = None, prefix: str | None = None, *, names: bool = False
    ) -> Search:
        match = self.pattern(pattern, version, prefix)
        return Search(match, self._namer(version, prefix) if names else None)

    def everything(self, prefix: str | None = None) -> str:
        if self.patterns is None and is_own(self._plugin.blocking_class, "make_key"):
            raise self.refusal(
                "clear() of a KEY_PREFIX, recode and stats do not work",
                "set KEY_PATTERN_FUNCTION, a function of pattern, prefix and version that makes a "
                "pattern for what make_key() of CLIENT_CLASS makes",
            )
        return super().everything(prefix)

    def pattern(self, pattern: str, version: Any = None, prefix: str | None = None) -> str:
        more = {} if prefix is None else {"prefix": prefix}
        return str(self._plugin.blocking.make_pattern(pattern, version=version, **more))


def own_codec(plugin: Any, codec: Codec) -> Codec:
    """``codec`` with the site's ``encode`` and ``decode`` in front of its sealer."""
    sealer = codec.sealer

    def encode(key: str, value: Any, **more: Any) -> bytes:
        try:
            data = plugin.blocking.encode(value, **more)
            if type(data) is int:
                return b"%d" % data
            return bytes(data) if sealer is None else sealer.seal(key, data)
        except SerializationError:
            raise
        except codec.errors as error:
            if not speaks_of_a_value(error, codec.errors):
                raise
            raise SerializationError(
                f"The value for {key!r}, of type {type(value).__name__}, cannot be stored: {error}"
            ) from error

    def decode(key: str, data: bytes) -> Any:
        try:
            if sealer is not None and not reads_as_int(data):
                data = sealer.unseal(key, data)
            return plugin.blocking.decode(data)
        except codec.errors as error:
            if not speaks_of_a_value(error, codec.errors):
                raise
            codec.report(key, data, error)
            return MISSING

    def decode_many(keys: Sequence[str], replies: Iterable[Any]) -> list[Any]:
        return [
            decode(key, reply) if isinstance(reply, bytes) else MISSING
            for key, reply in zip(keys, codec.counted(replies), strict=True)
        ]

    own = copy.copy(codec)
    own.encode, own.decode, own.decode_many = encode, decode, decode_many
    if sealer is None or sealer.deterministic:
        own.encode_element = own.encode_member = own.encode_scored = encode
        takes = inspect.signature(plugin.blocking_class.encode).parameters
        if "allow_int" in takes or any(one.kind is one.VAR_KEYWORD for one in takes.values()):
            own.encode_scored = partial(encode, allow_int=False)
    return own


class ByGetClient(ForeignExecutor):
    """Sends every command on what the site's ``get_client`` gives for it."""

    def __init__(self, plugin: Any) -> None:
        super().__init__(None)
        self._plugin = plugin

    def _command(self, command: Command) -> Reply:
        return ForeignExecutor(self._of(command.kind.write))(command)

    def control(self, request: Any) -> Any:
        return ForeignExecutor(self._of(True)).control(request)

    def _of(self, write: bool) -> Any:
        return self._plugin.blocking.get_client(write=write)
