"""Keys and times of a backend object that makes them itself.

One engine serves all backend objects that are configured alike, and a ``make_key`` of a site's may
look at the object that it is a method of. So keys are made by whose call is under way, which is
told here.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Generator
from contextvars import ContextVar
from inspect import isgenerator
from typing import Any, TypeVar

from django.core.cache.backends.base import default_key_func
from django.core.exceptions import ImproperlyConfigured

from .._codec.glob import around_star, matching
from .._codec.keys import ANY_VERSION, CacheKey, Keys, encodable
from .._engine.assembly import Engine
from .._engine.driver import Driver
from .._interrupts import struck
from .contract import Contract

T = TypeVar("T")

#: The backend object whose call is under way.
_whose: ContextVar[Contract | None] = ContextVar("whose", default=None)

#: What the caller gave as ``prefix=``, while a key is made.
_prefix: ContextVar[str | None] = ContextVar("prefix", default=None)


def asked(cache: Contract, function: Callable[..., T], *args: Any) -> T:
    """``function(*args)`` as a part of a call of ``cache``."""
    token = _whose.set(cache)
    try:
        return function(*args)
    finally:
        _whose.reset(token)


def engine_that_asks(engine: Engine) -> Engine:
    """The same cache, where keys and times are those of the object whose call it is."""
    found = engine.named_by(AskedKeys)
    if "milliseconds" not in vars(found.client):
        _ask_for_times(found.client)
    return found


def _ask_for_times(client: Any) -> None:
    # The class' own, so that to do this twice is to do it once: two threads may come here together.
    usual = type(client).milliseconds.__get__(client)

    def milliseconds(timeout: Any) -> int | None:
        cache = _whose.get()
        found: int | None = usual(timeout if cache is None else cache.get_backend_timeout(timeout))
        return found

    client.milliseconds = milliseconds


class _Current:
    """An attribute of keys that is that of the backend object whose call is under way."""

    def __init__(self, attribute: str) -> None:
        self._attribute = attribute

    def __get__(self, keys: AskedKeys, owner: type[AskedKeys]) -> Any:
        cache = keys.found()
        return vars(keys)[self._attribute] if cache is None else getattr(cache, self._attribute)

    def __set__(self, keys: AskedKeys, value: Any) -> None:
        vars(keys)[self._attribute] = value


class _CurrentPrefix(_Current):
    """The same, or what the caller gave as ``prefix=``."""

    def __get__(self, keys: AskedKeys, owner: type[AskedKeys]) -> Any:
        given = _prefix.get()
        return super().__get__(keys, owner) if given is None else given


class AskedKeys(Keys):
    """Keys as the backend object whose call is under way makes them."""

    prefix: Any = _CurrentPrefix("key_prefix")
    version: Any = _Current("version")
    function: Any = _Current("key_func")

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.plain = False

    def found(self) -> Contract | None:
        """Whom to ask, if a call is under way."""
        return _whose.get()

    @property
    def cache(self) -> Contract:
        """Whom to ask."""
        cache = self.found()
        if cache is None:
            raise RuntimeError(
                "A key was asked for outside of a call of the cache, whose class makes keys "
                "itself. Only what an operation does may make keys: let the plugin do it there."
            )
        return cache

    def unchecked(self, key: Any, version: Any = None, prefix: str | None = None) -> str:
        """The key as Django makes it, which is what ``make_key`` of a site's goes on from."""
        if isinstance(key, CacheKey):
            return key
        return with_prefix(prefix, lambda: super(AskedKeys, self).unchecked(key, version))

    def make(self, key: Any, version: Any = None, prefix: str | None = None) -> str:
        if isinstance(key, CacheKey):
            return key
        cache = self.cache

        def made() -> str:
            return self._text(cache.make_and_validate_key(key, version=version), "make_key")

        full = with_prefix(prefix, made)
        if prefix is not None and prefix != cache.key_prefix and full == made():
            raise ValueError(
                f"prefix={prefix!r} cannot be had: make_key() of {self._owner} makes its keys "
                "without KEY_PREFIX. Leave prefix= out."
            )
        return full

    def _text(self, full: Any, maker: str) -> str:
        if not isinstance(full, str):
            raise TypeError(f"{maker}() of {self._owner} must return a key as text, not {full!r}.")
        return full if full.isascii() else encodable(full)

    @property
    def _owner(self) -> str:
        return type(self.cache).__qualname__

    @property
    def _own_keys(self) -> bool:
        """Whether stored keys are what a site's method makes."""
        return not _KEYS.isdisjoint(self.cache._overridden)

    @property
    def _own_patterns(self) -> bool:
        return "make_pattern" in self.cache._overridden

    @property
    def _looks_at_all(self) -> bool:
        if self._own_patterns:
            return False
        return self._own_keys or super()._looks_at_all

    def pattern(self, pattern: str, version: Any = None, prefix: str | None = None) -> str:
        return with_prefix(prefix, lambda: self._pattern(pattern, version))

    def _pattern(self, pattern: str, version: Any) -> str:
        if self._own_patterns:
            made = self.cache.make_pattern(pattern, version=version)
            return self._text(made, "make_pattern")
        if self._own_keys:
            raise self._refusal("delete_pattern(), keys() and iter_keys() do not work")
        return self.usual_pattern(pattern, version)

    def everything(self, prefix: str | None = None) -> str:
        if self._own_keys and not self._own_patterns:
            raise self._refusal(
                "clear() of a KEY_PREFIX, recode and stats do not work",
                '. CLEAR "flushdb" lets clear() empty the database',
            )
        return self.pattern("*", ANY_VERSION, prefix)

    def _picker(
        self, pattern: str, version: Any = None, prefix: str | None = None
    ) -> Callable[[str], bool]:
        if not self._own_keys:
            return super()._picker(pattern, version, prefix)
        cache, reverse, matches = self.cache, self.reverse, matching(pattern)
        assert reverse is not None

        def picks(key: str) -> bool:
            try:
                name = reverse(key)
                made = with_prefix(prefix, lambda: cache.make_key(name, version=version))
                return bool(matches(name)) and made == key
            except (ValueError, TypeError, LookupError, AttributeError) as error:
                if struck(error):
                    raise
                return False  # a key that this class has not made

        return picks

    def _namer(self, version: Any = None, prefix: str | None = None) -> Callable[[str], str]:
        if self.reverse is not None or not (self._own_keys or self._own_patterns):
            return super()._namer(version, prefix)
        texts = around_star(self.pattern("*", version, prefix))
        if texts is None:
            raise self._refusal("keys() and iter_keys() do not work", where=_REVERSE)
        start, end = map(len, texts)
        return lambda key: key[start : len(key) - end]

    def _refusal(self, what: str, more: str = "", where: str = "") -> ImproperlyConfigured:
        write = where or (
            "give it make_pattern(pattern, version=None) too, which makes a glob pattern for "
            f"stored keys, of version {ANY_VERSION!r} one for those of all; or {_REVERSE}"
        )
        return ImproperlyConfigured(
            f"CACHES[{self.alias!r}]: make_key() is a method of {self._owner}, which may do "
            f"anything with the key, so {what}: {write}{more}."
        )


