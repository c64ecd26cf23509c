"""A Django cache backend for Redis and Valkey in which every part is a plugin chosen by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._plugins.hookspecs import hookimpl

if TYPE_CHECKING:
    import redis.asyncio

    from ._budgets import Budget
    from .cache import RedisCache

__all__ = [
    "__version__",
    "budget",
    "cache_for",
    "get_async_redis_connection",
    "get_redis_connection",
    "hookimpl",
    "register",
]


def register(plugin: object, source: str = "this process") -> None:
    """Registers a module or object with hooks: a project's own plugins, or a test's.

    Call it before the first cache is used, in ``AppConfig.ready`` say. Such names come before
    those of installed distributions, never before a built-in's; ``source`` says in errors and
    listings whose they are. Raises ``PluginConflict`` or ``PluginLoadError``.
    """
    from ._plugins.registry import registry

    registry.register(plugin, source)


def budget(seconds: float) -> Budget:
    """A block whose calls of caches wait for servers for so many seconds, all of them together::

        with budget(0.2):
            names = [cache.get(key) for key in keys]

    A call that is waiting when they are spent is cut short, later ones are refused without any
    I/O: both raise ``BudgetSpent``, or give their fallback under ``IGNORE_EXCEPTIONS``, as in an
    outage. Only waiting counts. The block may be that of a coroutine; its tasks, and threads of
    ``sync_to_async``, share it. Within another budget both hold. ``left`` of what ``with`` gives
    are the seconds left. A budget of 0 or less is spent; what is no number is a TypeError.
    """
    from ._budgets import Budget

    return Budget(seconds)


def cache_for(alias: str = "default") -> RedisCache:
    """The cache of an alias, typed: ``django.core.cache.caches[alias]``, which type checkers and
    editors take for a ``BaseCache``, is a ``RedisCache`` here. Raises ImproperlyConfigured where
    the backend is another one."""
    from django.core.cache import caches
    from django.core.exceptions import ImproperlyConfigured

    from .cache import RedisCache

    cache = caches[alias]
    if not isinstance(cache, RedisCache):
        raise ImproperlyConfigured(
            f"CACHES[{alias!r}] is a {type(cache).__module__}.{type(cache).__name__}, which has "
            "no Redis connection."
        )
    return cache


def get_redis_connection(
    alias: str = "default", write: bool = True, *, key: Any = None
) -> redis.Redis:
    """A redis-py client for the servers of a cache, for commands that the cache does not have.

    ``write`` False: a replica, where there is one. ``key``, as the cache's methods take it: a
    client of the server where it lives, for caches whose keys are spread over shards. In what is
    sent keys and values are the caller's own: nothing is prefixed (``cache.make_key`` does that)
    or serialized.
    """
    return cache_for(alias).raw_client(write=write, key=key)


def get_async_redis_connection(
    alias: str = "default", write: bool = True, *, key: Any = None
) -> redis.asyncio.Redis:
    """The same for asyncio: a client of the running event loop, which is closed with the loop."""
    return cache_for(alias).async_raw_client(write=write, key=key)


def __getattr__(name: str) -> str:
    # Looked up when asked for: reading a distribution's metadata is slow, and few need it.
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("django-redis-core")
    except PackageNotFoundError:  # a checkout that is on the path but not installed
        return "0+unknown"
