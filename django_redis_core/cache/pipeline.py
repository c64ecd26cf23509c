"""Many operations in a few round trips.

A pipeline drives its operations in lockstep: one round trip for all their first commands, one for
all their second ones. That is itself an operation, so blocking code and asyncio share it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from inspect import isawaitable
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

from .._engine.driver import Driver
from .._operations.counters import Counters
from .._operations.declare import OPERATIONS, Declaration, collect
from .._operations.expiry import Expiry
from .._operations.hashes import Hashes
from .._operations.lists import Lists
from .._operations.locks import Locks
from .._operations.scanning import Scanning
from .._operations.sets import Sets
from .._operations.sorted_sets import SortedSets
from .._operations.strings import Strings
from .._operations.versions import Versions
from ..commands import Command, Operation, Spread, arun, run, with_sources
from ..exceptions import ConnectionInterrupted

T = TypeVar("T")
P = ParamSpec("P")


class Result(Generic[T]):
    """What one operation of a pipeline will return, or raised."""

    __slots__ = ("_error", "_value", "done")

    def __init__(self) -> None:
        self.done = False
        self._value: Any = None
        self._error: Exception | None = None

    @property
    def value(self) -> T:
        """The operation's return value; raises what the operation raised."""
        if not self.done:
            raise RuntimeError("The pipeline has not been executed yet.")
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[no-any-return]

    def settle(self, value: Any, error: Exception | None = None) -> None:
        self._value, self._error, self.done = value, error, True


class _Step:
    """An operation under way, and what it asked for last."""

    __slots__ = ("operation", "request", "result")

    def __init__(self, operation: Operation[Any], result: Result[Any]) -> None:
        self.operation = operation
        self.result = result
        self.request: Any = None

    def advance(self, answer: Any) -> bool:
        """Hands over an answer; False when the operation has ended."""
        try:
            if isinstance(answer, Exception):
                self.request = self.operation.throw(answer)
            else:
                self.request = self.operation.send(answer)
        except StopIteration as stop:
            self.result.settle(stop.value)
            return False
        except Exception as error:
            self.result.settle(None, error)
            return False
        return True


def lockstep(steps: Sequence[_Step]) -> Operation[None]:
    """Drives all operations to their ends, a round trip for each of their steps."""
    waiting = [step for step in steps if step.advance(None)]
    while waiting:
        batch: list[Command | Spread] = []
        for step in waiting:
            request = step.request
            if isinstance(request, list):
                batch += request
            elif isinstance(request, Command | Spread):
                batch.append(request)
        replies = iter((yield from _sent(batch)) if batch else ())
        going_on = []
        for step in waiting:
            request = step.request
            answer: Any
            if isinstance(request, list):
                answer = [next(replies) for _ in request]
            elif isinstance(request, Command | Spread):
                answer = next(replies)
            else:
                try:
                    answer = yield request
                except Exception as error:
                    answer = error
            if step.advance(answer):
                going_on.append(step)
        waiting = going_on


def _sent(batch: Sequence[Command | Spread]) -> Operation[list[Any]]:
    """The replies; where none can be sent (no server is known), that error for each."""
    try:
        return (yield with_sources(batch))  # type: ignore[no-any-return]
    except ConnectionInterrupted as trouble:
        return [trouble] * len(batch)


class _Queue:
    """What both pipelines have: the operations that wait for ``execute``."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._queued: list[tuple[Declaration, Sequence[Any], Mapping[str, Any], Result[Any]]] = []

    def __len__(self) -> int:
        return len(self._queued)

    def _queue(
        self, declaration: Declaration, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Result[Any]:
        declaration.signature.bind(None, *args, **kwargs)  # a TypeError belongs to its line
        result: Result[Any] = Result()
        self._queued.append((declaration, args, kwargs, result))
        return result

    def _begin(self) -> list[_Step]:
        client = self._driver.client
        steps = []
        for declaration, args, kwargs, result in self._queued:
            operation = getattr(client, declaration.name)(*args, **kwargs)
            if declaration.stream:
                operation = collect(operation)
            steps.append(_Step(operation, result))
        return steps

    def _end(self, raise_on_error: bool) -> list[Any]:
        queued, self._queued = self._queued, []
        values: list[Any] = []
        first: Exception | None = None
        for declaration, args, kwargs, result in queued:
            try:
                value = result.value
            except ConnectionInterrupted as trouble:
                try:
                    value = self._driver.guard(declaration, args, kwargs, trouble)
                    result.settle(value)
                except ConnectionInterrupted as error:
                    first, value = first or error, error
            except Exception as error:
                value = self._driver.explained(declaration, error)
                if value is not error:
                    result.settle(None, value)
                first = first or value
            values.append(value)
        if first is not None and raise_on_error:
            raise first
        return values


def queued(
    operation: Callable[Concatenate[Any, P], Operation[T]],
) -> Callable[Concatenate[_Queue, P], Result[T]]:
    """The pipeline's method for an operation."""
    declaration = OPERATIONS[operation.__name__]

    def method(self: _Queue, *args: P.args, **kwargs: P.kwargs) -> Result[T]:
        return self._queue(declaration, args, kwargs)

    return named(method, operation, declaration.name)  # type: ignore[no-any-return]


