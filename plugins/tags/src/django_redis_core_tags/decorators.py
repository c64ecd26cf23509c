"""Whole pages with tags."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any, TypeVar

from django.core.cache import DEFAULT_CACHE_ALIAS
from django.http.response import HttpResponseBase
from django.middleware.cache import CacheMiddleware
from django.utils.decorators import decorator_from_middleware_with_args

from .lookup import tagged_cache

View = TypeVar("View", bound=Callable[..., Any])

#: Tags of a page, or a function of the view's arguments that returns them.
Tags = Iterable[str] | Callable[..., Iterable[str]]


def cache_page(
    timeout: float | None, *, tags: Tags, cache: str | None = None, key_prefix: str | None = None
) -> Callable[[View], View]:
    """Django's ``cache_page``, with tags::

        from django_redis_core_tags.decorators import cache_page

        @cache_page(900, tags=lambda request, pk: ["menu", f"author:{pk}"])
        def author(request, pk): ...

    ``tags`` is a list, or a function that is called with the view's arguments. ``cache`` is an
    alias in CACHES whose CLIENT has "tags", ``default`` without it; the rest is as in Django. Their
    generations are read before the view is called, so that what is invalidated while it runs is so
    for its page.
    """
    alias = DEFAULT_CACHE_ALIAS if cache is None else cache
    if isinstance(tags, str | bytes):
        raise TypeError(f"tags= of cache_page() is a list, not {tags!r}: write [{tags!r}].")
    given = tags if callable(tags) else list(tags)

    def decorate(view: View) -> View:
        def cached(args: Any, kwargs: Any) -> Any:
            # One for each request, which has a snapshot of its own.
            names = given(*args, **kwargs) if callable(given) else given
            decorator = decorator_from_middleware_with_args(_TaggedCacheMiddleware)
            return decorator(
                page_timeout=timeout, cache_alias=alias, key_prefix=key_prefix, tags=names
            )(view)(*args, **kwargs)

        def wrapper(*args: Any, **kwargs: Any) -> Any:
            return cached(args, kwargs)

        async def awaiting(*args: Any, **kwargs: Any) -> Any:
            return await cached(args, kwargs)

        return wraps(view)(awaiting if iscoroutinefunction(view) else wrapper)  # type: ignore[return-value]

    return decorate


class _TaggedCacheMiddleware(CacheMiddleware):
    """Django's own, for one request."""

    def __init__(self, get_response: Any, *, tags: Iterable[str], **options: Any) -> None:
        super().__init__(get_response, **options)
        self.tags = tags
        self.snapshot: Any = ()

    @property
    def cache(self) -> _Pages:
        return _Pages(tagged_cache(self.cache_alias, "cache_page()"), self.snapshot)

    def process_request(self, request: Any) -> Any:
        response = super().process_request(request)
        if response is None and request._cache_update_cache:
            cache = tagged_cache(self.cache_alias, "cache_page()")
            names = cache._engine.client.tag_names(self.tags)
            self.snapshot = cache.snapshot_tags(*names)
        return response


class _Pages:
    """A cache as Django's middleware uses it: responses are stored with tags, and the lists of
    headers, by which they are found, without."""

    def __init__(self, cache: Any, tags: Any) -> None:
        self._cache = cache
        self._tags = tags

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cache, name)

    def set(self, key: str, value: Any, timeout: Any) -> Any:
        tags = self._tags if isinstance(value, HttpResponseBase) else ()
        return self._cache.set(key, value, timeout, tags=tags)
