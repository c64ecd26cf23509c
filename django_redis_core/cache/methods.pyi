# Written by `python -m django_redis_core.cache.stub` out of the operations' declarations.

import builtins
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from .._operations.declare import Declaration
from .._operations.lock_objects import AsyncLock, Lock
from .result import Result

Method = Callable[..., Any]

def blocking(declaration: Declaration) -> Method: ...
def native(declaration: Declaration) -> Method: ...
def iterating(declaration: Declaration) -> Method: ...
def aiterating(declaration: Declaration) -> Method: ...
def immediate(declaration: Declaration) -> Method: ...
def queued(declaration: Declaration) -> Method: ...
def methods(declaration: Declaration) -> dict[str, Method]: ...


class Methods:
    """The operations as a cache has them."""

    def get(self, key: Any, default: Any = None, version: Any = None, *, client: Any = None) -> Any:
        """The value stored under ``key``, or ``default``."""

    async def aget(self, key: Any, default: Any = None, version: Any = None, *, client: Any = None) -> Any:
        """The value stored under ``key``, or ``default``."""

    def set(self, key: Any, value: Any, timeout: Any = ..., version: Any = None, *, nx: bool = False, xx: bool = False, client: Any = None) -> bool:
        """Stores ``value`` for ``timeout`` seconds (None: for ever); True when it was stored.

        ``nx``: only if the key is not there; ``xx``: only if it is. A timeout of 0 or less deletes
        the key, except with ``nx``, where nothing is written and the answer is whether the key
        was free."""

    async def aset(self, key: Any, value: Any, timeout: Any = ..., version: Any = None, *, nx: bool = False, xx: bool = False, client: Any = None) -> bool:
        """Stores ``value`` for ``timeout`` seconds (None: for ever); True when it was stored.

        ``nx``: only if the key is not there; ``xx``: only if it is. A timeout of 0 or less deletes
        the key, except with ``nx``, where nothing is written and the answer is whether the key
        was free."""

    def add(self, key: Any, value: Any, timeout: Any = ..., version: Any = None, *, client: Any = None) -> bool:
        """Stores ``value`` only if the key is not there; True when it was stored."""

    async def aadd(self, key: Any, value: Any, timeout: Any = ..., version: Any = None, *, client: Any = None) -> bool:
        """Stores ``value`` only if the key is not there; True when it was stored."""

    def get_or_set(self, key: Any, default: Any, timeout: Any = ..., version: Any = None, *, lock: bool | float = False, client: Any = None) -> Any:
        """The stored value; when there is none, ``default`` (called if callable) is stored.

        Where another worker stores one first, that value is returned. An awaitable that
        ``default()`` returns is awaited by ``aget_or_set``.

        With ``lock`` one worker of all computes, and the others wait for its value: for as many
        seconds as ``lock`` says (True: 10), after which they compute too. The lock is the key with
        ``:get_or_set`` after it; it ends with the computing, also when that fails, and by itself
        after that time when its holder has died or was cancelled."""

    async def aget_or_set(self, key: Any, default: Any, timeout: Any = ..., version: Any = None, *, lock: bool | float = False, client: Any = None) -> Any:
        """The stored value; when there is none, ``default`` (called if callable) is stored.

        Where another worker stores one first, that value is returned. An awaitable that
        ``default()`` returns is awaited by ``aget_or_set``.

        With ``lock`` one worker of all computes, and the others wait for its value: for as many
        seconds as ``lock`` says (True: 10), after which they compute too. The lock is the key with
        ``:get_or_set`` after it; it ends with the computing, also when that fails, and by itself
        after that time when its holder has died or was cancelled."""

    def getdel(self, key: Any, default: Any = None, version: Any = None, *, client: Any = None) -> Any:
        """The value stored under ``key``, which is removed in the same step, or ``default``. Of
        many who ask, one gets it."""

    async def agetdel(self, key: Any, default: Any = None, version: Any = None, *, client: Any = None) -> Any:
        """The value stored under ``key``, which is removed in the same step, or ``default``. Of
        many who ask, one gets it."""

    def getex(self, key: Any, timeout: Any = ..., default: Any = None, version: Any = None, *, client: Any = None) -> Any:
        """The value stored under ``key``, which from now on lives for ``timeout`` seconds, or
        ``default``. As in ``touch``, None takes the expiry away and 0 or less removes the key."""

    async def agetex(self, key: Any, timeout: Any = ..., default: Any = None, version: Any = None, *, client: Any = None) -> Any:
        """The value stored under ``key``, which from now on lives for ``timeout`` seconds, or
        ``default``. As in ``touch``, None takes the expiry away and 0 or less removes the key."""

    def delete(self, key: Any, version: Any = None, prefix: str | None = None, *, client: Any = None) -> bool:
        """Removes the key; True when it was there. ``prefix`` is used instead of KEY_PREFIX."""

    async def adelete(self, key: Any, version: Any = None, prefix: str | None = None, *, client: Any = None) -> bool:
        """Removes the key; True when it was there. ``prefix`` is used instead of KEY_PREFIX."""

    def has_key(self, key: Any, version: Any = None, *, client: Any = None) -> bool:
        """Whether the key is there."""

    async def ahas_key(self, key: Any, version: Any = None, *, client: Any = None) -> bool:
        """Whether the key is there."""

    def get_many(self, keys: Iterable[Any], version: Any = None, *, client: Any = None) -> dict[Any, Any]:
        """The values that are there, by key. One round trip."""

    async def aget_many(self, keys: Iterable[Any], version: Any = None, *, client: Any = None) -> dict[Any, Any]:
        """The values that are there, by key. One round trip."""

    def set_many(self, data: Mapping[Any, Any], timeout: Any = ..., version: Any = None, *, client: Any = None) -> list[Any]:
        """Stores all of ``data``; returns the keys that could not be stored. One round trip.

        A value that cannot be serialized raises before anything is written."""

    async def aset_many(self, data: Mapping[Any, Any], timeout: Any = ..., version: Any = None, *, client: Any = None) -> list[Any]:
        """Stores all of ``data``; returns the keys that could not be stored. One round trip.

        A value that cannot be serialized raises before anything is written."""

    def delete_many(self, keys: Iterable[Any], version: Any = None, *, client: Any = None) -> int | None:
        """Removes the keys; returns how many were there, None when ``keys`` is empty."""

    async def adelete_many(self, keys: Iterable[Any], version: Any = None, *, client: Any = None) -> int | None:
        """Removes the keys; returns how many were there, None when ``keys`` is empty."""

    def incr(self, key: Any, delta: int = 1, version: Any = None, *, ignore_key_check: bool = False, timeout: Any = ..., client: Any = None) -> int:
        """Adds ``delta`` to the number under ``key`` and returns the sum; the expiry stays.

        Raises ValueError when the key is not there (with ``ignore_key_check`` it starts at 0) and
        ``NotANumberError`` when its value is not a number. Ints of any size and floats count
        exactly, also when many workers count at once.

        With ``timeout`` a key that is not there starts at 0 too, and lives for so many seconds
        from its first count (None: for ever): one counter for each span of time."""

    async def aincr(self, key: Any, delta: int = 1, version: Any = None, *, ignore_key_check: bool = False, timeout: Any = ..., client: Any = None) -> int:
        """Adds ``delta`` to the number under ``key`` and returns the sum; the expiry stays.

        Raises ValueError when the key is not there (with ``ignore_key_check`` it starts at 0) and
        ``NotANumberError`` when its value is not a number. Ints of any size and floats count
        exactly, also when many workers count at once.

        With ``timeout`` a key that is not there starts at 0 too, and lives for so many seconds
        from its first count (None: for ever): one counter for each span of time."""

    def decr(self, key: Any, delta: int = 1, version: Any = None, *, ignore_key_check: bool = False, timeout: Any = ..., client: Any = None) -> int:
        """Takes ``delta`` from the number under ``key``; see ``incr``."""

    async def adecr(self, key: Any, delta: int = 1, version: Any = None, *, ignore_key_check: bool = False, timeout: Any = ..., client: Any = None) -> int:
        """Takes ``delta`` from the number under ``key``; see ``incr``."""

    def incr_version(self, key: Any, delta: int = 1, version: Any = None, *, client: Any = None) -> int:
        """Moves the entry ``delta`` versions on and returns the new version; the expiry stays.

        One atomic command where both keys live together. Where they do not (a ring of shards, a
        cluster), the value is copied before it is removed, so it can be seen twice but never lost."""

    async def aincr_version(self, key: Any, delta: int = 1, version: Any = None, *, client: Any = None) -> int:
        """Moves the entry ``delta`` versions on and returns the new version; the expiry stays.

        One atomic command where both keys live together. Where they do not (a ring of shards, a
        cluster), the value is copied before it is removed, so it can be seen twice but never lost."""

    def decr_version(self, key: Any, delta: int = 1, version: Any = None, *, client: Any = None) -> int:
        """Moves the entry ``delta`` versions back; see ``incr_version``."""

    async def adecr_version(self, key: Any, delta: int = 1, version: Any = None, *, client: Any = None) -> int:
        """Moves the entry ``delta`` versions back; see ``incr_version``."""

    def touch(self, key: Any, timeout: Any = ..., version: Any = None, *, client: Any = None) -> bool:
        """Gives the entry ``timeout`` seconds from now (None: no expiry); True if it is there."""

    async def atouch(self, key: Any, timeout: Any = ..., version: Any = None, *, client: Any = None) -> bool:
        """Gives the entry ``timeout`` seconds from now (None: no expiry); True if it is there."""

    def expire(self, key: Any, timeout: Any = ..., version: Any = None, *, client: Any = None) -> bool:
        """The same as ``touch``, under Redis' name for it. Takes a timedelta as well."""

    async def aexpire(self, key: Any, timeout: Any = ..., version: Any = None, *, client: Any = None) -> bool:
        """The same as ``touch``, under Redis' name for it. Takes a timedelta as well."""

    def pexpire(self, key: Any, timeout: Any = ..., version: Any = None, *, client: Any = None) -> bool:
        """Like ``expire``, with ``timeout`` in milliseconds (DEFAULT_TIMEOUT: the cache's own) or
        a timedelta."""

    async def apexpire(self, key: Any, timeout: Any = ..., version: Any = None, *, client: Any = None) -> bool:
        """Like ``expire``, with ``timeout`` in milliseconds (DEFAULT_TIMEOUT: the cache's own) or
        a timedelta."""

    def expire_at(self, key: Any, when: datetime | int | float, version: Any = None, *, client: Any = None) -> bool:
        """Lets the entry expire at a datetime or a Unix time in seconds; True if it is there."""

    async def aexpire_at(self, key: Any, when: datetime | int | float, version: Any = None, *, client: Any = None) -> bool:
        """Lets the entry expire at a datetime or a Unix time in seconds; True if it is there."""

    def pexpire_at(self, key: Any, when: datetime | int | float, version: Any = None, *, client: Any = None) -> bool:
        """Like ``expire_at``, with a Unix time in milliseconds."""

    async def apexpire_at(self, key: Any, when: datetime | int | float, version: Any = None, *, client: Any = None) -> bool:
        """Like ``expire_at``, with a Unix time in milliseconds."""

    def persist(self, key: Any, version: Any = None, *, client: Any = None) -> bool:
        """Takes the expiry away; True if there was one."""

    async def apersist(self, key: Any, version: Any = None, *, client: Any = None) -> bool:
        """Takes the expiry away; True if there was one."""

    def ttl(self, key: Any, version: Any = None, *, client: Any = None) -> int | None:
        """The seconds left, None without an expiry, 0 without the key."""

    async def attl(self, key: Any, version: Any = None, *, client: Any = None) -> int | None:
        """The seconds left, None without an expiry, 0 without the key."""

    def pttl(self, key: Any, version: Any = None, *, client: Any = None) -> int | None:
        """The milliseconds left, None without an expiry, 0 without the key."""

    async def apttl(self, key: Any, version: Any = None, *, client: Any = None) -> int | None:
        """The milliseconds left, None without an expiry, 0 without the key."""

    def iter_keys(self, pattern: str, itersize: int | None = None, version: Any = None, *, client: Any = None) -> Iterator[Any]:
        """The keys that match a glob pattern, as callers name them, while they are being found.

        ``itersize`` is SCAN's COUNT, the work a round trip
        (https://redis.io/commands/scan/, which also says that a key may come twice). Where one of
        several servers fails, the keys of the others come before its error."""

    def aiter_keys(self, pattern: str, itersize: int | None = None, version: Any = None, *, client: Any = None) -> AsyncIterator[Any]:
        """The keys that match a glob pattern, as callers name them, while they are being found.

        ``itersize`` is SCAN's COUNT, the work a round trip
        (https://redis.io/commands/scan/, which also says that a key may come twice). Where one of
        several servers fails, the keys of the others come before its error."""

    def keys(self, pattern: str, version: Any = None, itersize: int | None = None, *, client: Any = None) -> list[str]:
        """All keys that match a glob pattern, as callers name them, each once."""

    async def akeys(self, pattern: str, version: Any = None, itersize: int | None = None, *, client: Any = None) -> list[str]:
        """All keys that match a glob pattern, as callers name them, each once."""

    def delete_pattern(self, pattern: str, version: Any = None, prefix: str | None = None, itersize: int | None = None, *, client: Any = None) -> int:
        """Deletes the keys that match a glob pattern and returns how many there were.

        Memory and the server's stall are bounded by ``itersize``: each page of keys is deleted by
        one UNLINK that travels together with the SCAN for the next page. A server may free what is
        deleted before it answers anybody else: for values of hundreds of kilobytes take fewer."""

    async def adelete_pattern(self, pattern: str, version: Any = None, prefix: str | None = None, itersize: int | None = None, *, client: Any = None) -> int:
        """Deletes the keys that match a glob pattern and returns how many there were.

        Memory and the server's stall are bounded by ``itersize``: each page of keys is deleted by
        one UNLINK that travels together with the SCAN for the next page. A server may free what is
        deleted before it answers anybody else: for values of hundreds of kilobytes take fewer."""

    def clear(self, *, client: Any = None) -> bool:
        """Empties the cache: the keys of KEY_PREFIX, or the database where there is none.

        ``CLEAR: "flushdb"`` empties the database also where there is a prefix. Raises
        ``ImproperlyConfigured`` where a KEY_FUNCTION does not say which keys have the prefix."""

    async def aclear(self, *, client: Any = None) -> bool:
        """Empties the cache: the keys of KEY_PREFIX, or the database where there is none.

        ``CLEAR: "flushdb"`` empties the database also where there is a prefix. Raises
        ``ImproperlyConfigured`` where a KEY_FUNCTION does not say which keys have the prefix."""

    def lock(self, key: Any, version: Any = None, timeout: float | None = None, sleep: float = 0.1, blocking: bool = True, blocking_timeout: float | None = None, *, thread_local: bool = True, client: Any = None) -> Lock:
        """A lock that workers of all hosts share; ``timeout``, ``sleep`` in seconds.

        It is a ``redis.lock.Lock`` (``redis.asyncio.lock.Lock`` from ``alock``) and lives under
        the cache key itself, as django-redis has it, so that workers of both packages exclude
        each other. ``timeout`` None or 0: held until released, also when the holder has died.
        Making it costs no I/O; its methods raise ``ConnectionInterrupted``, and redis-py's
        ``LockError``."""

    def alock(self, key: Any, version: Any = None, timeout: float | None = None, sleep: float = 0.1, blocking: bool = True, blocking_timeout: float | None = None, *, thread_local: bool = True, client: Any = None) -> AsyncLock:
        """A lock that workers of all hosts share; ``timeout``, ``sleep`` in seconds.

        It is a ``redis.lock.Lock`` (``redis.asyncio.lock.Lock`` from ``alock``) and lives under
        the cache key itself, as django-redis has it, so that workers of both packages exclude
        each other. ``timeout`` None or 0: held until released, also when the holder has died.
        Making it costs no I/O; its methods raise ``ConnectionInterrupted``, and redis-py's
        ``LockError``."""

    def hset(self, key: Any, field: Any = None, value: Any = ..., mapping: Mapping[Any, Any] | None = None, version: Any = None, *, client: Any = None) -> int:
        """Sets ``field`` to ``value``, all of ``mapping``, or both; returns how many fields are
        new. An empty mapping changes nothing and sends nothing."""

    async def ahset(self, key: Any, field: Any = None, value: Any = ..., mapping: Mapping[Any, Any] | None = None, version: Any = None, *, client: Any = None) -> int:
        """Sets ``field`` to ``value``, all of ``mapping``, or both; returns how many fields are
        new. An empty mapping changes nothing and sends nothing."""

    def hget(self, key: Any, field: Any, version: Any = None, *, default: Any = None, client: Any = None) -> Any:
        """The value of a field, or ``default``."""

    async def ahget(self, key: Any, field: Any, version: Any = None, *, default: Any = None, client: Any = None) -> Any:
        """The value of a field, or ``default``."""

    def hgetall(self, key: Any, version: Any = None, *, client: Any = None) -> dict[str, Any]:
        """All fields and their values; a value that cannot be read is left out."""

    async def ahgetall(self, key: Any, version: Any = None, *, client: Any = None) -> dict[str, Any]:
        """All fields and their values; a value that cannot be read is left out."""

    def hmget(self, key: Any, fields: Iterable[Any], version: Any = None, *, client: Any = None) -> list[Any]:
        """The values of ``fields`` in their order, None for what is not there. No fields: []."""

    async def ahmget(self, key: Any, fields: Iterable[Any], version: Any = None, *, client: Any = None) -> list[Any]:
        """The values of ``fields`` in their order, None for what is not there. No fields: []."""

    def hvals(self, key: Any, version: Any = None, *, client: Any = None) -> list[Any]:
        """The values of all fields; one that cannot be read is left out."""

    async def ahvals(self, key: Any, version: Any = None, *, client: Any = None) -> list[Any]:
        """The values of all fields; one that cannot be read is left out."""

    def hkeys(self, key: Any, version: Any = None, *, client: Any = None) -> list[str]:
        """The names of all fields."""

    async def ahkeys(self, key: Any, version: Any = None, *, client: Any = None) -> list[str]:
        """The names of all fields."""

    def hlen(self, key: Any, version: Any = None, *, client: Any = None) -> int:
        """How many fields there are."""

    async def ahlen(self, key: Any, version: Any = None, *, client: Any = None) -> int:
        """How many fields there are."""

    def hexists(self, key: Any, field: Any, version: Any = None, *, client: Any = None) -> bool:
        """Whether the field is there."""

    async def ahexists(self, key: Any, field: Any, version: Any = None, *, client: Any = None) -> bool:
        """Whether the field is there."""

    def hdel(self, key: Any, field: Any, version: Any = None, *, client: Any = None) -> int:
        """Removes a field; returns how many were there, 1 or 0."""

    async def ahdel(self, key: Any, field: Any, version: Any = None, *, client: Any = None) -> int:
        """Removes a field; returns how many were there, 1 or 0."""

    def hincrby(self, key: Any, field: Any, amount: int = 1, version: Any = None, *, client: Any = None) -> int:
        """Adds ``amount`` to the int in a field, which starts at 0, and returns the sum.

        Raises ``NotANumberError`` when the field holds something else, ``ReplyError`` when the
        sum leaves 64 bits. Like ``incr`` it is raised, not ignored, when the server is in trouble."""

    async def ahincrby(self, key: Any, field: Any, amount: int = 1, version: Any = None, *, client: Any = None) -> int:
        """Adds ``amount`` to the int in a field, which starts at 0, and returns the sum.

        Raises ``NotANumberError`` when the field holds something else, ``ReplyError`` when the
        sum leaves 64 bits. Like ``incr`` it is raised, not ignored, when the server is in trouble."""

    def lpush(self, key: Any, *values: Any, version: Any = None, client: Any = None) -> int:
        """Puts ``values`` before the first element, one after the other, so that the last of
        them is first; returns the new length."""

    async def alpush(self, key: Any, *values: Any, version: Any = None, client: Any = None) -> int:
        """Puts ``values`` before the first element, one after the other, so that the last of
        them is first; returns the new length."""

    def rpush(self, key: Any, *values: Any, version: Any = None, client: Any = None) -> int:
        """Puts ``values`` after the last element; returns the new length."""

    async def arpush(self, key: Any, *values: Any, version: Any = None, client: Any = None) -> int:
        """Puts ``values`` after the last element; returns the new length."""

    def lpop(self, key: Any, count: int | None = None, version: Any = None, *, client: Any = None) -> Any:
        """Takes the first element off and returns it, None when there is none; with ``count`` a
        list of up to so many. An element that cannot be read is gone, and left out."""

    async def alpop(self, key: Any, count: int | None = None, version: Any = None, *, client: Any = None) -> Any:
        """Takes the first element off and returns it, None when there is none; with ``count`` a
        list of up to so many. An element that cannot be read is gone, and left out."""

    def rpop(self, key: Any, count: int | None = None, version: Any = None, *, client: Any = None) -> Any:
        """Takes the last element off; see ``lpop``. With ``count``, the last comes first."""

    async def arpop(self, key: Any, count: int | None = None, version: Any = None, *, client: Any = None) -> Any:
        """Takes the last element off; see ``lpop``. With ``count``, the last comes first."""

    def lrange(self, key: Any, start: int, end: int, version: Any = None, *, client: Any = None) -> list[Any]:
        """The elements from ``start`` to ``end``, that one included; one that cannot be read is
        left out."""

    async def alrange(self, key: Any, start: int, end: int, version: Any = None, *, client: Any = None) -> list[Any]:
        """The elements from ``start`` to ``end``, that one included; one that cannot be read is
        left out."""

    def llen(self, key: Any, version: Any = None, *, client: Any = None) -> int:
        """How many elements there are."""

    async def allen(self, key: Any, version: Any = None, *, client: Any = None) -> int:
        """How many elements there are."""

    def ltrim(self, key: Any, start: int, end: int, version: Any = None, *, client: Any = None) -> bool:
        """Removes all but the elements from ``start`` to ``end``, that one included; True."""

    async def altrim(self, key: Any, start: int, end: int, version: Any = None, *, client: Any = None) -> bool:
        """Removes all but the elements from ``start`` to ``end``, that one included; True."""

    def lrem(self, key: Any, count: int, value: Any, version: Any = None, *, client: Any = None) -> int:
        """Removes elements equal to ``value``: the first ``count``, or the last ``-count``, or
        all with 0. Returns how many were removed. Equal are values that serialize alike."""

    async def alrem(self, key: Any, count: int, value: Any, version: Any = None, *, client: Any = None) -> int:
        """Removes elements equal to ``value``: the first ``count``, or the last ``-count``, or
        all with 0. Returns how many were removed. Equal are values that serialize alike."""

    def lindex(self, key: Any, index: int, version: Any = None, *, client: Any = None) -> Any:
        """The element at ``index``, or None."""

    async def alindex(self, key: Any, index: int, version: Any = None, *, client: Any = None) -> Any:
        """The element at ``index``, or None."""

    def sadd(self, key: Any, *members: Any, version: Any = None, client: Any = None) -> int:
        """Adds members; returns how many are new. Members must be hashable (else TypeError),
        because they are given back in a Python set."""

    async def asadd(self, key: Any, *members: Any, version: Any = None, client: Any = None) -> int:
        """Adds members; returns how many are new. Members must be hashable (else TypeError),
        because they are given back in a Python set."""

    def srem(self, key: Any, *members: Any, version: Any = None, client: Any = None) -> int:
        """Removes members; returns how many were there."""

    async def asrem(self, key: Any, *members: Any, version: Any = None, client: Any = None) -> int:
        """Removes members; returns how many were there."""

    def scard(self, key: Any, version: Any = None, *, client: Any = None) -> int:
        """How many members there are."""

    async def ascard(self, key: Any, version: Any = None, *, client: Any = None) -> int:
        """How many members there are."""

    def sismember(self, key: Any, member: Any, version: Any = None, *, client: Any = None) -> bool:
        """Whether ``member`` is in the set."""

    async def asismember(self, key: Any, member: Any, version: Any = None, *, client: Any = None) -> bool:
        """Whether ``member`` is in the set."""

    def smismember(self, key: Any, *members: Any, version: Any = None, client: Any = None) -> list[bool]:
        """Whether each of ``members`` is in the set, in their order."""

    async def asmismember(self, key: Any, *members: Any, version: Any = None, client: Any = None) -> list[bool]:
        """Whether each of ``members`` is in the set, in their order."""

    def smembers(self, key: Any, version: Any = None, *, client: Any = None) -> builtins.set[Any]:
        """All members; one that cannot be read is left out."""

    async def asmembers(self, key: Any, version: Any = None, *, client: Any = None) -> builtins.set[Any]:
        """All members; one that cannot be read is left out."""

    def spop(self, key: Any, count: int | None = None, version: Any = None, *, client: Any = None) -> Any:
        """Takes a random member out and returns it, None when there is none; with ``count`` a
        set of up to so many. A member that cannot be read is gone, and left out."""

    async def aspop(self, key: Any, count: int | None = None, version: Any = None, *, client: Any = None) -> Any:
        """Takes a random member out and returns it, None when there is none; with ``count`` a
        set of up to so many. A member that cannot be read is gone, and left out."""

    def srandmember(self, key: Any, count: int | None = None, version: Any = None, *, client: Any = None) -> Any:
        """A random member, None when there is none; with ``count`` a list of up to so many
        different ones, with a negative one of exactly ``-count``, perhaps repeated."""

    async def asrandmember(self, key: Any, count: int | None = None, version: Any = None, *, client: Any = None) -> Any:
        """A random member, None when there is none; with ``count`` a list of up to so many
        different ones, with a negative one of exactly ``-count``, perhaps repeated."""

    def sscan(self, key: Any, match: str | None = None, count: int | None = None, version: Any = None, *, client: Any = None) -> builtins.set[Any]:
        """One page of members, about ``count`` of them (the cache's ``SCAN_ITERSIZE`` without
        one), of which those that ``match`` are returned; ``sscan_iter`` goes through all pages.

        ``match`` is a glob pattern for the members as callers know them: text, or an int's digits."""

    async def asscan(self, key: Any, match: str | None = None, count: int | None = None, version: Any = None, *, client: Any = None) -> builtins.set[Any]:
        """One page of members, about ``count`` of them (the cache's ``SCAN_ITERSIZE`` without
        one), of which those that ``match`` are returned; ``sscan_iter`` goes through all pages.

        ``match`` is a glob pattern for the members as callers know them: text, or an int's digits."""

    def sscan_iter(self, key: Any, match: str | None = None, count: int | None = None, version: Any = None, *, client: Any = None) -> Iterator[Any]:
        """All members that ``match`` (see ``sscan``), while they are being found.

        ``count`` is SSCAN's COUNT, the work a round trip. A member may come twice, and one that
        is added or removed meanwhile may come or not (https://redis.io/commands/scan/)."""

    def asscan_iter(self, key: Any, match: str | None = None, count: int | None = None, version: Any = None, *, client: Any = None) -> AsyncIterator[Any]:
        """All members that ``match`` (see ``sscan``), while they are being found.

        ``count`` is SSCAN's COUNT, the work a round trip. A member may come twice, and one that
        is added or removed meanwhile may come or not (https://redis.io/commands/scan/)."""

    def sdiff(self, *keys: Any, version: Any = None, client: Any = None) -> builtins.set[Any]:
        """The members of the first set that are in none of the others. No keys: an empty set.

        Where the keys live on several servers, each set is read and the rest is done here; so it
        is for ``sinter`` and ``sunion``."""

    async def asdiff(self, *keys: Any, version: Any = None, client: Any = None) -> builtins.set[Any]:
        """The members of the first set that are in none of the others. No keys: an empty set.

        Where the keys live on several servers, each set is read and the rest is done here; so it
        is for ``sinter`` and ``sunion``."""

    def sinter(self, *keys: Any, version: Any = None, client: Any = None) -> builtins.set[Any]:
        """The members that are in all sets. No keys: an empty set."""

    async def asinter(self, *keys: Any, version: Any = None, client: Any = None) -> builtins.set[Any]:
        """The members that are in all sets. No keys: an empty set."""

    def sunion(self, *keys: Any, version: Any = None, client: Any = None) -> builtins.set[Any]:
        """The members that are in any of the sets. No keys: an empty set."""

    async def asunion(self, *keys: Any, version: Any = None, client: Any = None) -> builtins.set[Any]:
        """The members that are in any of the sets. No keys: an empty set."""

    def sdiffstore(self, dest: Any, *keys: Any, version: Any = None, version_dest: Any = None, version_keys: Any = None, client: Any = None) -> int:
        """Stores what ``sdiff`` gives under ``dest``, in one atomic step; returns how many
        members that are. An empty result removes ``dest``. ``version_dest`` and ``version_keys``
        are used instead of ``version``.

        Raises ``CrossNodeError`` where the keys live on several servers; so do ``sinterstore``
        and ``sunionstore``."""

    async def asdiffstore(self, dest: Any, *keys: Any, version: Any = None, version_dest: Any = None, version_keys: Any = None, client: Any = None) -> int:
        """Stores what ``sdiff`` gives under ``dest``, in one atomic step; returns how many
        members that are. An empty result removes ``dest``. ``version_dest`` and ``version_keys``
        are used instead of ``version``.

        Raises ``CrossNodeError`` where the keys live on several servers; so do ``sinterstore``
        and ``sunionstore``."""

    def sinterstore(self, dest: Any, *keys: Any, version: Any = None, client: Any = None) -> int:
        """Stores what ``sinter`` gives under ``dest``; see ``sdiffstore``."""

    async def asinterstore(self, dest: Any, *keys: Any, version: Any = None, client: Any = None) -> int:
        """Stores what ``sinter`` gives under ``dest``; see ``sdiffstore``."""

    def sunionstore(self, destination: Any, *keys: Any, version: Any = None, client: Any = None) -> int:
        """Stores what ``sunion`` gives under ``destination``; see ``sdiffstore``."""

    async def asunionstore(self, destination: Any, *keys: Any, version: Any = None, client: Any = None) -> int:
        """Stores what ``sunion`` gives under ``destination``; see ``sdiffstore``."""

    def smove(self, source: Any, destination: Any, member: Any, version: Any = None, *, client: Any = None) -> bool:
        """Moves a member from one set to another in one atomic step; True when it was in
        ``source``. ``version`` is that of both keys. Raises ``CrossNodeError`` where they live on
        different servers."""

    async def asmove(self, source: Any, destination: Any, member: Any, version: Any = None, *, client: Any = None) -> bool:
        """Moves a member from one set to another in one atomic step; True when it was in
        ``source``. ``version`` is that of both keys. Raises ``CrossNodeError`` where they live on
        different servers."""

    def zadd(self, key: Any, mapping: Mapping[Any, float], nx: bool = False, xx: bool = False, ch: bool = False, incr: bool = False, gt: bool = False, lt: bool = False, version: Any = None, *, client: Any = None) -> int | float | None:
        """Sets the scores of members; returns how many members are new.

        ``nx``: only new members; ``xx``: only members that are there; ``gt``, ``lt``: only if the
        score grows, or shrinks. ``ch`` counts changed scores too. ``incr`` adds to the score of
        one member and returns the new one, None when a condition kept it. An empty mapping
        changes nothing and sends nothing. Conditions that exclude each other are a ValueError."""

    async def azadd(self, key: Any, mapping: Mapping[Any, float], nx: bool = False, xx: bool = False, ch: bool = False, incr: bool = False, gt: bool = False, lt: bool = False, version: Any = None, *, client: Any = None) -> int | float | None:
        """Sets the scores of members; returns how many members are new.

        ``nx``: only new members; ``xx``: only members that are there; ``gt``, ``lt``: only if the
        score grows, or shrinks. ``ch`` counts changed scores too. ``incr`` adds to the score of
        one member and returns the new one, None when a condition kept it. An empty mapping
        changes nothing and sends nothing. Conditions that exclude each other are a ValueError."""

    def zincrby(self, key: Any, amount: float, value: Any, version: Any = None, *, client: Any = None) -> float:
        """Adds ``amount`` to the score of a member, which starts at 0, and returns the new one.
        Like ``incr`` it is raised, not ignored, when the server is in trouble."""

    async def azincrby(self, key: Any, amount: float, value: Any, version: Any = None, *, client: Any = None) -> float:
        """Adds ``amount`` to the score of a member, which starts at 0, and returns the new one.
        Like ``incr`` it is raised, not ignored, when the server is in trouble."""

    def zrem(self, key: Any, *values: Any, version: Any = None, client: Any = None) -> int:
        """Removes members; returns how many were there."""

    async def azrem(self, key: Any, *values: Any, version: Any = None, client: Any = None) -> int:
        """Removes members; returns how many were there."""

    def zremrangebyscore(self, key: Any, min: float | str, max: float | str, version: Any = None, *, client: Any = None) -> int:
        """Removes the members whose scores are from ``min`` to ``max``; returns how many."""

    async def azremrangebyscore(self, key: Any, min: float | str, max: float | str, version: Any = None, *, client: Any = None) -> int:
        """Removes the members whose scores are from ``min`` to ``max``; returns how many."""

    def zcard(self, key: Any, version: Any = None, *, client: Any = None) -> int:
        """How many members there are."""

    async def azcard(self, key: Any, version: Any = None, *, client: Any = None) -> int:
        """How many members there are."""

    def zcount(self, key: Any, min: float | str, max: float | str, version: Any = None, *, client: Any = None) -> int:
        """How many members have scores from ``min`` to ``max``."""

    async def azcount(self, key: Any, min: float | str, max: float | str, version: Any = None, *, client: Any = None) -> int:
        """How many members have scores from ``min`` to ``max``."""

    def zscore(self, key: Any, value: Any, version: Any = None, *, client: Any = None) -> float | None:
        """The score of a member, or None."""

    async def azscore(self, key: Any, value: Any, version: Any = None, *, client: Any = None) -> float | None:
        """The score of a member, or None."""

    def zmscore(self, key: Any, *values: Any, version: Any = None, client: Any = None) -> list[float | None]:
        """The score of each member, None for one that is not there, in their order. One round
        trip: https://redis.io/commands/zmscore/"""

    async def azmscore(self, key: Any, *values: Any, version: Any = None, client: Any = None) -> list[float | None]:
        """The score of each member, None for one that is not there, in their order. One round
        trip: https://redis.io/commands/zmscore/"""

    def zrank(self, key: Any, value: Any, withscore: bool = False, version: Any = None, *, client: Any = None) -> int | list[Any] | None:
        """The place of a member from the lowest score, which is 0; None when it is not there.

        ``withscore``: a list of rank and score, read right after each other."""

    async def azrank(self, key: Any, value: Any, withscore: bool = False, version: Any = None, *, client: Any = None) -> int | list[Any] | None:
        """The place of a member from the lowest score, which is 0; None when it is not there.

        ``withscore``: a list of rank and score, read right after each other."""

    def zpopmin(self, key: Any, count: int | None = None, version: Any = None, *, client: Any = None) -> Any:
        """Takes the member with the lowest score out; returns it and its score as a tuple, None
        when there is none. With ``count``, a list of up to so many, lowest first. A member that
        cannot be read is gone, and left out."""

    async def azpopmin(self, key: Any, count: int | None = None, version: Any = None, *, client: Any = None) -> Any:
        """Takes the member with the lowest score out; returns it and its score as a tuple, None
        when there is none. With ``count``, a list of up to so many, lowest first. A member that
        cannot be read is gone, and left out."""

    def zpopmax(self, key: Any, count: int | None = None, version: Any = None, *, client: Any = None) -> Any:
        """Takes the member with the highest score out; see ``zpopmin``. Highest first."""

    async def azpopmax(self, key: Any, count: int | None = None, version: Any = None, *, client: Any = None) -> Any:
        """Takes the member with the highest score out; see ``zpopmin``. Highest first."""

    def zrange(self, key: Any, start: int, end: int, desc: bool = False, withscores: bool = False, score_cast_func: Callable[[float], Any] = ..., version: Any = None, *, client: Any = None) -> list[Any]:
        """The members from rank ``start`` to ``end``, that one included, lowest score first
        (``desc``: highest first). Negative ranks count from the end.

        ``withscores``: tuples of member and score, the score (a float) passed through
        ``score_cast_func``. A member that cannot be read is left out."""

    async def azrange(self, key: Any, start: int, end: int, desc: bool = False, withscores: bool = False, score_cast_func: Callable[[float], Any] = ..., version: Any = None, *, client: Any = None) -> list[Any]:
        """The members from rank ``start`` to ``end``, that one included, lowest score first
        (``desc``: highest first). Negative ranks count from the end.

        ``withscores``: tuples of member and score, the score (a float) passed through
        ``score_cast_func``. A member that cannot be read is left out."""

    def zrevrange(self, key: Any, start: int, end: int, withscores: bool = False, score_cast_func: Callable[[float], Any] = ..., version: Any = None, *, client: Any = None) -> list[Any]:
        """``zrange`` with the highest score first."""

    async def azrevrange(self, key: Any, start: int, end: int, withscores: bool = False, score_cast_func: Callable[[float], Any] = ..., version: Any = None, *, client: Any = None) -> list[Any]:
        """``zrange`` with the highest score first."""

    def zrangebyscore(self, key: Any, min: float | str, max: float | str, start: int | None = None, num: int | None = None, withscores: bool = False, score_cast_func: Callable[[float], Any] = ..., version: Any = None, *, client: Any = None) -> list[Any]:
        """The members with scores from ``min`` to ``max``, lowest first; of these, ``start`` and
        ``num`` (both or neither) leave out the first ``start`` and return up to ``num``."""

    async def azrangebyscore(self, key: Any, min: float | str, max: float | str, start: int | None = None, num: int | None = None, withscores: bool = False, score_cast_func: Callable[[float], Any] = ..., version: Any = None, *, client: Any = None) -> list[Any]:
        """The members with scores from ``min`` to ``max``, lowest first; of these, ``start`` and
        ``num`` (both or neither) leave out the first ``start`` and return up to ``num``."""

    def zrevrangebyscore(self, key: Any, max: float | str, min: float | str, start: int | None = None, num: int | None = None, withscores: bool = False, score_cast_func: Callable[[float], Any] = ..., version: Any = None, *, client: Any = None) -> list[Any]:
        """``zrangebyscore`` with the highest score first, and ``max`` before ``min``."""

    async def azrevrangebyscore(self, key: Any, max: float | str, min: float | str, start: int | None = None, num: int | None = None, withscores: bool = False, score_cast_func: Callable[[float], Any] = ..., version: Any = None, *, client: Any = None) -> list[Any]:
        """``zrangebyscore`` with the highest score first, and ``max`` before ``min``."""


