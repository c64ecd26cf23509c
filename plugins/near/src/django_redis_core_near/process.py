"""The caches of this process that are on near, for its metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .client import NearClient, NearInfo

if TYPE_CHECKING:
    from django_redis_core.interfaces import BuiltCache

#: The latest one of each alias.
_caches: dict[str, BuiltCache] = {}


def remember(alias: str, cache: BuiltCache) -> None:
    """``cache`` was built."""
    if isinstance(cache.client, NearClient):
        _caches[alias] = cache
    else:
        _caches.pop(alias, None)  # settings have changed


def infos() -> dict[str, NearInfo]:
    """What each tells, by alias."""
    found = {}
    for alias, cache in list(_caches.items()):
        try:
            found[alias] = cache.part(NearClient).near_info()
        except ReferenceError:  # forgotten meanwhile
            _caches.pop(alias, None)
    return found
