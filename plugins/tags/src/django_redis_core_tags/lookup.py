"""The site's cache that decorators and template tags are to use."""

from __future__ import annotations

from typing import Any

from django.core.cache import caches
from django.core.exceptions import ImproperlyConfigured


def tagged_cache(alias: str, user: str) -> Any:
    """The cache ``alias``. ImproperlyConfigured where its entries can have no tags, which ``user``
    needs; InvalidCacheBackendError where there is none."""
    cache = caches[alias]
    if not hasattr(cache, "snapshot_tags"):
        raise ImproperlyConfigured(
            f"{user} stores entries with tags, and CACHES[{alias!r}] has none: write "
            'django_redis_core.cache.RedisCache with "tags" in its CLIENT, or name another cache.'
        )
    return cache
