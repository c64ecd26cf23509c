"""Django's own Redis backend as the control of what overrides do.

Until 6.1 its asynchronous batches and counters pass overrides of their blocking twins by
(``aget_many`` calls ``aget`` for each key, whatever ``get_many`` does), which was mended there.
This package does as the mended one does under every Django, and so does this control.
"""

from __future__ import annotations

from typing import Any

from asgiref.sync import sync_to_async
from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.redis import RedisCache

MENDED = "get_many" in BaseCache.aget_many.__code__.co_names


def _in_thread(name: str, native: Any) -> Any:
    async def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        if getattr(type(self), name) is getattr(BaseCache, name):
            return await native(self, *args, **kwargs)
        return await sync_to_async(getattr(self, name))(*args, **kwargs)

    return method


class Mended(RedisCache):
    """Django's Redis backend as of 6.1."""


if not MENDED:
    for _name in "get_many get_or_set has_key incr set_many delete_many incr_version".split():
        setattr(Mended, f"a{_name}", _in_thread(_name, getattr(RedisCache, f"a{_name}")))

DjangoCache: type[Any] = RedisCache if MENDED else Mended
