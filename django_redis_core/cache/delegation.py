"""Operations that Django makes of others, where a subclass or an object overrides these.

Django documents a backend by ``BaseCache``: ``aget`` is ``get`` in a thread, ``get_or_set`` is
``get``, ``add`` and ``get``. A plain object has operations of its own for all of them. What is here
takes their place for objects where the difference would be seen; the calls have Django's order
and form, so that an override that works with Django's Redis backend works here.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache as once
from functools import partial
from typing import Any, Final

from asgiref.sync import async_to_sync, sync_to_async
from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from redis.exceptions import LockError

from .._codec.keys import CacheKey
from .._engine.driver import Driver
from .._operations.strings import milliseconds_of_turn
from ..exceptions import ConnectionInterrupted
from .contract import Contract

#: The operations that Django makes of others: which overrides are seen in one of them.
MADE_OF: Final[Mapping[str, frozenset[str]]] = {
    "get_or_set": frozenset({"get", "add"}),
    "decr": frozenset({"incr"}),
    "incr_version": frozenset({"get", "set", "delete"}),
    "decr_version": frozenset({"incr_version", "get", "set", "delete"}),
}

#: The same on asyncio, where those of blocking code are called in a thread.
AMADE_OF: Final[Mapping[str, frozenset[str]]] = {
    name: parts | {f"a{part}" for part in parts} for name, parts in MADE_OF.items()
}

#: Django's adecr is aincr, and so never decr; adecr_version is aincr_version.
NEVER_IN_THREADS: Final = frozenset({"decr", "decr_version"})

#: Operations of which Django hands on all arguments by position.
_BY_POSITION = frozenset({"add", "get", "set", "touch", "delete"})

_END = object()


class OverridingDriver:
    """Runs the operations of a backend object as its overrides want it; ``native`` runs those that
    they do not concern. ``client`` is what the caller gave as ``client=``."""

    def __init__(
        self, cache: Contract, native: Driver, overridden: frozenset[str], client: Any = None
    ) -> None:
        self.native = native
        self._overridden = overridden
        more = {} if client is None else {"client": client}
        blocking, asyncio = _Made(cache, native, more), _AMade(cache, native, more)
        self._made: dict[str, Callable[..., Any]] = {
            name: getattr(blocking, name) for name, parts in MADE_OF.items() if parts & overridden
        }
        self._amade: dict[str, Callable[..., Awaitable[Any]]] = {
            name: getattr(asyncio, name) for name, parts in AMADE_OF.items() if parts & overridden
        }
        self._amade.update(
            (name, partial(asyncio.in_thread, name))
            for name in native.operations
            if name in overridden and name not in NEVER_IN_THREADS
        )
        self._in_steps = asyncio.in_steps

    def call(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        made = self._made.get(name)
        return self.native.call(name, args, kwargs) if made is None else made(*args, **kwargs)

    async def acall(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        made = self._amade.get(name)
        if made is None:
            return await self.native.acall(name, args, kwargs)
        return await made(*args, **kwargs)

    def iterate(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Iterator[Any]:
        return self.native.iterate(name, args, kwargs)

    def aiterate(
        self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> AsyncIterator[Any]:
        if name in self._overridden:
            return self._in_steps(name, args, kwargs)
        return self.native.aiterate(name, args, kwargs)


class _Made:
    """Django's blocking methods that are made of others."""

    _cache: Any  # a backend, with all operations

    def __init__(self, cache: Contract, native: Driver, more: dict[str, Any]) -> None:
        self._cache, self._native, self._more = cache, native, more
        self._missing = cache._missing_key

    def get_or_set(
        self,
        key: Any,
        default: Any,
        timeout: Any = DEFAULT_TIMEOUT,
        version: Any = None,
        *,
        lock: bool | float = False,
        **more: Any,
    ) -> Any:
        cache, more = self._cache, {**more, **self._more}
        stored = {"timeout": timeout, "version": version}
        turn = None if lock is False else self._turn(key, version, lock)
        try:
            value = cache.get(key, self._missing, version=version, **more)
            if value is not self._missing:
                return value
            if turn is None:
                return self._compute(key, default, stored, more)
            held = turn.acquire()
            try:
                value = cache.get(key, self._missing, version=version, **more)
                if value is not self._missing:
                    return value
                return self._compute(key, default, stored, more)
            finally:
                if held:
                    with suppress(LockError, ConnectionInterrupted):  # it ends by itself
                        turn.release()
        except ConnectionInterrupted as trouble:
            return self._fallback(key, default, trouble)

    def _compute(self, key: Any, default: Any, stored: dict[str, Any], more: dict[str, Any]) -> Any:
        if callable(default):
            default = default()
            if inspect.iscoroutine(default):
                default.close()
                raise TypeError("The default is a coroutine, which only aget_or_set can await.")
        try:
            self._cache.add(key, default, **stored, **more)
            return self._cache.get(key, default, version=stored["version"], **more)
        except ConnectionInterrupted as trouble:
            trouble.so_far = (default,)  # the fallback must not compute again
            raise

    def _fallback(self, key: Any, default: Any, trouble: ConnectionInterrupted) -> Any:
        return self._native.guard("get_or_set", (key, default), {}, trouble)

    def _turn(self, key: Any, version: Any, lock: bool | float) -> Any:
        return self._native.call("lock", *self._lock_of(key, version, lock))

    def _lock_of(self, key: Any, version: Any, lock: bool | float) -> tuple[Any, Any]:
        """The lock that plain objects take too, as arguments."""
        seconds = milliseconds_of_turn(lock) / 1000
        full = CacheKey(self._cache._keys.make(key, version) + ":get_or_set")
        return (full,), {"timeout": seconds, "blocking_timeout": seconds, "thread_local": False}

    def decr(self, key: Any, delta: Any = 1, version: Any = None, **more: Any) -> Any:
        return self._cache.incr(key, -delta, version=version, **more, **self._more)

    def incr_version(self, key: Any, delta: Any = 1, version: Any = None, **more: Any) -> Any:
        cache, more = self._cache, {**more, **self._more}
        version = cache.version if version is None else version
        value = cache.get(key, self._missing, version=version, **more)
        left = 0 if value is self._missing else self._native.call("pttl", (key, version), {})
        if left == 0:
            raise ValueError(f"Key {key!r} not found")
        cache.set(key, value, timeout=_seconds(left), version=version + delta, **more)
        cache.delete(key, version=version, **more)
        return version + delta

    def decr_version(self, key: Any, delta: Any = 1, version: Any = None, **more: Any) -> Any:
        return self._cache.incr_version(key, -delta, version, **more, **self._more)


