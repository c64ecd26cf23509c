"""The Django backend: a facade without logic.

What an operation does stands in ``_operations``, who runs it in ``_engine``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from inspect import getattr_static
from types import MethodType
from typing import TYPE_CHECKING, Any, ClassVar, cast

from asgiref.sync import sync_to_async
from django.core.exceptions import ImproperlyConfigured

from .. import checks
from .._codec.keys import CacheKey, Keys
from .._engine.assembly import Engine, engine_for
from .._engine.built import view
from .._engine.driver import Driver
from .._engine.observed import ObservedDriver
from .._operations.declare import Fallback
from ..connections.topology import Clients
from ..interfaces import OPERATIONS, BuiltCache, Number
from .absent import OF_CACHES, no_attribute
from .asked import AskedKeys, KeysOf, asked, driver_that_asks, engine_of, engine_that_asks
from .client import CacheClient
from .contract import Contract
from .delegation import OverridingDriver
from .methods import Method, Methods, methods
from .observed_pipeline import ObservedAsyncPipeline, ObservedPipeline
from .overrides import KEYS_AND_TIMES, PLAIN, costs_of, is_untouched, of_class, of_object
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


class RedisCache(Methods, Contract):
    """The backend that ``CACHES`` names.

    Its operations are in ``methods``, those of plugins come through ``__getattr__``.

    Every method takes ``client=`` too: a redis-py client or pipeline to run on instead of the
    cache's own connections.
    """

    _driver: Driver | OverridingDriver
    _keys: Keys
    #: Answers of operations under IGNORE_EXCEPTIONS in the place of theirs, by name, for a subclass
    #: whose sites know others.
    _ignored: ClassVar[Mapping[str, Fallback]] = {}

    # Not BaseCache's: all that it does is to read params, and those are read in _settings/.
    def __init__(self, server: Any, params: Mapping[str, Any]) -> None:
        try:
            engine = engine_for(server, params)
        except ImproperlyConfigured as error:
            raise checks.refused_in_checks(error) from error.__cause__
        if type(self) is RedisCache and is_untouched(RedisCache, _SIZE):
            self._be(engine, engine.driver, engine.naming)
        else:
            self._begin(engine)

    @classmethod
    def _costs(cls) -> tuple[list[str], list[str]]:
        """For the system check: what this class overrides, and what is slower for it."""
        return costs_of(cls)

    @classmethod
    def _makes_keys(cls) -> bool:
        """Whether keys and times are those of this class, for what operators run."""
        return bool(KEYS_AND_TIMES & of_class(cls))

    def _begin(self, engine: Engine) -> None:
        """Settings are what Django's attributes are at first, of classes that have them too."""
        self._use(engine)
        for name in KEYS_AND_TIMES & of_class(type(self)):
            member = getattr_static(type(self), name)
            if isinstance(member, property) and member.fset is None:
                continue
            option = getattr(PLAIN[name], "option", None)
            if option is not None:
                object.__setattr__(self, name, getattr(engine.options, option))

    def __setattr__(self, name: str, value: Any) -> None:
        """An attribute in the place of a method, as tracers and debug panels set them, is called
        wherever Django would call it."""
        super().__setattr__(name, value)
        self._look_again(name)

    def __delattr__(self, name: str) -> None:
        super().__delattr__(name)
        self._look_again(name)

    def _look_again(self, name: str) -> None:
        engine = vars(self).get("_engine")
        if engine is not None and (name in PLAIN or name in engine.operations):
            self._use(engine)

    def __getattr__(self, name: str) -> Any:
        """The operations that the plugins of this cache add."""
        method = self._added().get(name)
        if method is None:
            what = f"{type(self).__name__!r} object"
            raise no_attribute(self, name, OF_CACHES, what, PLAIN)
        return MethodType(method, self)

    def _added(self) -> Mapping[str, Method]:
        engine = vars(self).get("_engine")
        return {} if engine is None else added_methods(engine)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *added_methods(self._engine)})

    def _use(self, engine: Engine) -> None:
        overridden = of_object(self)
        keys: Keys
        if KEYS_AND_TIMES & overridden:
            engine = self._answering(engine_that_asks(engine))
            driver = driver_that_asks(engine.driver, self)
            keys = KeysOf(self, cast("AskedKeys", engine.naming))
        else:
            engine = self._answering(engine.named_by(Keys))
            driver, keys = engine.driver, engine.naming
        object.__setattr__(self, "_overridden", overridden)
        self._be(engine, self._overriding(driver, overridden, engine), keys)

    def _answering(self, engine: Engine) -> Engine:
        return engine.answering(self._ignored) if self._ignored else engine

    def _be(self, engine: Engine, driver: Driver | OverridingDriver, keys: Keys) -> None:
        # By object's own way, which knows nothing to look at again.
        object.__setattr__(self, "_engine", engine)
        object.__setattr__(self, "_driver", driver)
        object.__setattr__(self, "_keys", keys)

    def _overriding(
        self, native: Driver, overridden: frozenset[str], engine: Engine, client: Any = None
    ) -> Driver | OverridingDriver:
        operations = engine.operations
        seen = [name for name in overridden if name in PLAIN or name in operations]
        if KEYS_AND_TIMES.issuperset(seen):
            return native
        return OverridingDriver(self, native, overridden, client)

    def _on(self, kwargs: dict[str, Any]) -> Driver | OverridingDriver:
        """The driver for a call: that of the caller's own client, where one is given."""
        client = kwargs.pop("client", None)
        if client is None:
            return self._driver
        driver = self._native_on(client)
        if isinstance(self._driver, OverridingDriver):
            return self._overriding(driver, self._overridden, self._engine, client)
        return driver

    def _native_on(self, client: Any) -> Driver:
        if client is None:
            return self._native
        driver = self._engine.driver_on(client)
        return driver_that_asks(driver, self) if self._asks else driver

    @property
    def _native(self) -> Driver:
        """Runs operations without a look at overrides of theirs, for pipelines and ``client``."""
        driver = self._driver
        return driver.native if isinstance(driver, OverridingDriver) else driver

    @property
    def _immediate_driver(self) -> Driver:
        driver = self._engine.immediate_driver
        return driver_that_asks(driver, self) if self._asks else driver

    @property
    def _asks(self) -> bool:
        """Whether keys and times are made by this object and not by settings alone."""
        return type(self._engine.naming) is AskedKeys

    def _for_operators(self) -> Engine:
        """The engine for commands of operators, who run operations without this object."""
        return engine_of(self, self._native) if self._asks else self._engine

    def _asked(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """``function`` as a part of a call of this object."""
        if not self._asks:
            return function(*args, **kwargs)
        return asked(self, partial(function, *args, **kwargs))

    @property
    def alias(self) -> str:
        """The name of this cache in ``CACHES``."""
        return self._engine.alias

    @property
    def built(self) -> BuiltCache:
        """This cache as hooks are handed it: its client, servers and parts. For plugins that work
        with another cache of the site, which they find in ``django.core.cache.caches``. It keeps
        nothing alive. Raises ``ImproperlyConfigured`` where keys or times are made by this object,
        of which a client knows nothing."""
        if self._asks:
            raise ImproperlyConfigured(
                f"CACHES[{self.alias!r}]: {type(self).__qualname__} makes keys or times by itself, "
                "so no other cache can ask for its entries: set KEY_FUNCTION instead."
            )
        return view(self._engine)

    @property
    def client(self) -> CacheClient:
        """The operations and what else django-redis' clients have; see ``CacheClient``."""
        found = vars(self).get("_facade")
        if found is None:
            found = CacheClient(self)
            object.__setattr__(self, "_facade", found)
        return found

    def pipeline(self) -> Pipeline:
        """Queues operations and sends them together; see ``Pipeline``."""
        driver = self._native
        return ObservedPipeline(driver) if isinstance(driver, ObservedDriver) else Pipeline(driver)

    def apipeline(self) -> AsyncPipeline:
        """The same for asyncio; see ``AsyncPipeline``."""
        driver = self._native
        if isinstance(driver, ObservedDriver):
            return ObservedAsyncPipeline(driver)
        return AsyncPipeline(driver)

    def raw_client(self, *, write: bool = True, key: Any = None) -> redis.Redis:
        """A redis-py client for the primary, or with ``write=False`` for a replica. ``key``: one
        for the server where that lives, where keys are spread over several."""
        return self._raw_clients(write, key).client()  # type: ignore[no-any-return]

    def async_raw_client(self, *, write: bool = True, key: Any = None) -> redis.asyncio.Redis:
        """The same for the running event loop."""
        return self._raw_clients(write, key).async_client()  # type: ignore[no-any-return]

    def numbers(self) -> list[Number]:
        """The state of this process' part of the cache at this moment, each with its server where
        it has one. It asks no server, and is for monitoring: the observers of the cache are handed
        the same.

        ``connections_idle``, ``connections_in_use`` and ``connections_waited_for`` (callers that
        wait for one, at ``max_connections``) of blocking code, ``async_connections`` and
        ``async_replies_waited_for`` of asyncio; ``breaker_open`` (0 or 1) and ``breaker_failures``
        (in a row); ``values_unreadable`` since the process began; and what clients know.
        """
        return self._engine.numbers()

    def __contains__(self, key: Any) -> bool:
        return bool(self.has_key(key))

    def _raw_clients(self, write: bool, key: Any) -> Clients:
        full = None if key is None else CacheKey(self._keys.make(key))
        return self._engine.raw_clients(write, full)

    def close(self, **kwargs: Any) -> None:
        """Called at the end of every request: keeps the connections, unless CLOSE_CONNECTION."""
        if self._engine.options.close_connection:
            self._engine.close_idle()

    async def aclose(self, **kwargs: Any) -> None:
        """The same for asyncio."""
        if "close" in self._overridden:
            await sync_to_async(self.close, thread_sensitive=True)(**kwargs)
        else:
            self.close()


#: How many attributes the class has before anybody replaces a method.
_SIZE = len(vars(RedisCache))
