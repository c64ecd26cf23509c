"""django-redis' import name, on top of django-redis-core.

For code that imports ``django_redis``: its helper, cache, client, serializer, compressor and pool
names, whose classes may be subclassed and named in CACHES as before. What they do is done by
django-redis-core and its plugins.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Any

__all__ = ["VERSION", "__version__", "get_redis_connection"]

try:
    _other = version("django-redis")
except PackageNotFoundError:
    pass
else:
    raise ImportError(
        f"django-redis {_other} and django-redis-core-compat are both installed, and both provide "
        "the import name django_redis, from files that overwrite each other. Uninstall both, then "
        "install the one that you mean."
    )

#: The release of django-redis whose names are here.
VERSION = (7, 0, 0)
__version__ = ".".join(map(str, VERSION))


def get_redis_connection(alias: str = "default", write: bool = True) -> Any:
    """A redis-py client for the servers of a cache; see ``django_redis_core``.

    From a cache whose ``CLIENT_CLASS`` is a class of the site's own, it is what that class'
    ``get_client`` gives. NotImplementedError for a backend that has no Redis connection.
    """
    from django.core.cache import caches

    from django_redis_core.cache import RedisCache

    from ._link import blocking_client

    cache = caches[alias]
    if not isinstance(cache, RedisCache):
        raise NotImplementedError("This backend does not support this feature")
    return blocking_client(cache).get_client(write)
