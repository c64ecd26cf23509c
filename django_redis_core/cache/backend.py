"""The Django backend: a facade without logic.

What an operation does stands in ``_operations``, who runs it in ``_engine``.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MethodType
from typing import TYPE_CHECKING, Any

from django.core.cache.backends.base import BaseCache

from .. import checks  # noqa: F401  # importing registers them
from .._engine.assembly import Engine, engine_for
from .._engine.driver import Driver
from ..interfaces import OPERATIONS, Client
from .methods import Method, Methods, methods
from .pipeline import AsyncPipeline, Pipeline

if TYPE_CHECKING:
    import redis.asyncio


def added_methods(engine: Engine) -> Mapping[str, Method]:
    """The methods for operations that a cache has beside the core's."""
    if engine.added is None:
        engine.added = {
            name: method
            for declaration in engine.operations.values()
            if declaration.name not in OPERATIONS
            for name, method in methods(declaration).items()
        }
    return engine.added


class _Changeable:
    """An attribute that all Django backends have: an option, which may be set on one object.

    Setting it gives that object an engine of its own, so operations need not look here.
    """

    def __init__(self, option: str) -> None:
        self.option = option

    def __get__(self, cache: RedisCache | None, owner: type[RedisCache]) -> Any:
        return self if cache is None else getattr(cache._engine.options, self.option)

    def __set__(self, cache: RedisCache, value: Any) -> None:
        cache._use(cache._engine.changed(**{self.option: value}))


class RedisCache(Methods, BaseCache):
    """The backend that ``CACHES`` names.

    Its operations are in ``methods``, those of plugins come through ``__getattr__``.

    Every method takes ``client=`` too: a redis-py client or pipeline to run on instead of the
    cache's own connections.
    """

    key_prefix = _Changeable("key_prefix")
    version = _Changeable("version")
    key_func = _Changeable("key_function")
    default_timeout = _Changeable("timeout")

    # Not BaseCache's: all that it does is to read params, and those are read in options/.
    def __init__(self, server: Any, params: Mapping[str, Any]) -> None:
        self._use(engine_for(server, params))

    def __getattr__(self, name: str) -> Any:
        """The operations that the plugins of this cache add."""
        engine = vars(self).get("_engine")
        method = None if engine is None else added_methods(engine).get(name)
        if method is None:
            raise AttributeError(
                f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self
            )
        return MethodType(method, self)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *added_methods(self._engine)})

    def _use(self, engine: Engine) -> None:
        self._engine = engine
        self._driver = engine.driver

    def _on(self, kwargs: dict[str, Any]) -> Driver:
        """The driver for a call: that of the caller's own client, where one is given."""
        client = kwargs.pop("client", None)
        return self._driver if client is None else self._engine.driver_on(client)

    @property
    def alias(self) -> str:
        """The name of this cache in ``CACHES``."""
        return self._engine.alias

    @property
    def client(self) -> Client:
        """The client object that has the operations (not a redis-py client)."""
        return self._engine.client

    def pipeline(self) -> Pipeline:
        """Queues operations and sends them together; see ``Pipeline``."""
        return Pipeline(self._driver)

    def apipeline(self) -> AsyncPipeline:
        """The same for asyncio; see ``AsyncPipeline``."""
        return AsyncPipeline(self._driver)

    def raw_client(self, *, write: bool = True, key: Any = None) -> redis.Redis:
        """A redis-py client for the primary, or with ``write=False`` for a replica. ``key``: one
        for the server where that lives, where keys are spread over several."""
        return self._engine.raw_clients(write, key).client()  # type: ignore[no-any-return]

    def async_raw_client(self, *, write: bool = True, key: Any = None) -> redis.asyncio.Redis:
        """The same for the running event loop."""
        return self._engine.raw_clients(write, key).async_client()  # type: ignore[no-any-return]

    def __contains__(self, key: Any) -> bool:
        return bool(self.has_key(key))

    def make_key(self, key: Any, version: Any = None) -> str:
        """The key as stored."""
        return self._engine.naming.make(key, version)

    def close(self, **kwargs: Any) -> None:
        """Called at the end of every request: keeps the connections, unless CLOSE_CONNECTION."""
        if self._engine.options.close_connection:
            self._engine.close_idle()

    async def aclose(self, **kwargs: Any) -> None:
        """The same for asyncio."""
        self.close()
