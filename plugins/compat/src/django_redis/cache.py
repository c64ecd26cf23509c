"""The backend under django-redis' path."""

from __future__ import annotations

from typing import Any

from django_redis_core.cache import RedisCache as CoreCache

from ._link import blocking_client

__all__ = ["RedisCache"]


class RedisCache(CoreCache):
    """django-redis-core's backend, with a ``client`` whose methods are blocking calls."""

    @property
    def client(self) -> Any:
        """The ``DefaultClient``, or what ``CLIENT_CLASS`` says, of this cache."""
        return blocking_client(self)