class QueuedMethods:
    """The operations as pipelines have them."""

    def get(self, key: Any, default: Any = None, version: Any = None) -> Result[Any]:
        """The value stored under ``key``, or ``default``."""

    def set(self, key: Any, value: Any, timeout: Any = ..., version: Any = None, *, nx: bool = False, xx: bool = False) -> Result[bool]:
        """Stores ``value`` for ``timeout`` seconds (None: for ever); True when it was stored.

        ``nx``: only if the key is not there; ``xx``: only if it is. A timeout of 0 or less deletes
        the key, except with ``nx``, where nothing is written and the answer is whether the key
        was free."""

    def add(self, key: Any, value: Any, timeout: Any = ..., version: Any = None) -> Result[bool]:
        """Stores ``value`` only if the key is not there; True when it was stored."""

    def get_or_set(self, key: Any, default: Any, timeout: Any = ..., version: Any = None, *, lock: bool | float = False) -> Result[Any]:
        """The stored value; when there is none, ``default`` (called if callable) is stored.

        Where another worker stores one first, that value is returned. An awaitable that
        ``default()`` returns is awaited by ``aget_or_set``.

        With ``lock`` one worker of all computes, and the others wait for its value: for as many
        seconds as ``lock`` says (True: 10), after which they compute too. The lock is the key with
        ``:get_or_set`` after it; it ends with the computing, also when that fails, and by itself
        after that time when its holder has died or was cancelled."""

    def getdel(self, key: Any, default: Any = None, version: Any = None) -> Result[Any]:
        """The value stored under ``key``, which is removed in the same step, or ``default``. Of
        many who ask, one gets it."""

    def getex(self, key: Any, timeout: Any = ..., default: Any = None, version: Any = None) -> Result[Any]:
        """The value stored under ``key``, which from now on lives for ``timeout`` seconds, or
        ``default``. As in ``touch``, None takes the expiry away and 0 or less removes the key."""

    def delete(self, key: Any, version: Any = None, prefix: str | None = None) -> Result[bool]:
        """Removes the key; True when it was there. ``prefix`` is used instead of KEY_PREFIX."""

    def has_key(self, key: Any, version: Any = None) -> Result[bool]:
        """Whether the key is there."""

    def get_many(self, keys: Iterable[Any], version: Any = None) -> Result[dict[Any, Any]]:
        """The values that are there, by key. One round trip."""

    def set_many(self, data: Mapping[Any, Any], timeout: Any = ..., version: Any = None) -> Result[list[Any]]:
        """Stores all of ``data``; returns the keys that could not be stored. One round trip.

        A value that cannot be serialized raises before anything is written."""

    def delete_many(self, keys: Iterable[Any], version: Any = None) -> Result[int | None]:
        """Removes the keys; returns how many were there, None when ``keys`` is empty."""

    def incr(self, key: Any, delta: int = 1, version: Any = None, *, ignore_key_check: bool = False, timeout: Any = ...) -> Result[int]:
        """Adds ``delta`` to the number under ``key`` and returns the sum; the expiry stays.

        Raises ValueError when the key is not there (with ``ignore_key_check`` it starts at 0) and
        ``NotANumberError`` when its value is not a number. Ints of any size and floats count
        exactly, also when many workers count at once.

        With ``timeout`` a key that is not there starts at 0 too, and lives for so many seconds
        from its first count (None: for ever): one counter for each span of time."""

    def decr(self, key: Any, delta: int = 1, version: Any = None, *, ignore_key_check: bool = False, timeout: Any = ...) -> Result[int]:
        """Takes ``delta`` from the number under ``key``; see ``incr``."""

    def incr_version(self, key: Any, delta: int = 1, version: Any = None) -> Result[int]:
        """Moves the entry ``delta`` versions on and returns the new version; the expiry stays.

        One atomic command where both keys live together. Where they do not (a ring of shards, a
        cluster), the value is copied before it is removed, so it can be seen twice but never lost."""

    def decr_version(self, key: Any, delta: int = 1, version: Any = None) -> Result[int]:
        """Moves the entry ``delta`` versions back; see ``incr_version``."""

    def touch(self, key: Any, timeout: Any = ..., version: Any = None) -> Result[bool]:
        """Gives the entry ``timeout`` seconds from now (None: no expiry); True if it is there."""

    def expire(self, key: Any, timeout: Any = ..., version: Any = None) -> Result[bool]:
        """The same as ``touch``, under Redis' name for it. Takes a timedelta as well."""

    def pexpire(self, key: Any, timeout: Any = ..., version: Any = None) -> Result[bool]:
        """Like ``expire``, with ``timeout`` in milliseconds (DEFAULT_TIMEOUT: the cache's own) or
        a timedelta."""

    def expire_at(self, key: Any, when: datetime | int | float, version: Any = None) -> Result[bool]:
        """Lets the entry expire at a datetime or a Unix time in seconds; True if it is there."""

    def pexpire_at(self, key: Any, when: datetime | int | float, version: Any = None) -> Result[bool]:
        """Like ``expire_at``, with a Unix time in milliseconds."""

    def persist(self, key: Any, version: Any = None) -> Result[bool]:
        """Takes the expiry away; True if there was one."""

    def ttl(self, key: Any, version: Any = None) -> Result[int | None]:
        """The seconds left, None without an expiry, 0 without the key."""

    def pttl(self, key: Any, version: Any = None) -> Result[int | None]:
        """The milliseconds left, None without an expiry, 0 without the key."""

    def iter_keys(self, pattern: str, itersize: int | None = None, version: Any = None) -> Result[list[Any]]:
        """The keys that match a glob pattern, as callers name them, while they are being found.

        ``itersize`` is SCAN's COUNT, the work a round trip
        (https://redis.io/commands/scan/, which also says that a key may come twice). Where one of
        several servers fails, the keys of the others come before its error."""

    def keys(self, pattern: str, version: Any = None, itersize: int | None = None) -> Result[list[str]]:
        """All keys that match a glob pattern, as callers name them, each once."""

    def delete_pattern(self, pattern: str, version: Any = None, prefix: str | None = None, itersize: int | None = None) -> Result[int]:
        """Deletes the keys that match a glob pattern and returns how many there were.

        Memory and the server's stall are bounded by ``itersize``: each page of keys is deleted by
        one UNLINK that travels together with the SCAN for the next page. A server may free what is
        deleted before it answers anybody else: for values of hundreds of kilobytes take fewer."""

    def clear(self) -> Result[bool]:
        """Empties the cache: the keys of KEY_PREFIX, or the database where there is none.

        ``CLEAR: "flushdb"`` empties the database also where there is a prefix. Raises
        ``ImproperlyConfigured`` where a KEY_FUNCTION does not say which keys have the prefix."""

    def lock(self, key: Any, version: Any = None, timeout: float | None = None, sleep: float = 0.1, blocking: bool = True, blocking_timeout: float | None = None, *, thread_local: bool = True) -> Result[Lock]:
        """A lock that workers of all hosts share; ``timeout``, ``sleep`` in seconds.

        It is a ``redis.lock.Lock`` (``redis.asyncio.lock.Lock`` from ``alock``) and lives under
        the cache key itself, as django-redis has it, so that workers of both packages exclude
        each other. ``timeout`` None or 0: held until released, also when the holder has died.
        Making it costs no I/O; its methods raise ``ConnectionInterrupted``, and redis-py's
        ``LockError``."""

    def hset(self, key: Any, field: Any = None, value: Any = ..., mapping: Mapping[Any, Any] | None = None, version: Any = None) -> Result[int]:
        """Sets ``field`` to ``value``, all of ``mapping``, or both; returns how many fields are
        new. An empty mapping changes nothing and sends nothing."""

    def hget(self, key: Any, field: Any, version: Any = None, *, default: Any = None) -> Result[Any]:
        """The value of a field, or ``default``."""

    def hgetall(self, key: Any, version: Any = None) -> Result[dict[str, Any]]:
        """All fields and their values; a value that cannot be read is left out."""

    def hmget(self, key: Any, fields: Iterable[Any], version: Any = None) -> Result[list[Any]]:
        """The values of ``fields`` in their order, None for what is not there. No fields: []."""

    def hvals(self, key: Any, version: Any = None) -> Result[list[Any]]:
        """The values of all fields; one that cannot be read is left out."""

    def hkeys(self, key: Any, version: Any = None) -> Result[list[str]]:
        """The names of all fields."""

    def hlen(self, key: Any, version: Any = None) -> Result[int]:
        """How many fields there are."""

    def hexists(self, key: Any, field: Any, version: Any = None) -> Result[bool]:
        """Whether the field is there."""

    def hdel(self, key: Any, field: Any, version: Any = None) -> Result[int]:
        """Removes a field; returns how many were there, 1 or 0."""

    def hincrby(self, key: Any, field: Any, amount: int = 1, version: Any = None) -> Result[int]:
        """Adds ``amount`` to the int in a field, which starts at 0, and returns the sum.

        Raises ``NotANumberError`` when the field holds something else, ``ReplyError`` when the
        sum leaves 64 bits. Like ``incr`` it is raised, not ignored, when the server is in trouble."""

    def lpush(self, key: Any, *values: Any, version: Any = None) -> Result[int]:
        """Puts ``values`` before the first element, one after the other, so that the last of
        them is first; returns the new length."""

    def rpush(self, key: Any, *values: Any, version: Any = None) -> Result[int]:
        """Puts ``values`` after the last element; returns the new length."""

    def lpop(self, key: Any, count: int | None = None, version: Any = None) -> Result[Any]:
        """Takes the first element off and returns it, None when there is none; with ``count`` a
        list of up to so many. An element that cannot be read is gone, and left out."""

    def rpop(self, key: Any, count: int | None = None, version: Any = None) -> Result[Any]:
        """Takes the last element off; see ``lpop``. With ``count``, the last comes first."""

    def lrange(self, key: Any, start: int, end: int, version: Any = None) -> Result[list[Any]]:
        """The elements from ``start`` to ``end``, that one included; one that cannot be read is
        left out."""

    def llen(self, key: Any, version: Any = None) -> Result[int]:
        """How many elements there are."""

    def ltrim(self, key: Any, start: int, end: int, version: Any = None) -> Result[bool]:
        """Removes all but the elements from ``start`` to ``end``, that one included; True."""

    def lrem(self, key: Any, count: int, value: Any, version: Any = None) -> Result[int]:
        """Removes elements equal to ``value``: the first ``count``, or the last ``-count``, or
        all with 0. Returns how many were removed. Equal are values that serialize alike."""

    def lindex(self, key: Any, index: int, version: Any = None) -> Result[Any]:
        """The element at ``index``, or None."""

    def sadd(self, key: Any, *members: Any, version: Any = None) -> Result[int]:
        """Adds members; returns how many are new. Members must be hashable (else TypeError),
        because they are given back in a Python set."""

    def srem(self, key: Any, *members: Any, version: Any = None) -> Result[int]:
        """Removes members; returns how many were there."""

    def scard(self, key: Any, version: Any = None) -> Result[int]:
        """How many members there are."""

    def sismember(self, key: Any, member: Any, version: Any = None) -> Result[bool]:
        """Whether ``member`` is in the set."""

    def smismember(self, key: Any, *members: Any, version: Any = None) -> Result[list[bool]]:
        """Whether each of ``members`` is in the set, in their order."""

    def smembers(self, key: Any, version: Any = None) -> Result[builtins.set[Any]]:
        """All members; one that cannot be read is left out."""

    def spop(self, key: Any, count: int | None = None, version: Any = None) -> Result[Any]:
        """Takes a random member out and returns it, None when there is none; with ``count`` a
        set of up to so many. A member that cannot be read is gone, and left out."""

    def srandmember(self, key: Any, count: int | None = None, version: Any = None) -> Result[Any]:
        """A random member, None when there is none; with ``count`` a list of up to so many
        different ones, with a negative one of exactly ``-count``, perhaps repeated."""

    def sscan(self, key: Any, match: str | None = None, count: int | None = None, version: Any = None) -> Result[builtins.set[Any]]:
        """One page of members, about ``count`` of them (the cache's ``SCAN_ITERSIZE`` without
        one), of which those that ``match`` are returned; ``sscan_iter`` goes through all pages.

        ``match`` is a glob pattern for the members as callers know them: text, or an int's digits."""

    def sscan_iter(self, key: Any, match: str | None = None, count: int | None = None, version: Any = None) -> Result[list[Any]]:
        """All members that ``match`` (see ``sscan``), while they are being found.

        ``count`` is SSCAN's COUNT, the work a round trip. A member may come twice, and one that
        is added or removed meanwhile may come or not (https://redis.io/commands/scan/)."""

    def sdiff(self, *keys: Any, version: Any = None) -> Result[builtins.set[Any]]:
        """The members of the first set that are in none of the others. No keys: an empty set.

        Where the keys live on several servers, each set is read and the rest is done here; so it
        is for ``sinter`` and ``sunion``."""

    def sinter(self, *keys: Any, version: Any = None) -> Result[builtins.set[Any]]:
        """The members that are in all sets. No keys: an empty set."""

    def sunion(self, *keys: Any, version: Any = None) -> Result[builtins.set[Any]]:
        """The members that are in any of the sets. No keys: an empty set."""

    def sdiffstore(self, dest: Any, *keys: Any, version: Any = None, version_dest: Any = None, version_keys: Any = None) -> Result[int]:
        """Stores what ``sdiff`` gives under ``dest``, in one atomic step; returns how many
        members that are. An empty result removes ``dest``. ``version_dest`` and ``version_keys``
        are used instead of ``version``.

        Raises ``CrossNodeError`` where the keys live on several servers; so do ``sinterstore``
        and ``sunionstore``."""

    def sinterstore(self, dest: Any, *keys: Any, version: Any = None) -> Result[int]:
        """Stores what ``sinter`` gives under ``dest``; see ``sdiffstore``."""

    def sunionstore(self, destination: Any, *keys: Any, version: Any = None) -> Result[int]:
        """Stores what ``sunion`` gives under ``destination``; see ``sdiffstore``."""

    def smove(self, source: Any, destination: Any, member: Any, version: Any = None) -> Result[bool]:
        """Moves a member from one set to another in one atomic step; True when it was in
        ``source``. ``version`` is that of both keys. Raises ``CrossNodeError`` where they live on
        different servers."""

    def zadd(self, key: Any, mapping: Mapping[Any, float], nx: bool = False, xx: bool = False, ch: bool = False, incr: bool = False, gt: bool = False, lt: bool = False, version: Any = None) -> Result[int | float | None]:
        """Sets the scores of members; returns how many members are new.

        ``nx``: only new members; ``xx``: only members that are there; ``gt``, ``lt``: only if the
        score grows, or shrinks. ``ch`` counts changed scores too. ``incr`` adds to the score of
        one member and returns the new one, None when a condition kept it. An empty mapping
        changes nothing and sends nothing. Conditions that exclude each other are a ValueError."""

    def zincrby(self, key: Any, amount: float, value: Any, version: Any = None) -> Result[float]:
        """Adds ``amount`` to the score of a member, which starts at 0, and returns the new one.
        Like ``incr`` it is raised, not ignored, when the server is in trouble."""

    def zrem(self, key: Any, *values: Any, version: Any = None) -> Result[int]:
        """Removes members; returns how many were there."""

    def zremrangebyscore(self, key: Any, min: float | str, max: float | str, version: Any = None) -> Result[int]:
        """Removes the members whose scores are from ``min`` to ``max``; returns how many."""

    def zcard(self, key: Any, version: Any = None) -> Result[int]:
        """How many members there are."""

    def zcount(self, key: Any, min: float | str, max: float | str, version: Any = None) -> Result[int]:
        """How many members have scores from ``min`` to ``max``."""

    def zscore(self, key: Any, value: Any, version: Any = None) -> Result[float | None]:
        """The score of a member, or None."""

    def zmscore(self, key: Any, *values: Any, version: Any = None) -> Result[list[float | None]]:
        """The score of each member, None for one that is not there, in their order. One round
        trip: https://redis.io/commands/zmscore/"""

    def zrank(self, key: Any, value: Any, withscore: bool = False, version: Any = None) -> Result[int | list[Any] | None]:
        """The place of a member from the lowest score, which is 0; None when it is not there.

        ``withscore``: a list of rank and score, read right after each other."""

    def zpopmin(self, key: Any, count: int | None = None, version: Any = None) -> Result[Any]:
        """Takes the member with the lowest score out; returns it and its score as a tuple, None
        when there is none. With ``count``, a list of up to so many, lowest first. A member that
        cannot be read is gone, and left out."""

    def zpopmax(self, key: Any, count: int | None = None, version: Any = None) -> Result[Any]:
        """Takes the member with the highest score out; see ``zpopmin``. Highest first."""

    def zrange(self, key: Any, start: int, end: int, desc: bool = False, withscores: bool = False, score_cast_func: Callable[[float], Any] = ..., version: Any = None) -> Result[list[Any]]:
        """The members from rank ``start`` to ``end``, that one included, lowest score first
        (``desc``: highest first). Negative ranks count from the end.

        ``withscores``: tuples of member and score, the score (a float) passed through
        ``score_cast_func``. A member that cannot be read is left out."""

    def zrevrange(self, key: Any, start: int, end: int, withscores: bool = False, score_cast_func: Callable[[float], Any] = ..., version: Any = None) -> Result[list[Any]]:
        """``zrange`` with the highest score first."""

    def zrangebyscore(self, key: Any, min: float | str, max: float | str, start: int | None = None, num: int | None = None, withscores: bool = False, score_cast_func: Callable[[float], Any] = ..., version: Any = None) -> Result[list[Any]]:
        """The members with scores from ``min`` to ``max``, lowest first; of these, ``start`` and
        ``num`` (both or neither) leave out the first ``start`` and return up to ``num``."""

    def zrevrangebyscore(self, key: Any, max: float | str, min: float | str, start: int | None = None, num: int | None = None, withscores: bool = False, score_cast_func: Callable[[float], Any] = ..., version: Any = None) -> Result[list[Any]]:
        """``zrangebyscore`` with the highest score first, and ``max`` before ``min``."""