def named(method: Any, operation: Any, name: str) -> Any:
    """``method`` with the name, signature and documentation of the operation that it runs."""
    method.__name__ = name
    method.__qualname__ = name
    method.__doc__ = operation.__doc__
    method.__wrapped__ = operation  # where inspect finds the signature
    return method


class _Operations(_Queue):
    """The operations of the cache, each returning a ``Result``."""

    get = queued(Strings.get)
    set = queued(Strings.set)
    add = queued(Strings.add)
    get_or_set = queued(Strings.get_or_set)
    getdel = queued(Strings.getdel)
    getex = queued(Strings.getex)
    delete = queued(Strings.delete)
    has_key = queued(Strings.has_key)
    get_many = queued(Strings.get_many)
    set_many = queued(Strings.set_many)
    delete_many = queued(Strings.delete_many)
    incr = queued(Counters.incr)
    decr = queued(Counters.decr)
    incr_version = queued(Versions.incr_version)
    decr_version = queued(Versions.decr_version)
    touch = queued(Expiry.touch)
    expire = queued(Expiry.expire)
    pexpire = queued(Expiry.pexpire)
    expire_at = queued(Expiry.expire_at)
    pexpire_at = queued(Expiry.pexpire_at)
    persist = queued(Expiry.persist)
    ttl = queued(Expiry.ttl)
    pttl = queued(Expiry.pttl)
    iter_keys = queued(Scanning.iter_keys)
    keys = queued(Scanning.keys)
    delete_pattern = queued(Scanning.delete_pattern)
    clear = queued(Scanning.clear)
    lock = queued(Locks.lock)
    hset = queued(Hashes.hset)
    hget = queued(Hashes.hget)
    hgetall = queued(Hashes.hgetall)
    hmget = queued(Hashes.hmget)
    hvals = queued(Hashes.hvals)
    hkeys = queued(Hashes.hkeys)
    hlen = queued(Hashes.hlen)
    hexists = queued(Hashes.hexists)
    hdel = queued(Hashes.hdel)
    hincrby = queued(Hashes.hincrby)
    lpush = queued(Lists.lpush)
    rpush = queued(Lists.rpush)
    lpop = queued(Lists.lpop)
    rpop = queued(Lists.rpop)
    lrange = queued(Lists.lrange)
    llen = queued(Lists.llen)
    ltrim = queued(Lists.ltrim)
    lrem = queued(Lists.lrem)
    lindex = queued(Lists.lindex)
    sadd = queued(Sets.sadd)
    srem = queued(Sets.srem)
    scard = queued(Sets.scard)
    sismember = queued(Sets.sismember)
    smismember = queued(Sets.smismember)
    smembers = queued(Sets.smembers)
    spop = queued(Sets.spop)
    srandmember = queued(Sets.srandmember)
    sscan = queued(Sets.sscan)
    sscan_iter = queued(Sets.sscan_iter)
    sdiff = queued(Sets.sdiff)
    sinter = queued(Sets.sinter)
    sunion = queued(Sets.sunion)
    sdiffstore = queued(Sets.sdiffstore)
    sinterstore = queued(Sets.sinterstore)
    sunionstore = queued(Sets.sunionstore)
    smove = queued(Sets.smove)
    zadd = queued(SortedSets.zadd)
    zincrby = queued(SortedSets.zincrby)
    zrem = queued(SortedSets.zrem)
    zremrangebyscore = queued(SortedSets.zremrangebyscore)
    zcard = queued(SortedSets.zcard)
    zcount = queued(SortedSets.zcount)
    zscore = queued(SortedSets.zscore)
    zrank = queued(SortedSets.zrank)
    zpopmin = queued(SortedSets.zpopmin)
    zpopmax = queued(SortedSets.zpopmax)
    zrange = queued(SortedSets.zrange)
    zrevrange = queued(SortedSets.zrevrange)
    zrangebyscore = queued(SortedSets.zrangebyscore)
    zrevrangebyscore = queued(SortedSets.zrevrangebyscore)


class Pipeline(_Operations):
    """``with cache.pipeline() as p``: queues operations, sends them together.

    Each method takes what the cache's method takes and returns a ``Result``; ``execute`` sends
    what is queued and returns all values in order, and the end of the ``with`` block does so too.
    """

    def execute(self, *, raise_on_error: bool = True) -> list[Any]:
        """Runs what is queued. The first error is raised after everything has run, or, with
        ``raise_on_error=False``, stands in the list."""
        run(lockstep(self._begin()), self._driver.execute)
        return self._end(raise_on_error)

    def __enter__(self) -> Pipeline:
        return self

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
        if kind is None and self._queued:
            self.execute()


class AsyncPipeline(_Operations):
    """``async with cache.apipeline() as p``: the same for asyncio; ``await p.execute()``."""

    async def execute(self, *, raise_on_error: bool = True) -> list[Any]:
        """See ``Pipeline.execute``."""
        results = [queued[-1] for queued in self._queued]
        await arun(lockstep(self._begin()), self._driver.aexecute)
        values = self._end(raise_on_error)
        for position, value in enumerate(values):
            if isawaitable(value):  # a fallback that was an asynchronous function's
                values[position] = await value
                results[position].settle(values[position])
        return values

    async def __aenter__(self) -> AsyncPipeline:
        return self

    async def __aexit__(self, kind: Any, error: Any, traceback: Any) -> None:
        if kind is None and self._queued:
            await self.execute()
