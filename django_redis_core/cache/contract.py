"""What Django's contract has of a backend beside the operations: how keys and times are made.

A subclass may override any of it; see ``overrides``. These stand in a class of their own, so that
what is replaced on ``RedisCache`` itself is an attribute more of that class, which is how it is
noticed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache

from .._codec import timeouts

if TYPE_CHECKING:
    from .._codec.keys import Keys
    from .._engine.assembly import Engine


class Changeable:
    """An attribute that all Django backends have: an option, which may be set on one object.

    Setting it gives that object an engine of its own, so operations need not look here.
    """

    def __init__(self, option: str) -> None:
        self.option = option

    def __get__(self, cache: Contract | None, owner: type[Contract]) -> Any:
        return self if cache is None else getattr(cache._engine.options, self.option)

    def __set__(self, cache: Contract, value: Any) -> None:
        cache._use(cache._engine.changed(**{self.option: value}))


class Contract(BaseCache):
    """How a backend makes keys and times."""

    key_prefix = Changeable("key_prefix")
    version = Changeable("version")
    key_func = Changeable("key_function")
    default_timeout = Changeable("timeout")

    _engine: Engine
    _keys: Keys
    #: The names of methods that the object has from a site; see ``overrides``.
    _overridden: frozenset[str] = frozenset()

    # Not BaseCache's: all that it does is to read params, and those are read in _settings/.
    def __init__(self, server: Any, params: Mapping[str, Any]) -> None:
        raise NotImplementedError

    def _use(self, engine: Engine) -> None:
        raise NotImplementedError

    def make_key(self, key: Any, version: Any = None) -> str:
        """The key as stored."""
        return self._keys.unchecked(key, version)

    def make_pattern(self, pattern: str, version: Any = None) -> str:
        """A glob pattern for stored keys, of a pattern for keys as callers name them. A subclass
        that overrides ``make_key`` overrides it too, or work by patterns is refused."""
        return self._keys.usual_pattern(pattern, version)

    def make_and_validate_key(self, key: Any, version: Any = None) -> str:
        """The key as stored, after ``validate_key``, which has Django's warnings."""
        full = self.make_key(key, version=version)
        if not isinstance(full, str):
            raise TypeError(
                f"make_key() of {type(self).__qualname__} must return a key as text, not {full!r}."
            )
        self.validate_key(full)
        return full

    def get_backend_timeout(self, timeout: Any = DEFAULT_TIMEOUT) -> Any:
        """The seconds that an entry lives, None for ever, as Django's Redis backend has them; but
        parts of a second stay. Raises TypeError or ValueError for what is no timeout."""
        if timeout is DEFAULT_TIMEOUT:
            timeout = self.default_timeout
        if timeout is None:
            return None
        timeouts.milliseconds(timeout)
        return max(0, timeouts.plain_number(timeout, ""))
