"""Keys: make, check, take apart, escape. Knows nothing about values or servers."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable
from typing import Any

from django.core.cache.backends.base import (
    CacheKeyWarning,
    InvalidCacheKey,
    default_key_func,
    memcache_key_warnings,
)
from django.core.exceptions import ImproperlyConfigured

KeyFunction = Callable[[str, str, Any], str]

_MARK = "\x01key\x01"


class CacheKey(str):
    """A key as it is stored; where a key is taken, it is not prefixed again."""

    __slots__ = ()


def escape_glob(text: str) -> str:
    """``text`` so that a MATCH pattern finds it literally (https://redis.io/commands/keys/)."""
    return re.sub(r"([\\*?\[\]^-])", r"\\\1", text)


class Keys:
    """Makes the keys of one cache: ``prefix:version:key``, or what ``KEY_FUNCTION`` makes. A client
    has it as ``naming``. ``prefix`` and ``version`` are the cache's; ``plain`` is True where no
    KEY_FUNCTION is set."""

    def __init__(
        self,
        prefix: str = "",
        version: Any = 1,
        function: KeyFunction = default_key_func,
        reverse: Callable[[str], str] | None = None,
    ) -> None:
        self.prefix = prefix
        self.version = version
        self.function = function
        self.reverse = reverse
        self.plain = function is default_key_func
        self._head = f"{prefix}:{version}:"

    def make(self, key: Any, version: Any = None, prefix: str | None = None) -> str:
        """The key as stored, of a caller's ``key``; a ``CacheKey`` is returned as it is.

        ``version`` and ``prefix`` None: those of the cache. Warns with Django's ``CacheKeyWarning``
        where Django does (more than 250 characters, spaces, control characters); raises
        ``InvalidCacheKey`` for text that UTF-8 cannot encode.
        """
        if self.plain and version is None and prefix is None and key.__class__ is str:
            full = self._head + key
        elif isinstance(key, CacheKey):
            return key
        else:
            full = self.function(
                key,
                self.prefix if prefix is None else prefix,
                self.version if version is None else version,
            )
        # Four checks in C that nearly every key passes; only the others are looked at closely.
        if len(full) < 251 and full.isascii() and full.isprintable() and " " not in full:
            return full
        return check(full)

    def make_many(self, keys: Iterable[Any], version: Any = None) -> list[str]:
        """``make`` for many keys, in their order, which are checked together."""
        given = list(keys)
        if not (self.plain and version is None):
            return [self.make(key, version) for key in given]
        head = self._head
        try:
            fulls = [head + key for key in given]
        except TypeError:  # not only text
            return [self.make(key) for key in given]
        together = "".join(fulls)
        if (
            together.isascii()
            and together.isprintable()
            and " " not in together
            and max(map(len, fulls), default=0) < 251
            and CacheKey not in set(map(type, given))
        ):
            return fulls
        return [self.make(key) for key in given]

    def pattern(self, pattern: str, version: Any = None, prefix: str | None = None) -> str:
        """A MATCH pattern of SCAN for the keys that callers name by the glob ``pattern``; what is
        special in the prefix is escaped."""
        full = self.function(
            pattern,
            escape_glob(self.prefix if prefix is None else prefix),
            escape_glob(str(self.version if version is None else version)),
        )
        return full if full.isascii() else encodable(full)

    def everything(self) -> str:
        """A MATCH pattern for all keys of this prefix, whatever their version."""
        return self.function("*", escape_glob(self.prefix), "*")

    def namer(self, version: Any = None, prefix: str | None = None) -> Callable[[str], str]:
        """A function from stored keys to the names that callers gave them.

        The default key function, and any that puts text around the key, is undone exactly, also
        when the prefix contains ":". For another one REVERSE_KEY_FUNCTION is needed.
        """
        if self.reverse is not None:
            return self.reverse
        made = self.function(
            _MARK,
            self.prefix if prefix is None else prefix,
            self.version if version is None else version,
        )
        head, mark, tail = made.partition(_MARK)
        if not mark:
            raise ImproperlyConfigured(
                "KEY_FUNCTION does not contain the key as it was given, so a stored key cannot be "
                "turned back into it: set REVERSE_KEY_FUNCTION, a function from the stored key "
                "to the caller's."
            )
        start, end = len(head), len(tail)
        return lambda key: key[start : len(key) - end]


def check(full: str) -> str:
    """``full``, after Django's warnings; InvalidCacheKey when it is not text."""
    encodable(full)
    for warning in memcache_key_warnings(full):
        warnings.warn(warning, CacheKeyWarning, stacklevel=4)
    return full


def encodable(full: str) -> str:
    """``full``; InvalidCacheKey when it is not text."""
    try:
        full.encode()
    except UnicodeEncodeError as error:
        raise InvalidCacheKey(
            f"A cache key must be text that UTF-8 can encode, and {full!r} holds a lone surrogate "
            f"at position {error.start}."
        ) from None
    return full
