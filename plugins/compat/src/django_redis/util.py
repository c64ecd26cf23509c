"""Keys as they are stored."""

from __future__ import annotations

from django_redis_core._codec.keys import CacheKey as CoreKey

__all__ = ["CacheKey", "default_reverse_key"]


class CacheKey(CoreKey):
    """A key as stored; where a key is taken, it is not prefixed again."""

    __slots__ = ()

    def original_key(self) -> str:
        """The key as the caller named it, for a prefix without ":"."""
        return default_reverse_key(self)


def default_reverse_key(key: str) -> str:
    """The caller's key out of ``prefix:version:key``, for a prefix without ":"."""
    return key.split(":", 2)[2]
