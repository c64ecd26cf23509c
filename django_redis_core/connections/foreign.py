"""Running an operation on a redis-py client or pipeline that the caller brings (``client=``)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import redis.exceptions
from redis.crc import key_slot

from .._budgets import at_first_use, waiting
from ..commands import (
    Argument,
    Await,
    Call,
    Command,
    Key,
    Places,
    Primaries,
    Reply,
    Runner,
    Sleep,
    Spread,
    WantRunner,
)
from ..commands.running import arun, run
from ..exceptions import ConnectionInterrupted, CrossNodeError, RedisCacheError, ServerTimeout
from .budgeted import apause, called, limit_of, pause, refuse
from .limits import in_time
from .link import from_redis_py
from .troubles import limit_in

_PIPELINES = ("Pipeline", "ClusterPipeline")
_CLUSTERS = ("RedisCluster", "ClusterPipeline")


def is_pipeline(client: Any) -> bool:
    """Whether ``client`` queues commands instead of answering them."""
    return any(base.__name__ in _PIPELINES for base in type(client).__mro__)


def slot(key: Key) -> int:
    return int(key_slot(key if isinstance(key, bytes) else key.encode()))


class ForeignExecutor:
    """Answers requests by ``client.execute_command``, one after the other."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self._cluster = any(base.__name__ in _CLUSTERS for base in type(client).__mro__)

    def __call__(self, request: Any) -> Any:
        return self._answer(request, self._command)

    def _command(self, command: Command) -> Reply:
        try:
            reply = self.client.execute_command(*self._args(command))
        except Exception as error:
            raise translated(error, self.client) from error
        return read(command, reply)

    def _answer(self, request: Any, send: Callable[[Command], Any]) -> Any:
        if isinstance(request, Command):
            return send(request)
        if isinstance(request, Spread):
            parts = self._parts(request)
            if len(parts) == 1:
                return send(parts[0][1])
            return request.merge([(positions, send(part)) for positions, part in parts])
        if isinstance(request, list):
            return [self._caught(single, send) for single in request]
        if isinstance(request, Sleep):
            return pause(request.seconds)
        if isinstance(request, Call):
            return called(request, self.client)
        if isinstance(request, WantRunner):
            return Runner(partial(run, execute=self), asynchronous=False)
        return self.control(request)

    def _caught(self, request: Any, send: Callable[[Command], Any]) -> Any:
        try:
            return self._answer(request, send)
        except RedisCacheError as error:
            return error

    def _args(self, command: Command) -> tuple[Argument, ...]:
        # A cluster's client looks a command up by its name, as text, to find where its keys live.
        if self._cluster:
            return command.kind.name.decode(), *command.args[1:]
        return command.args

    def _parts(self, spread: Spread) -> list[tuple[list[int], Command]]:
        return spread.split(slot if self._cluster else lambda key: None)

    def control(self, request: Any) -> Any:
        if isinstance(request, Primaries):
            if self._cluster:
                raise CrossNodeError(
                    "Work over the whole keyspace cannot run on a cluster's client (client=), "
                    "which would do it on one node: leave client= out."
                )
            return (None,)  # SCAN and the like go where the client goes
        if isinstance(request, Places):
            return [slot(key) if self._cluster else None for key in request.keys]
        raise TypeError(f"{request!r} cannot run on a client of your own (client=).")


class AsyncForeignExecutor(ForeignExecutor):
    """The same for an asyncio client."""

    async def __call__(self, request: Any) -> Any:
        if isinstance(request, list):
            replies = []
            for single in request:
                try:
                    replies.append(await self(single))
                except RedisCacheError as error:
                    replies.append(error)
            return replies
        if isinstance(request, Spread):
            parts = self._parts(request)
            if len(parts) > 1:
                return request.merge([(positions, await self(part)) for positions, part in parts])
            request = parts[0][1]
        if isinstance(request, Sleep):
            return await apause(request.seconds)
        if isinstance(request, Await):
            return await request.awaitable
        if isinstance(request, WantRunner):
            return Runner(partial(arun, execute=self), asynchronous=True)
        if not isinstance(request, Command):
            return self.control(request)
        return await self._acommand(request)

    async def _acommand(self, command: Command) -> Reply:
        try:
            reply = await self.client.execute_command(*self._args(command))
        except Exception as error:
            raise translated(error, self.client) from error
        return read(command, reply)


class AsyncOwnExecutor:
    """Answers requests by the running loop's client of ``ASYNC_REDIS_CLIENT_CLASS``, where that is
    no redis-py's. ``find`` gives it."""

    def __init__(self, find: Callable[[], Any]) -> None:
        self._find = find

    async def __call__(self, request: Any) -> Any:
        return await AsyncForeignExecutor(self._find())(request)

    def immediately(self, request: Any) -> Any:
        """Answers operations that need no I/O, so that there is nothing to await."""
        if isinstance(request, WantRunner):
            return Runner(partial(arun, execute=self), asynchronous=True)
        raise TypeError(f"{request!r} has to be awaited.")


_command, _acommand = ForeignExecutor._command, AsyncForeignExecutor._acommand


def _budgeted_command(self: ForeignExecutor, command: Command) -> Reply:
    # redis-py waits as long as its own timeouts say; the next command is refused.
    wait = waiting()
    if wait is None:
        return _command(self, command)
    with wait:
        refuse(wait, type(self.client).__name__)
        return _command(self, command)


async def _budgeted_acommand(self: AsyncForeignExecutor, command: Command) -> Reply:
    wait = waiting()
    if wait is None:
        return await _acommand(self, command)
    with wait:
        name = type(self.client).__name__
        refuse(wait, name)
        return await in_time(limit_of(wait), name, _acommand(self, command))


def _look_for_budgets() -> None:
    for kind, name, method in (
        (ForeignExecutor, "_command", _budgeted_command),
        (AsyncForeignExecutor, "_acommand", _budgeted_acommand),
    ):
        setattr(kind, name, method)


at_first_use(_look_for_budgets)


def read(command: Command, reply: Reply) -> Reply:
    if hasattr(reply, "execute_command"):
        return 1  # a pipeline's, which has queued it: what it will do is not known, so it is done
    return reply if command.kind.read is None else command.kind.read(reply)


def translated(error: Exception, client: Any) -> Exception:
    """Our error for one that redis-py raised."""
    if isinstance(error, RedisCacheError):
        return error
    limit = limit_in(error)
    if limit is not None:
        return limit
    name = type(client).__name__
    if isinstance(error, redis.exceptions.TimeoutError):
        return ServerTimeout(name, str(error))
    if isinstance(error, redis.exceptions.ConnectionError | OSError):
        return ConnectionInterrupted(name, str(error))
    if isinstance(error, redis.exceptions.ResponseError):
        return from_redis_py(error)
    return error
