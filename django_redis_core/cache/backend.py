"""The Django backend: a facade without logic.

One line an operation and way of calling it. What the operation does stands in ``operations``, who
runs it in ``drivers``; a test compares the lines here with the operations that there are.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from typing import Any, Concatenate, ParamSpec, TypeVar

from django.core.cache.backends.base import BaseCache

from .. import checks  # noqa: F401  # importing registers them
from .._engine.assembly import Engine, engine_for
from .._engine.driver import Driver
from .._operations.counters import Counters
from .._operations.declare import OPERATIONS
from .._operations.expiry import Expiry
from .._operations.hashes import Hashes
from .._operations.lists import Lists
from .._operations.locks import Locks
from .._operations.scanning import Scanning
from .._operations.sets import Sets
from .._operations.sorted_sets import SortedSets
from .._operations.strings import Strings
from .._operations.versions import Versions
from ..commands import Operation
from ..interfaces.client import Client
from .pipeline import AsyncPipeline, Pipeline, named

T = TypeVar("T")
P = ParamSpec("P")


def blocking(
    operation: Callable[Concatenate[Any, P], Operation[T]],
) -> Callable[Concatenate[RedisCache, P], T]:
    """The method that runs an operation and waits for it."""
    declaration = OPERATIONS[operation.__name__]

    def method(self: RedisCache, *args: Any, **kwargs: Any) -> Any:
        if "client" in kwargs:
            return self._on(kwargs).call(declaration, args, kwargs)
        return self._driver.call(declaration, args, kwargs)

    return named(method, operation, declaration.name)  # type: ignore[no-any-return]


def native(
    operation: Callable[Concatenate[Any, P], Operation[T]],
) -> Callable[Concatenate[RedisCache, P], Coroutine[Any, Any, T]]:
    """The coroutine method that runs an operation on asyncio, without a thread."""
    declaration = OPERATIONS[operation.__name__]

    async def method(self: RedisCache, *args: Any, **kwargs: Any) -> Any:
        if "client" in kwargs:
            return await self._on(kwargs).acall(declaration, args, kwargs)
        return await self._driver.acall(declaration, args, kwargs)

    return named(method, operation, "a" + declaration.name)  # type: ignore[no-any-return]


def iterating(
    operation: Callable[Concatenate[Any, P], Operation[None]],
) -> Callable[Concatenate[RedisCache, P], Iterator[Any]]:
    """The method that iterates over what an operation finds, as it finds it."""
    declaration = OPERATIONS[operation.__name__]

    def method(self: RedisCache, *args: Any, **kwargs: Any) -> Iterator[Any]:
        return self._on(kwargs).iterate(declaration, args, kwargs)

    return named(method, operation, declaration.name)  # type: ignore[no-any-return]


def aiterating(
    operation: Callable[Concatenate[Any, P], Operation[None]],
) -> Callable[Concatenate[RedisCache, P], AsyncIterator[Any]]:
    """The same for ``async for``."""
    declaration = OPERATIONS[operation.__name__]

    def method(self: RedisCache, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        return self._on(kwargs).aiterate(declaration, args, kwargs)

    return named(method, operation, "a" + declaration.name)  # type: ignore[no-any-return]


def immediate(
    operation: Callable[Concatenate[Any, P], Operation[T]],
) -> Callable[Concatenate[RedisCache, P], T]:
    """The asyncio method of an operation that needs no I/O, so there is nothing to await."""
    declaration = OPERATIONS[operation.__name__]

    def method(self: RedisCache, *args: Any, **kwargs: Any) -> Any:
        return self._engine.immediate_driver.call(declaration, args, kwargs)

    return named(method, operation, "a" + declaration.name)  # type: ignore[no-any-return]


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


class RedisCache(BaseCache):
    """The backend that ``CACHES`` names.

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

    get, aget = blocking(Strings.get), native(Strings.get)
    set, aset = blocking(Strings.set), native(Strings.set)
    add, aadd = blocking(Strings.add), native(Strings.add)
    get_or_set, aget_or_set = blocking(Strings.get_or_set), native(Strings.get_or_set)
    getdel, agetdel = blocking(Strings.getdel), native(Strings.getdel)
    getex, agetex = blocking(Strings.getex), native(Strings.getex)
    delete, adelete = blocking(Strings.delete), native(Strings.delete)
    has_key, ahas_key = blocking(Strings.has_key), native(Strings.has_key)
    get_many, aget_many = blocking(Strings.get_many), native(Strings.get_many)
    set_many, aset_many = blocking(Strings.set_many), native(Strings.set_many)
    delete_many, adelete_many = blocking(Strings.delete_many), native(Strings.delete_many)

    incr, aincr = blocking(Counters.incr), native(Counters.incr)
    decr, adecr = blocking(Counters.decr), native(Counters.decr)
    incr_version, aincr_version = blocking(Versions.incr_version), native(Versions.incr_version)
    decr_version, adecr_version = blocking(Versions.decr_version), native(Versions.decr_version)

    touch, atouch = blocking(Expiry.touch), native(Expiry.touch)
    expire, aexpire = blocking(Expiry.expire), native(Expiry.expire)
    pexpire, apexpire = blocking(Expiry.pexpire), native(Expiry.pexpire)
    expire_at, aexpire_at = blocking(Expiry.expire_at), native(Expiry.expire_at)
    pexpire_at, apexpire_at = blocking(Expiry.pexpire_at), native(Expiry.pexpire_at)
    persist, apersist = blocking(Expiry.persist), native(Expiry.persist)
    ttl, attl = blocking(Expiry.ttl), native(Expiry.ttl)
    pttl, apttl = blocking(Expiry.pttl), native(Expiry.pttl)

    iter_keys, aiter_keys = iterating(Scanning.iter_keys), aiterating(Scanning.iter_keys)
    keys, akeys = blocking(Scanning.keys), native(Scanning.keys)
    delete_pattern = blocking(Scanning.delete_pattern)
    adelete_pattern = native(Scanning.delete_pattern)
    clear, aclear = blocking(Scanning.clear), native(Scanning.clear)

    lock, alock = blocking(Locks.lock), immediate(Locks.lock)

    hset, ahset = blocking(Hashes.hset), native(Hashes.hset)
    hget, ahget = blocking(Hashes.hget), native(Hashes.hget)
    hgetall, ahgetall = blocking(Hashes.hgetall), native(Hashes.hgetall)
    hmget, ahmget = blocking(Hashes.hmget), native(Hashes.hmget)
    hvals, ahvals = blocking(Hashes.hvals), native(Hashes.hvals)
    hkeys, ahkeys = blocking(Hashes.hkeys), native(Hashes.hkeys)
    hlen, ahlen = blocking(Hashes.hlen), native(Hashes.hlen)
    hexists, ahexists = blocking(Hashes.hexists), native(Hashes.hexists)
    hdel, ahdel = blocking(Hashes.hdel), native(Hashes.hdel)
    hincrby, ahincrby = blocking(Hashes.hincrby), native(Hashes.hincrby)

    lpush, alpush = blocking(Lists.lpush), native(Lists.lpush)
    rpush, arpush = blocking(Lists.rpush), native(Lists.rpush)
    lpop, alpop = blocking(Lists.lpop), native(Lists.lpop)
    rpop, arpop = blocking(Lists.rpop), native(Lists.rpop)
    lrange, alrange = blocking(Lists.lrange), native(Lists.lrange)
    llen, allen = blocking(Lists.llen), native(Lists.llen)
    ltrim, altrim = blocking(Lists.ltrim), native(Lists.ltrim)
    lrem, alrem = blocking(Lists.lrem), native(Lists.lrem)
    lindex, alindex = blocking(Lists.lindex), native(Lists.lindex)

    sadd, asadd = blocking(Sets.sadd), native(Sets.sadd)
    srem, asrem = blocking(Sets.srem), native(Sets.srem)
    scard, ascard = blocking(Sets.scard), native(Sets.scard)
    sismember, asismember = blocking(Sets.sismember), native(Sets.sismember)
    smismember, asmismember = blocking(Sets.smismember), native(Sets.smismember)
    smembers, asmembers = blocking(Sets.smembers), native(Sets.smembers)
    spop, aspop = blocking(Sets.spop), native(Sets.spop)
    srandmember, asrandmember = blocking(Sets.srandmember), native(Sets.srandmember)
    sscan, asscan = blocking(Sets.sscan), native(Sets.sscan)
    sscan_iter, asscan_iter = iterating(Sets.sscan_iter), aiterating(Sets.sscan_iter)
    sdiff, asdiff = blocking(Sets.sdiff), native(Sets.sdiff)
    sinter, asinter = blocking(Sets.sinter), native(Sets.sinter)
    sunion, asunion = blocking(Sets.sunion), native(Sets.sunion)
    sdiffstore, asdiffstore = blocking(Sets.sdiffstore), native(Sets.sdiffstore)
    sinterstore, asinterstore = blocking(Sets.sinterstore), native(Sets.sinterstore)
    sunionstore, asunionstore = blocking(Sets.sunionstore), native(Sets.sunionstore)
    smove, asmove = blocking(Sets.smove), native(Sets.smove)

    zadd, azadd = blocking(SortedSets.zadd), native(SortedSets.zadd)
    zincrby, azincrby = blocking(SortedSets.zincrby), native(SortedSets.zincrby)
    zrem, azrem = blocking(SortedSets.zrem), native(SortedSets.zrem)
    zremrangebyscore = blocking(SortedSets.zremrangebyscore)
    azremrangebyscore = native(SortedSets.zremrangebyscore)
    zcard, azcard = blocking(SortedSets.zcard), native(SortedSets.zcard)
    zcount, azcount = blocking(SortedSets.zcount), native(SortedSets.zcount)
    zscore, azscore = blocking(SortedSets.zscore), native(SortedSets.zscore)
    zrank, azrank = blocking(SortedSets.zrank), native(SortedSets.zrank)
    zpopmin, azpopmin = blocking(SortedSets.zpopmin), native(SortedSets.zpopmin)
    zpopmax, azpopmax = blocking(SortedSets.zpopmax), native(SortedSets.zpopmax)
    zrange, azrange = blocking(SortedSets.zrange), native(SortedSets.zrange)
    zrevrange, azrevrange = blocking(SortedSets.zrevrange), native(SortedSets.zrevrange)
    zrangebyscore = blocking(SortedSets.zrangebyscore)
    azrangebyscore = native(SortedSets.zrangebyscore)
    zrevrangebyscore = blocking(SortedSets.zrevrangebyscore)
    azrevrangebyscore = native(SortedSets.zrevrangebyscore)

    def pipeline(self) -> Pipeline:
        """Queues operations and sends them together; see ``Pipeline``."""
        return Pipeline(self._driver)

    def apipeline(self) -> AsyncPipeline:
        """The same for asyncio; see ``AsyncPipeline``."""
        return AsyncPipeline(self._driver)

    def raw_client(self, *, write: bool = True, key: Any = None) -> Any:
        """A redis-py client for the primary, or with ``write=False`` for a replica. ``key``: one
        for the server where that lives, where keys are spread over several."""
        return self._engine.raw_clients(write, key).client()

    def async_raw_client(self, *, write: bool = True, key: Any = None) -> Any:
        """The same for the running event loop."""
        return self._engine.raw_clients(write, key).async_client()

    def __contains__(self, key: Any) -> bool:
        return self.has_key(key)

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