_KEYS = frozenset({"make_key", "make_and_validate_key"})

_REVERSE = "set REVERSE_KEY_FUNCTION, a function from the stored key to the caller's"


class KeysOf(AskedKeys):
    """The same outside of calls, for one backend object."""

    def __init__(self, cache: Contract, keys: AskedKeys) -> None:
        self._of = cache
        # Its own values are never looked at.
        super().__init__("", 1, default_key_func, keys.reverse, keys.patterns, keys.alias)

    def found(self) -> Contract:
        return self._of


def with_prefix(prefix: str | None, made: Callable[[], str]) -> str:
    """What ``made`` makes with ``prefix`` in the place of KEY_PREFIX."""
    if prefix is None:
        return made()
    token = _prefix.set(prefix)
    try:
        return made()
    finally:
        _prefix.reset(token)


def driver_that_asks(driver: Driver, cache: Contract) -> Driver:
    """``driver`` for one backend object: whatever it does is a part of that one's calls."""
    own = copy.copy(driver)
    own.begin = Beginning(cache, driver.begin)
    own.execute = lambda request: asked(cache, driver.execute, request)
    # These make keys as well, and are asked outside of an operation.
    own.at_once = own.direct = own.adirect = {}

    async def aexecute(request: Any) -> Any:
        token = _whose.set(cache)
        try:
            return await driver.aexecute(request)
        finally:
            _whose.reset(token)

    own.aexecute = aexecute
    return own


class Beginning:
    """The operations of a client, each as a part of a backend object's calls."""

    def __init__(self, cache: Contract, begin: Any) -> None:
        self._cache, self._begin = cache, begin

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return beginning(self._cache, getattr(self._begin, name))


def beginning(cache: Contract, begin: Callable[..., Any]) -> Callable[..., Any]:
    """The operation that ``begin`` makes, as a part of a backend object's calls."""

    def begun(*args: Any, **kwargs: Any) -> Any:
        operation = asked(cache, lambda: begin(*args, **kwargs))
        return _steps(cache, operation) if isgenerator(operation) else operation

    return begun


def _steps(cache: Contract, operation: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
    """``operation``, of which each step is a part of a call of ``cache``. Between two steps other
    code runs, in a generator's case that of whoever iterates."""
    step: Callable[[Any], Any] = operation.send
    answer: Any = None
    while True:
        try:
            request = asked(cache, step, answer)
        except StopIteration as stop:
            return stop.value
        try:
            answer = yield request
        except GeneratorExit:
            asked(cache, operation.close)
            raise
        except Exception as error:
            step, answer = operation.throw, error
        else:
            step = operation.send


def engine_of(cache: Contract, driver: Driver) -> Engine:
    """The engine of one backend object, for who runs operations by themselves. It serves this one
    alone and is not for many calls: what a client keeps is the engine's."""
    own = copy.copy(cache._engine)
    own.client = copy.copy(own.client)
    own.client.naming = own.naming = cache._keys
    own.driver = driver
    return own
