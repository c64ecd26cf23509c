"""Values: get, set and what Django builds on them."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from inspect import isawaitable
from itertools import chain
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT

from .._codec import timeouts
from .._codec.codec import MISSING, is_lock_token
from ..commands import (
    EXISTS,
    GET,
    GETDEL,
    GETEX,
    MGET,
    SET,
    UNLINK,
    Await,
    Batch,
    Operation,
    Script,
    Sleep,
    Spread,
)
from ..exceptions import ConnectionInterrupted
from .declare import Arguments, Family, always, argument, checked, operation
from .lookups import by_computing, by_default, by_keys, by_truth

# get_or_set with ``lock=True``: how many seconds one worker may compute before another tries.
_TURN = 10
# The seconds between two looks of those who wait, which grow from the first to the second.
_FIRST_PAUSE, _LAST_PAUSE = 0.01, 0.2

# Keys of one command. While a server looks at them it serves nobody else: for half a millisecond.
_PAGE = 1_000

#: The types of what SET and UNLINK reply, where nothing is amiss.
_WELL = frozenset({bool, int})

# Whoever was slower than the lock's time must not take it from the next one.
_RELEASE = Script(
    """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""
)


def _default_value(arguments: Arguments) -> Any:
    so_far = getattr(arguments.get("trouble"), "so_far", None)
    if so_far is not None:
        return so_far[0]  # it was computed, and only storing it failed
    default = arguments["default"]
    return default() if callable(default) else default


def _in_pages(command: Callable[[list[str]], Spread], fulls: list[str]) -> Operation[Sequence[Any]]:
    """The replies of ``command`` for all keys, a page each, which are sent together."""
    pages: Batch = [command(fulls[at : at + _PAGE]) for at in range(0, len(fulls), _PAGE)]
    return checked((yield pages))


