"""Functions whose results are cached.

::

    import django_redis_core_herd as herd

    @herd.cached(300, tags=lambda pk: [f"author:{pk}"])
    def books_of(pk: int) -> list[str]: ...

    books_of(7)             # computed once in 300 seconds
    books_of.refresh(7)     # computed now
    books_of.invalidate(7)  # forgotten
"""

from __future__ import annotations

import types
from collections.abc import Callable, Coroutine, Iterable
from functools import update_wrapper
from importlib.util import find_spec
from inspect import iscoroutinefunction
from typing import (
    Any,
    Concatenate,
    Generic,
    ParamSpec,
    Protocol,
    Self,
    TypeVar,
    cast,
    overload,
)

from asgiref.sync import markcoroutinefunction
from django.core.cache import DEFAULT_CACHE_ALIAS, caches
from django.core.exceptions import ImproperlyConfigured

from django_redis_core.exceptions import ConnectionInterrupted
from django_redis_core.signals import exception_ignored

from .call_keys import CallKeys
from .client import HerdClient

P = ParamSpec("P")
P2 = ParamSpec("P2")
R = TypeVar("R")
S = TypeVar("S")

#: Tags of a result, or a function of the call's arguments that returns them.
Tags = Iterable[str] | Callable[..., Iterable[str]]


class Cached(Generic[P, R]):
    """What functions and coroutines have in common."""

    def __init__(
        self,
        function: Callable[P, Any],
        timeout: float | None,
        *,
        tags: Tags | None,
        cache: str,
        version: int | None,
        key: Any,
        task: str | None,
    ) -> None:
        update_wrapper(cast("Callable[P, Any]", self), function)
        self._function = function
        self._timeout = timeout
        self._tags = tags
        self._alias = cache
        self._version = version
        self._task = task
        self._keys = CallKeys(function, key)
        self._path = (function.__module__, function.__qualname__)
        if task is not None:
            _refuse_task(*self._path)

    def key(self, *args: P.args, **kwargs: P.kwargs) -> str:
        """The key of a call, as other methods of the cache take it."""
        return cast("str", self._keys.of(args, kwargs))

    def _cache(self) -> Any:
        """The site's cache, as settings are now. ImproperlyConfigured where it cannot do this."""
        cache: Any = caches[self._alias]
        client = getattr(getattr(cache, "_engine", None), "client", None)
        if not isinstance(client, HerdClient):
            raise ImproperlyConfigured(
                f"@cached on {self._keys.name} needs the client herd, and CACHES[{self._alias!r}] "
                'has none: write django_redis_core.cache.RedisCache with "herd" in its CLIENT, or '
                "name another cache by cache=."
            )
        if self._tags is not None and not hasattr(cache, "invalidate_tags"):
            raise ImproperlyConfigured(
                f"@cached on {self._keys.name} has tags=, and CACHES[{self._alias!r}] can give its "
                'entries none: write "tags" before "herd" in its CLIENT, as in '
                '"CLIENT": ["tags", "herd"], or leave tags= out.'
            )
        return cache

    def _options(self, args: Any, kwargs: Any) -> dict[str, Any]:
        options: dict[str, Any] = {"version": self._version}
        if callable(self._tags):
            options["tags"] = self._tags(*args, **kwargs)
        elif self._tags is not None:
            options["tags"] = self._tags
        return options

    def _ignored(self, trouble: ConnectionInterrupted) -> None:
        """Tells of a server in trouble, without which the function serves as well."""
        exception_ignored.send_robust(sender=self._alias, operation="get_or_set", exception=trouble)


class _Attempt:
    """A call of the function by ``get_or_set``, and what became of it."""

    def __init__(self, function: Callable[..., Any], args: Any, kwargs: Any) -> None:
        self.__qualname__ = function.__qualname__
        self._call = function, args, kwargs
        self.result: Any = None
        self.ended = self.begun = False

    def __call__(self) -> Any:
        function, args, kwargs = self._call
        self.begun = True
        self.result = function(*args, **kwargs)
        self.ended = True
        return self.result

    async def awaited(self) -> Any:
        function, args, kwargs = self._call
        self.begun = True
        self.result = await function(*args, **kwargs)
        self.ended = True
        return self.result


class CachedFunction(Cached[P, R]):
    """A function whose results are cached; it is called as before."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        enqueue = None
        if self._task is not None:
            from .tasks import enqueuing

            enqueue = enqueuing(self._task, self._path, self.key(*args, **kwargs), args, kwargs)
        return self._get(self.key(*args, **kwargs), args, kwargs, enqueue=enqueue)

    def refresh(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Computes the result of a call now, and stores it whatever is there."""
        return self._get(self.key(*args, **kwargs), args, kwargs, recompute=True)

    def invalidate(self, *args: P.args, **kwargs: P.kwargs) -> bool:
        """Forgets the result of a call; True when there was one."""
        return bool(self._cache().delete(self.key(*args, **kwargs), version=self._version))

    def _get(self, key: Any, args: Any, kwargs: Any, **how: Any) -> R:
        cache = self._cache()
        attempt = _Attempt(self._function, args, kwargs)
        options = self._options(args, kwargs)
        try:
            found = cache.get_or_set(key, attempt, self._timeout, **options, **how)
        except ConnectionInterrupted as trouble:
            if attempt.begun and not attempt.ended:
                raise  # it is the function's own
            self._ignored(trouble)
            found = attempt.result if attempt.ended else attempt()
        return cast("R", found)

    @overload
    def __get__(self, instance: None, owner: type | None = None) -> Self: ...
    @overload
    def __get__(
        self: CachedFunction[Concatenate[S, P2], R], instance: S, owner: type | None = None
    ) -> Callable[P2, R]: ...
    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """As a function in a class is a method. What else it can do is asked of the class, with the
        object as first argument: ``Book.related.invalidate(book)``."""
        return self if instance is None else types.MethodType(self, instance)