class _AMade(_Made):
    """The same for asyncio, and what Django runs in a thread."""

    async def get_or_set(
        self,
        key: Any,
        default: Any,
        timeout: Any = DEFAULT_TIMEOUT,  # noqa: ASYNC109  # how long an entry lives
        version: Any = None,
        *,
        lock: bool | float = False,
        **more: Any,
    ) -> Any:
        cache, more = self._cache, {**more, **self._more}
        stored = {"timeout": timeout, "version": version}
        turn = None if lock is False else await self._turn(key, version, lock)
        try:
            value = await cache.aget(key, self._missing, version=version, **more)
            if value is not self._missing:
                return value
            if turn is None:
                return await self._compute(key, default, stored, more)
            held = await turn.acquire()
            try:
                value = await cache.aget(key, self._missing, version=version, **more)
                if value is not self._missing:
                    return value
                return await self._compute(key, default, stored, more)
            finally:
                if held:
                    with suppress(LockError, ConnectionInterrupted):  # it ends by itself
                        await turn.release()
        except ConnectionInterrupted as trouble:
            answer = self._fallback(key, default, trouble)
            return await answer if inspect.isawaitable(answer) else answer

    async def _compute(
        self, key: Any, default: Any, stored: dict[str, Any], more: dict[str, Any]
    ) -> Any:
        if callable(default):
            default = default()
            if inspect.isawaitable(default):
                default = await default
        try:
            await self._cache.aadd(key, default, **stored, **more)
            return await self._cache.aget(key, default, version=stored["version"], **more)
        except ConnectionInterrupted as trouble:
            trouble.so_far = (default,)  # the fallback must not compute again
            raise

    async def _turn(self, key: Any, version: Any, lock: bool | float) -> Any:
        return await self._native.acall("lock", *self._lock_of(key, version, lock))

    async def decr(self, key: Any, delta: Any = 1, version: Any = None, **more: Any) -> Any:
        return await self._cache.aincr(key, -delta, version=version, **more, **self._more)

    async def incr_version(self, key: Any, delta: Any = 1, version: Any = None, **more: Any) -> Any:
        cache, more = self._cache, {**more, **self._more}
        version = cache.version if version is None else version
        value = await cache.aget(key, self._missing, version=version, **more)
        left = 0 if value is self._missing else await self._native.acall("pttl", (key, version), {})
        if left == 0:
            raise ValueError(f"Key {key!r} not found")
        await cache.aset(key, value, timeout=_seconds(left), version=version + delta, **more)
        await cache.adelete(key, version=version, **more)
        return version + delta

    async def decr_version(self, key: Any, delta: Any = 1, version: Any = None, **more: Any) -> Any:
        return await self._cache.aincr_version(key, -delta, version, **more, **self._more)

    async def in_thread(self, name: str, /, *args: Any, **kwargs: Any) -> Any:
        """The object's own blocking method."""
        self._refuse_client(name)
        args, kwargs = self._as_django(name, args, kwargs)
        if name == "get_or_set" and callable(args[1]):
            args = (args[0], partial(_awaited, args[1]), *args[2:])
        method = getattr(self._cache, name)
        return await sync_to_async(method, thread_sensitive=True)(*args, **kwargs)

    async def in_steps(
        self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> AsyncIterator[Any]:
        """What the object's own method iterates over."""
        self._refuse_client(name)
        method = partial(getattr(self._cache, name), *args, **kwargs, **self._more)
        following: Any = sync_to_async(next, thread_sensitive=True)
        items = iter(await sync_to_async(method, thread_sensitive=True)())
        while (item := await following(items, _END)) is not _END:
            yield item

    def _refuse_client(self, name: str) -> None:
        client = self._more.get("client")
        if any(base.__module__.startswith("redis.asyncio") for base in type(client).__mro__):
            raise TypeError(
                f"a{name}() runs {name}() of {type(self._cache).__qualname__} in a thread, where "
                f"a client of redis.asyncio cannot be used: give client= a client of redis, or "
                f"override a{name}() too."
            )

    def _as_django(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Arguments as Django hands them on: the parameters of an override may have other names."""
        theirs = _parameters(name)
        if not theirs:
            return args, {**kwargs, **self._more}
        bound = self._native.operations[name].signature.bind(None, *args, **kwargs)
        _, *rest = bound.arguments.items()
        given = dict(rest)
        by_position: list[Any] = []
        by_name: dict[str, Any] = {}
        for parameter in theirs:
            value = given.pop(parameter.name, parameter.default)
            if name in _BY_POSITION or parameter.default is parameter.empty:
                by_position.append(value)
            else:
                by_name[parameter.name] = value
        return tuple(by_position), {**by_name, **given, **self._more}


def _seconds(milliseconds: int | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000


def _awaited(default: Callable[[], Any]) -> Any:
    """What ``default`` computes, awaited on the loop that the thread was started from."""
    value = default()
    return async_to_sync(_value_of)(value) if inspect.isawaitable(value) else value


async def _value_of(awaitable: Awaitable[Any]) -> Any:
    return await awaitable


@once
def _parameters(name: str) -> tuple[inspect.Parameter, ...]:
    """What Django's method takes beside ``self``; nothing where it has no such method."""
    method = getattr(BaseCache, name, None)
    return () if method is None else tuple(inspect.signature(method).parameters.values())[1:]