class Strings(Family):
    """https://docs.djangoproject.com/en/stable/topics/cache/#basic-usage"""

    @operation(fallback=argument("default"), lookup=by_default())
    def get(self, key: Any, default: Any = None, version: Any = None) -> Operation[Any]:
        """The value stored under ``key``, or ``default``."""
        full = self.naming.make(key, version)
        data = yield GET(full)
        if data is None:
            return default
        value = self.unwrap(full, data)
        if value is MISSING:
            return (yield from self.unseen({full: data})).get(full, default)
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

    @operation(fallback=None, if_named=always(bool))
    def add(
        self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: Any = None
    ) -> Operation[bool]:
        """Stores ``value`` only if the key is not there; True when it was stored."""
        return (yield from self.set(key, value, timeout, version, nx=True))

    @operation(fallback=_default_value, lookup=by_computing())
    def get_or_set(
        self,
        key: Any,
        default: Any,
        timeout: Any = DEFAULT_TIMEOUT,
        version: Any = None,
        *,
        lock: bool | float = False,
    ) -> Operation[Any]:
        """The stored value; when there is none, ``default`` (called if callable) is stored.

        Where another worker stores one first, that value is returned. An awaitable that
        ``default()`` returns is awaited by ``aget_or_set``.

        With ``lock`` one worker of all computes, and the others wait for its value: for as many
        seconds as ``lock`` says (True: 10), after which they compute too. The lock is the key with
        ``:get_or_set`` after it; it ends with the computing, also when that fails, and by itself
        after that time when its holder has died or was cancelled.
        """
        self.milliseconds(timeout)  # a bad one is refused on a hit as well
        turn = None if lock is False else milliseconds_of_turn(lock)
        value = yield from self.get(key, MISSING, version)
        if value is not MISSING:
            return value
        if turn is None:
            return (yield from self.compute(key, default, timeout, version))
        guard = self.naming.make(key, version) + ":get_or_set"
        token = secrets.token_bytes(16)
        value = yield from self.take_turn(key, version, guard, token, turn)
        if value is not MISSING:
            return value
        try:
            value = yield from self.compute(key, default, timeout, version)
        except Exception:
            yield from self.release(guard, token)
            raise
        yield from self.release(guard, token)
        return value

    def take_turn(
        self, key: Any, version: Any, guard: str, token: bytes, turn: int
    ) -> Operation[Any]:
        """Waits for the lock ``guard`` or for the value, at most ``turn`` milliseconds. Returns
        the value, or MISSING when it is up to the caller to compute it."""
        until = time.monotonic() + turn / 1000
        pause = _FIRST_PAUSE
        while not (yield SET(guard, token, turn, nx=True)):
            left = until - time.monotonic()
            if left <= 0:
                return MISSING
            yield Sleep(min(pause, left))
            pause = min(pause * 2, _LAST_PAUSE)
            value = yield from self.get(key, MISSING, version)
            if value is not MISSING:
                return value
        # Its last holder may have stored the value between our look and our turn.
        value = yield from self.get(key, MISSING, version)
        if value is not MISSING:
            yield from self.release(guard, token)
        return value

    def release(self, guard: str, token: bytes) -> Operation[None]:
        try:
            yield from _RELEASE((guard,), token)
        except ConnectionInterrupted:
            pass  # the caller has a value, and the lock ends by itself

    def compute(self, key: Any, default: Any, timeout: Any, version: Any) -> Operation[Any]:
        """What ``default`` gives, stored unless another worker has stored a value meanwhile."""
        if callable(default):
            default = default()
            if isawaitable(default):
                default = yield Await(default)
        milliseconds = self.milliseconds(timeout)
        if milliseconds is not None and milliseconds <= 0:
            return default
        try:
            return (yield from self.offer(key, version, default, milliseconds))
        except ConnectionInterrupted as trouble:
            trouble.so_far = (default,)  # for the fallback, which must not compute again
            raise

    def offer(self, key: Any, version: Any, value: Any, milliseconds: int | None) -> Operation[Any]:
        """Stores ``value`` unless another worker has stored one meanwhile, and returns the one
        that is stored. One round trip."""
        full = self.naming.make(key, version)
        data, milliseconds = self.wrap(full, value, milliseconds)
        attempt = yield [SET(full, data, milliseconds, nx=True), GET(full).primary()]
        _, stored = checked(attempt)
        found = MISSING if stored is None else self.unwrap(full, stored)
        if found is MISSING and stored is not None and not is_lock_token(stored):
            # What lies there cannot be read, so NX would keep it there for ever.
            yield SET(full, data, milliseconds)
        return value if found is MISSING else found

    @operation(fallback=argument("default"), lookup=by_default())
    def getdel(self, key: Any, default: Any = None, version: Any = None) -> Operation[Any]:
        """The value stored under ``key``, which is removed in the same step, or ``default``. Of
        many who ask, one gets it."""
        full = self.naming.make(key, version)
        return self.value_or(full, (yield GETDEL(full)), default)

    @operation(fallback=argument("default"), lookup=by_default())
    def getex(
        self,
        key: Any,
        timeout: Any = DEFAULT_TIMEOUT,
        default: Any = None,
        version: Any = None,
    ) -> Operation[Any]:
        """The value stored under ``key``, which from now on lives for ``timeout`` seconds, or
        ``default``. As in ``touch``, None takes the expiry away and 0 or less removes the key."""
        full = self.naming.make(key, version)
        data = yield from self.get_and_live_for(full, self.milliseconds(timeout))
        return self.value_or(full, data, default)

    def get_and_live_for(self, full: str, milliseconds: int | None) -> Operation[bytes | None]:
        """Sets the time to live of a stored key; what is stored there, or None."""
        if milliseconds is None:
            command = GETEX(full, b"PERSIST")
        elif milliseconds <= 0:
            command = GETDEL(full)
        else:
            command = GETEX(full, b"PX", milliseconds)
        data: bytes | None = yield command
        return data

    def value_or(self, full: str, data: bytes | None, default: Any) -> Any:
        value = MISSING if data is None else self.unwrap(full, data)
        return default if value is MISSING else value

    @operation(fallback=always(bool))
    def delete(self, key: Any, version: Any = None, prefix: str | None = None) -> Operation[bool]:
        """Removes the key; True when it was there. ``prefix`` is used instead of KEY_PREFIX."""
        deleted: int = yield UNLINK([self.naming.make(key, version, prefix)])
        return deleted > 0

    @operation(fallback=always(bool), lookup=by_truth())
    def has_key(self, key: Any, version: Any = None) -> Operation[bool]:
        """Whether the key is there."""
        return bool((yield EXISTS(self.naming.make(key, version))))

    @operation(fallback=always(dict), lookup=by_keys())
    def get_many(self, keys: Iterable[Any], version: Any = None) -> Operation[dict[Any, Any]]:
        """The values that are there, by key. One round trip."""
        given = list(keys)
        if not given:
            return {}
        fulls = self.naming.make_many(given, version)
        if len(fulls) <= _PAGE:
            replies = yield MGET(fulls)
        else:
            replies = list(chain.from_iterable((yield from _in_pages(MGET, fulls))))
        values = self.unwrap_many(fulls, replies)
        found = {
            key: value for key, value in zip(given, values, strict=True) if value is not MISSING
        }
        if len(found) < len(given):
            unseen = {
                full: data
                for full, data, value in zip(fulls, replies, values, strict=True)
                if value is MISSING and data is not None and not isinstance(data, Exception)
            }
            if unseen:
                names = dict(zip(fulls, given, strict=True))
                shown = yield from self.unseen(unseen)
                found.update((names[full], value) for full, value in shown.items())
        return found

    @operation(fallback=lambda arguments: list(arguments["data"]), keys=("data",))
    def set_many(
        self, data: Mapping[Any, Any], timeout: Any = DEFAULT_TIMEOUT, version: Any = None
    ) -> Operation[list[Any]]:
        """Stores all of ``data``; returns the keys that could not be stored. One round trip.

        A value that cannot be serialized raises before anything is written.
        """
        if not data:
            return []
        milliseconds = self.milliseconds(timeout)
        fulls = self.naming.make_many(data, version)
        commands: Batch
        if milliseconds is not None and milliseconds <= 0:
            commands = [UNLINK([full]) for full in fulls]
        else:
            commands = self.sets_of(fulls, [*data.values()], milliseconds)
        replies = yield commands
        if len(replies) == len(data) and _WELL.issuperset(map(type, replies)):
            return []
        failed = [
            key for key, reply in zip(data, replies, strict=True) if isinstance(reply, Exception)
        ]
        if len(failed) == len(replies):
            checked(replies)
        return failed

    @operation(fallback=always(int))
    def delete_many(self, keys: Iterable[Any], version: Any = None) -> Operation[int | None]:
        """Removes the keys; returns how many were there, None when ``keys`` is empty."""
        fulls = self.naming.make_many(keys, version)
        if not fulls:
            return None  # as Django's backends do; its own tests ask for it
        if len(fulls) <= _PAGE:
            return int((yield UNLINK(fulls)))
        return int(sum((yield from _in_pages(UNLINK, fulls))))

    def unseen(self, entries: Mapping[str, bytes]) -> Operation[dict[str, Any]]:
        """What ``get`` and ``get_many`` show for stored keys whose data ``unwrap`` does not: here
        nothing. For clients that keep old values; it costs nothing where all values are seen."""
        if self.delete_unreadable:
            for full, data in entries.items():
                yield from self.discard(full, data)
        return {}

    def discard(self, full: str, data: bytes) -> Operation[None]:
        """Removes an entry that cannot be read (``DELETE_UNREADABLE``), unless it is a lock's."""
        if not is_lock_token(data):
            yield UNLINK([full])


def milliseconds_of_turn(lock: Any) -> int:
    turn = timeouts.milliseconds(_TURN if lock is True else lock)
    if turn <= 0:
        raise ValueError(f"lock must be True, or more than 0 seconds, not {lock!r}.")
    return turn
