"""Keys: make, check, take apart, escape. Knows nothing about values or servers."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from django.core.cache.backends.base import (
    CacheKeyWarning,
    InvalidCacheKey,
    default_key_func,
    memcache_key_warnings,
)
from django.core.exceptions import ImproperlyConfigured

from .._interrupts import struck
from .glob import around_star, escape_glob, matching

KeyFunction = Callable[[str, str, Any], str]

PatternFunction = Callable[[str, str, Any], str]


#: The version of a pattern for keys of all versions.
ANY_VERSION = "*"


class CacheKey(str):
    """A key as it is stored; where a key is taken, it is not prefixed again."""

    __slots__ = ()


class Search(NamedTuple):
    """How stored keys are found: ``match`` is for SCAN. Of what that finds, those are meant that
    ``picks`` says, all without it. ``name`` is the caller's name of one that is meant."""

    match: str
    name: Callable[[str], str] | None
    picks: Callable[[str], bool] | None = None


class Keys:
    """Makes the keys of one cache: ``prefix:version:key``, or what ``KEY_FUNCTION`` makes. A client
    has it as ``naming``. ``prefix`` and ``version`` are the cache's; ``plain`` is True where no
    KEY_FUNCTION is set.

    A site's function is called with what it was written for, keys of callers; never with a pattern
    or a mark to see what becomes of it. What patterns become is said by ``KEY_PATTERN_FUNCTION``.
    """

    def __init__(
        self,
        prefix: str = "",
        version: Any = 1,
        function: KeyFunction = default_key_func,
        reverse: Callable[[str], str] | None = None,
        patterns: PatternFunction | None = None,
        alias: str = "",
    ) -> None:
        self.prefix = prefix
        self.version = version
        self.function = function
        self.reverse = reverse
        self.patterns = patterns
        self.alias = alias
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

    def unchecked(self, key: Any, version: Any = None, prefix: str | None = None) -> str:
        """The key as stored, without the warnings of ``make``; InvalidCacheKey for no text."""
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
        return full if full.isascii() else encodable(full)

    def make_many(self, keys: Iterable[Any], version: Any = None) -> list[str]:
        """``make`` for many keys, in their order, which are checked together."""
        given = list(keys)
        if not (self.plain and version is None):
            return [self.make(key, version) for key in given]
        head = self._head
        try:
            fulls = [head + key for key in given]
        except TypeError as error:  # not only text
            if struck(error):
                raise
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
        """A MATCH pattern for the keys that callers name by ``pattern``. Raises
        ``ImproperlyConfigured`` where KEY_FUNCTION is the site's and does not say."""
        prefix = escape_glob(self.prefix if prefix is None else prefix)
        version = self.version if version is None else version
        if self.patterns is not None:
            # A number is not escaped: the function may format it.
            version = escape_glob(version) if isinstance(version, str) else version
            return encodable(self.patterns(pattern, prefix, version))
        if self.function is not default_key_func:
            raise self.refusal("delete_pattern(), keys() and iter_keys() do not work", _EITHER)
        full = f"{prefix}:{escape_glob(str(version))}:{pattern}"
        return full if full.isascii() else encodable(full)

    def usual_pattern(self, pattern: str, version: Any = None) -> str:
        """What ``make_pattern`` of the backend makes, and a subclass makes something else of;
        ``ANY_VERSION`` for keys of all versions."""
        if version != ANY_VERSION:
            return Keys.pattern(self, pattern, version)
        every = Keys.everything(self)  # raises where it cannot be told
        if self.patterns is not None:
            return encodable(self.patterns(pattern, escape_glob(self.prefix), ANY_VERSION))
        return every.removesuffix("*") + encodable(pattern)

    def everything(self, prefix: str | None = None) -> str:
        """A MATCH pattern for all keys of this prefix, whatever their version. Raises
        ``ImproperlyConfigured`` as ``pattern``."""
        prefix = escape_glob(self.prefix if prefix is None else prefix)
        if self.patterns is not None:
            return self.patterns("*", prefix, "*")
        if self.function is not default_key_func:
            raise self.refusal(
                "clear() of a KEY_PREFIX, recode and stats do not work",
                f'{_PATTERNS}. CLEAR "flushdb" lets clear() empty the database, where it is this '
                "cache's alone",
            )
        return f"{prefix}:*:*"

    def search(
        self, pattern: str, version: Any = None, prefix: str | None = None, *, names: bool = False
    ) -> Search:
        """How to find the keys that callers name by ``pattern``; with ``names`` what they call each
        as well. Raises ``ImproperlyConfigured`` where that cannot be done with all of them."""
        if self.reverse is not None and self._looks_at_all:
            return Search("*", self.reverse, self._picker(pattern, version, prefix))
        match = self.pattern(pattern, version, prefix)
        return Search(match, self._namer(version, prefix) if names else None)

    @property
    def _looks_at_all(self) -> bool:
        """Whether no pattern is known, so that the names of all keys in the database are matched
        here."""
        return self.patterns is None and self.function is not default_key_func

    def _picker(
        self, pattern: str, version: Any = None, prefix: str | None = None
    ) -> Callable[[str], bool]:
        assert self.reverse is not None
        reverse, function, matches = self.reverse, self.function, matching(pattern)
        prefix = self.prefix if prefix is None else prefix
        version = self.version if version is None else version

        def picks(key: str) -> bool:
            try:
                name = reverse(key)
                # Another cache's key, or one of another version, would be made otherwise.
                return bool(matches(name)) and function(name, prefix, version) == key
            except (ValueError, TypeError, LookupError, AttributeError) as error:
                if struck(error):
                    raise
                return False  # a key that this function has not made

        return picks

    def _namer(self, version: Any = None, prefix: str | None = None) -> Callable[[str], str]:
        """A function from stored keys to the names that callers gave them. The default key
        function is undone exactly, also when the prefix contains ":"."""
        if self.reverse is not None:
            return self.reverse
        if self.function is default_key_func:
            version = self.version if version is None else version
            start, end = len(f"{self.prefix if prefix is None else prefix}:{version}:"), 0
        else:
            texts = around_star(self.pattern("*", version, prefix))
            if texts is None:
                raise self.refusal("keys() and iter_keys() do not work", _REVERSE)
            start, end = map(len, texts)
        return lambda key: key[start : len(key) - end]

    def name(self, full: str) -> str:
        """The name that callers gave a stored key of the current version. Raises
        ``ImproperlyConfigured`` where KEY_FUNCTION is the site's and does not say."""
        return self._namer()(full)

    def refusal(self, what: str, write: str) -> ImproperlyConfigured:
        return ImproperlyConfigured(
            f"CACHES[{self.alias!r}]: KEY_FUNCTION is a function of the site, which may hash, "
            f"encode or format the key, so {what}: {write}."
        )


_PATTERNS = (
    "set KEY_PATTERN_FUNCTION, a function of pattern, prefix and version that makes a pattern for "
    "stored keys (KEY_FUNCTION itself, if it puts the three into the key as they are)"
)
_REVERSE = "set REVERSE_KEY_FUNCTION, a function from the stored key to the caller's"
_EITHER = f"{_PATTERNS}; or {_REVERSE}"


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
