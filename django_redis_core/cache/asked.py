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

from django.core.exceptions import ImproperlyConfigured

from .._codec.glob import escape_glob
from .._codec.keys import CacheKey, Keys, encodable
from .._engine.assembly import Engine
from .._engine.driver import Driver
from .contract import Contract

T = TypeVar("T")

#: The backend object whose call is under way.
_whose: ContextVar[Contract | None] = ContextVar("whose", default=None)

#: What the caller gave as ``prefix=``, while a key is made.
_prefix: ContextVar[str | None] = ContextVar("prefix", default=None)

#: Keys to find out by what ``make_key`` does with a key: a plain one, and one that is changed by
#: whoever changes letters, spaces, other alphabets or long keys.
_SAMPLES = ("DrcSample1", "Drc sample:é/" * 30)

#: Versions for the same.
_VERSIONS = (70_000_001, 80_000_003)


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
    usual = client.milliseconds

    def milliseconds(timeout: Any) -> int | None:
        cache = _whose.get()
        found: int | None = usual(timeout if cache is None else cache.get_backend_timeout(timeout))
        return found

    client.milliseconds = milliseconds


class AskedKeys(Keys):
    """Keys as the backend object whose call is under way makes them."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.plain = False

    @property
    def cache(self) -> Contract:
        """Whom to ask."""
        cache = _whose.get()
        if cache is None:
            raise RuntimeError(
                "A key was asked for outside of a call of the cache, whose class makes keys "
                "itself. Only what an operation does may make keys: let the plugin do it there."
            )
        return cache

    @property
    def version(self) -> Any:
        cache = _whose.get()
        return self._version if cache is None else cache.version

    @version.setter
    def version(self, version: Any) -> None:
        self._version = version

    def unchecked(self, key: Any, version: Any = None, prefix: str | None = None) -> str:
        """The key as Django makes it, which is what ``make_key`` of a site's goes on from."""
        if isinstance(key, CacheKey):
            return key
        cache = self.cache
        if prefix is None:
            prefix = _prefix.get()
        full = cache.key_func(
            key,
            cache.key_prefix if prefix is None else prefix,
            cache.version if version is None else version,
        )
        return self._text(full, "key_func")

    def make(self, key: Any, version: Any = None, prefix: str | None = None) -> str:
        if isinstance(key, CacheKey):
            return key
        return self._asked(self.cache.make_and_validate_key, key, version, prefix)

    def _asked(
        self, make: Callable[..., Any], key: Any, version: Any, prefix: str | None = None
    ) -> str:
        if prefix is None:
            return self._text(make(key, version=version), make.__name__)
        token = _prefix.set(prefix)
        try:
            full = self._text(make(key, version=version), make.__name__)
        finally:
            _prefix.reset(token)
        if prefix != self.cache.key_prefix and full == make(key, version=version):
            raise ValueError(
                f"prefix={prefix!r} cannot be had: make_key() of {self._owner()} makes its keys "
                "without KEY_PREFIX. Leave prefix= out."
            )
        return full

    def _text(self, full: Any, maker: str) -> str:
        if not isinstance(full, str):
            raise TypeError(
                f"{maker}() of {self._owner()} must return a key as text, not {full!r}."
            )
        return full if full.isascii() else encodable(full)

    def _owner(self) -> str:
        return type(self.cache).__qualname__

    def pattern(self, pattern: str, version: Any = None, prefix: str | None = None) -> str:
        head, tail = self._around(version, prefix)
        return f"{escape_glob(head)}{pattern}{escape_glob(tail)}"

    def _namer(self, version: Any = None, prefix: str | None = None) -> Callable[[str], str]:
        head, tail = self._around(version, prefix)
        start, end = len(head), len(tail)
        return lambda key: key[start : len(key) - end]

    @property
    def _looks_at_all(self) -> bool:
        return False

    def everything(self, prefix: str | None = None) -> str:
        cache = self.cache
        one, other = (self._around(version) for version in _VERSIONS)
        if one[0].startswith(f"{cache.key_prefix}:{_VERSIONS[0]}:"):
            # Those of KEY_PREFIX, as ever: what is put into the key behind it is a part of those.
            return f"{escape_glob(cache.key_prefix)}:*:*"
        texts = []
        for first, second in zip(one, other, strict=True):
            parts = [
                text.split(str(version))
                for text, version in zip((first, second), _VERSIONS, strict=True)
            ]
            if parts[0] != parts[1]:
                raise self._unfindable("clear() and all that looks at every key")
            texts.append("*".join(map(escape_glob, parts[0])))
        if texts == ["", ""]:
            raise self._unfindable("clear() and all that looks at every key")
        return f"{texts[0]}*{texts[1]}"

    def _around(self, version: Any = None, prefix: str | None = None) -> tuple[str, str]:
        """What ``make_key`` puts before and behind every key."""
        found = []
        for sample in _SAMPLES:
            head, sample, tail = self._asked(
                self.cache.make_key, sample, version, prefix
            ).partition(sample)
            if not sample:
                raise self._unfindable("A pattern")
            found.append((head, tail))
        if found[0] != found[1]:
            raise self._unfindable("A pattern")
        return found[0]

    def _unfindable(self, what: str) -> ImproperlyConfigured:
        return ImproperlyConfigured(
            f"{what} cannot find the keys of this cache: make_key() of {self._owner()} does more "
            "than put text before or behind the key, so no pattern for stored keys can be made of "
            'it. Name the keys (delete_many), or have "CLEAR": "flushdb" in OPTIONS for clear().'
        )


class KeysOf(AskedKeys):
    """The same outside of calls, for one backend object."""

    def __init__(self, cache: Contract, keys: Keys) -> None:
        self._of = cache
        super().__init__(
            keys.prefix, keys.version, keys.function, keys.reverse, keys.patterns, keys.alias
        )

    @property
    def cache(self) -> Contract:
        return self._of

    @property
    def version(self) -> Any:
        return self._of.version

    @version.setter
    def version(self, version: Any) -> None:
        pass


def driver_that_asks(driver: Driver, cache: Contract) -> Driver:
    """``driver`` for one backend object: whatever it does is a part of that one's calls."""
    own = copy.copy(driver)
    own.begin = Beginning(cache, driver.begin)
    own.execute = lambda request: asked(cache, driver.execute, request)
    own.at_once = {}  # these make keys as well, and are asked outside of an operation

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