class CachedCoroutine(Cached[P, R]):
    """The same for ``async def``."""

    def __init__(self, function: Callable[P, Any], *args: Any, **options: Any) -> None:
        super().__init__(function, *args, **options)
        markcoroutinefunction(cast("Any", self))

    async def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        enqueue = None
        if self._task is not None:
            from .tasks import aenqueuing

            enqueue = aenqueuing(self._task, self._path, self.key(*args, **kwargs), args, kwargs)
        return await self._get(self.key(*args, **kwargs), args, kwargs, enqueue=enqueue)

    async def refresh(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Computes the result of a call now, and stores it whatever is there."""
        return await self._get(self.key(*args, **kwargs), args, kwargs, recompute=True)

    async def invalidate(self, *args: P.args, **kwargs: P.kwargs) -> bool:
        """Forgets the result of a call; True when there was one."""
        key = self.key(*args, **kwargs)
        return bool(await self._cache().adelete(key, version=self._version))

    async def _get(self, key: Any, args: Any, kwargs: Any, **how: Any) -> R:
        cache = self._cache()
        attempt = _Attempt(self._function, args, kwargs)
        options = self._options(args, kwargs)
        try:
            found = await cache.aget_or_set(key, attempt.awaited, self._timeout, **options, **how)
        except ConnectionInterrupted as trouble:
            if attempt.begun and not attempt.ended:
                raise  # it is the function's own
            self._ignored(trouble)
            found = attempt.result if attempt.ended else await attempt.awaited()
        return cast("R", found)

    @overload
    def __get__(self, instance: None, owner: type | None = None) -> Self: ...
    @overload
    def __get__(
        self: CachedCoroutine[Concatenate[S, P2], R], instance: S, owner: type | None = None
    ) -> Callable[P2, Coroutine[Any, Any, R]]: ...
    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """See ``CachedFunction``."""
        return self if instance is None else types.MethodType(self, instance)


class _Decorator(Protocol):
    @overload
    def __call__(  # type: ignore[overload-overlap]  # the first that fits
        self, function: Callable[P, Coroutine[Any, Any, R]], /
    ) -> CachedCoroutine[P, R]: ...
    @overload
    def __call__(self, function: Callable[P, R], /) -> CachedFunction[P, R]: ...


def cached(
    timeout: float | None,
    *,
    tags: Tags | None = None,
    cache: str = DEFAULT_CACHE_ALIAS,
    version: int | None = None,
    key: str | Callable[..., Any] | None = None,
    task: str | None = None,
) -> _Decorator:
    """A decorator for functions and coroutines: a result is kept for ``timeout`` seconds (None: for
    ever), also one that is None. What the function raises is not.

    ``cache`` is an alias in CACHES whose CLIENT has "herd". With ``HERD_REFRESH`` results are
    computed before they expire, or while nobody waits. In an outage the function is called.

    ``tags``, a list or a function of the arguments, is for a cache whose CLIENT has "tags" as well.
    ``key``, a function of the arguments, takes the place of the rule that makes keys of them
    (``call_keys.py``): module, name and a digest of the arguments. ``version`` is that of the key.

    ``task``, an alias in TASKS (Django 6.0 or later), has a task compute what is done in the
    background. The function is one of a module then, with arguments that JSON has.

    Raises TypeError for arguments that are no such thing.
    """
    if callable(timeout):
        raise TypeError("@cached needs the seconds to keep results: write @cached(300).")
    if timeout is not None and (isinstance(timeout, bool) or not isinstance(timeout, int | float)):
        raise TypeError(f"The timeout of @cached is in seconds, or None, not {timeout!r}.")
    if isinstance(tags, str | bytes):
        raise TypeError(f"tags= of @cached is a list, not {tags!r}: write [{tags!r}].")
    given: Any = tags if tags is None or callable(tags) else list(tags)

    def decorate(function: Any) -> Any:
        if not callable(function) or isinstance(function, type | staticmethod | classmethod):
            raise TypeError(
                f"@cached is for functions, not {type(function).__name__} objects: write it below "
                "@staticmethod, @classmethod and @property."
            )
        kind: Any = CachedCoroutine if iscoroutinefunction(function) else CachedFunction
        return kind(function, timeout, tags=given, cache=cache, version=version, key=key, task=task)

    return cast("_Decorator", decorate)


def _refuse_task(module: str, name: str) -> None:
    """Raises where a task could not find the function, or there are no tasks."""
    if "<" in name:
        raise TypeError(
            f"task= of @cached on {module}.{name}: a task finds the function by its module and "
            "name, so it must not be one within another function."
        )
    if find_spec("django.tasks") is None:
        raise ImproperlyConfigured(
            f"task= of @cached on {module}.{name} needs Django 6.0 or later, which has "
            "django.tasks: leave it out, and a thread or a task of the loop computes."
        )
