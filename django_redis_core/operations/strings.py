"""Values: get, set and what Django builds on them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from inspect import isawaitable
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT

from ..codec import MISSING
from ..commands import EXISTS, GET, MGET, SET, UNLINK
from ..requests import Await, Batch, Operation
from .declare import Arguments, Family, always, argument, checked, operation

# redis-py's Lock stores 32 hexadecimal digits under the cache key itself. It reads as a miss, but
# must not be taken for an unreadable value and removed.
_LOCK_TOKEN_LENGTH = 32


def _default_value(arguments: Arguments) -> Any:
    default = arguments["default"]
    return default() if callable(default) else default


class Strings(Family):
    """https://docs.djangoproject.com/en/stable/topics/cache/#basic-usage"""

    @operation(fallback=argument("default"))
    def get(self, key: Any, default: Any = None, version: Any = None) -> Operation[Any]:
        """The value stored under ``key``, or ``default``."""
        full = self.naming.make(key, version)
        data = yield GET(full)
        if data is None:
            return default
        value = self.unwrap(full, data)
        if value is MISSING:
            if self.delete_unreadable:
                yield from self.discard(full, data)
            return default
        return value

    @operation(fallback=always(bool))
    def set(
        self,
        key: Any,
        value: Any,
        timeout: Any = DEFAULT_TIMEOUT,
        version: Any = None,
        *,
        nx: bool = False,
        xx: bool = False,
    ) -> Operation[bool]:
        """Stores ``value`` for ``timeout`` seconds (None: for ever); True when it was stored.

        ``nx``: only if the key is not there; ``xx``: only if it is. A timeout of 0 or less deletes
        the key, except with ``nx``, where nothing is written and the answer is whether the key
        was free.
        """
        full = self.naming.make(key, version)
        milliseconds = self.milliseconds(timeout)
        if milliseconds is not None and milliseconds <= 0:
            if nx:
                return not (yield EXISTS(full).primary())
            return bool((yield UNLINK([full])))
        data, milliseconds = self.wrap(full, value, milliseconds)
        return bool((yield SET(full, data, milliseconds, nx=nx, xx=xx)))

    @operation(fallback=None)
    def add(
        self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: Any = None
    ) -> Operation[bool]:
        """Stores ``value`` only if the key is not there; True when it was stored."""
        return (yield from self.set(key, value, timeout, version, nx=True))

    @operation(fallback=_default_value)
    def get_or_set(
        self, key: Any, default: Any, timeout: Any = DEFAULT_TIMEOUT, version: Any = None
    ) -> Operation[Any]:
        """The stored value; when there is none, ``default`` (called if callable) is stored.

        Where another worker stores one first, that value is returned. An awaitable that
        ``default()`` returns is awaited by ``aget_or_set``.
        """
        value = yield from self.get(key, MISSING, version)
        if value is not MISSING:
            return value
        if callable(default):
            default = default()
            if isawaitable(default):
                default = yield Await(default)
        # One round trip: what was stored meanwhile by another worker wins, as Django has it.
        full = self.naming.make(key, version)
        milliseconds = self.milliseconds(timeout)
        if milliseconds is not None and milliseconds <= 0:
            return default
        data, milliseconds = self.wrap(full, default, milliseconds)
        _, stored = checked((yield [SET(full, data, milliseconds, nx=True), GET(full).primary()]))
        value = MISSING if stored is None else self.unwrap(full, stored)
        if value is MISSING and stored is not None:
            # What lies there cannot be read, so NX would keep it there for ever.
            yield SET(full, data, milliseconds)
        return default if value is MISSING else value

    @operation(fallback=always(bool))
    def delete(self, key: Any, version: Any = None, prefix: str | None = None) -> Operation[bool]:
        """Removes the key; True when it was there. ``prefix`` is used instead of KEY_PREFIX."""
        return bool((yield UNLINK([self.naming.make(key, version, prefix)])))

    @operation(fallback=always(bool))
    def has_key(self, key: Any, version: Any = None) -> Operation[bool]:
        """Whether the key is there."""
        return bool((yield EXISTS(self.naming.make(key, version))))

    @operation(fallback=always(dict))
    def get_many(self, keys: Iterable[Any], version: Any = None) -> Operation[dict[Any, Any]]:
        """The values that are there, by key. One round trip."""
        make = self.naming.make
        names = {make(key, version): key for key in keys}
        if not names:
            return {}
        fulls = list(names)
        found: dict[Any, Any] = {}
        unwrap = self.unwrap
        for full, data in zip(fulls, (yield MGET(fulls)), strict=True):
            if data is None or isinstance(data, Exception):
                continue
            value = unwrap(full, data)
            if value is not MISSING:
                found[names[full]] = value
            elif self.delete_unreadable:
                yield from self.discard(full, data)
        return found

    @operation(fallback=lambda arguments: list(arguments["data"]))
    def set_many(
        self, data: Mapping[Any, Any], timeout: Any = DEFAULT_TIMEOUT, version: Any = None
    ) -> Operation[list[Any]]:
        """Stores all of ``data``; returns the keys that could not be stored. One round trip.

        A value that cannot be serialized raises before anything is written.
        """
        milliseconds = self.milliseconds(timeout)
        commands: Batch = []
        for key, value in data.items():
            full = self.naming.make(key, version)
            if milliseconds is not None and milliseconds <= 0:
                commands.append(UNLINK([full]))
            else:
                commands.append(SET(full, *self.wrap(full, value, milliseconds)))
        if not commands:
            return []
        replies = yield commands
        failed = [
            key for key, reply in zip(data, replies, strict=True) if isinstance(reply, Exception)
        ]
        if len(failed) == len(replies):
            checked(replies)
        return failed

    @operation(fallback=always(int))
    def delete_many(self, keys: Iterable[Any], version: Any = None) -> Operation[int | None]:
        """Removes the keys; returns how many were there, None when ``keys`` is empty."""
        fulls = [self.naming.make(key, version) for key in keys]
        if not fulls:
            return None
        return int((yield UNLINK(fulls)))

    def discard(self, full: str, data: bytes) -> Operation[None]:
        """Removes an entry that cannot be read (``DELETE_UNREADABLE``), unless it is a lock's."""
        if len(data) != _LOCK_TOKEN_LENGTH:
            yield UNLINK([full])
