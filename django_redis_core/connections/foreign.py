"""Running an operation on a redis-py client or pipeline that the caller brings (``client=``)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import redis.exceptions

from ..commands import Command, Reply, Spread
from ..exceptions import ConnectionInterrupted, RedisCacheError, ServerTimeout
from ..requests import Await, Call, Places, Primaries, RawClient, Sleep
from .link import from_redis_py

_PIPELINES = ("Pipeline", "ClusterPipeline")


def is_pipeline(client: Any) -> bool:
    """Whether ``client`` queues commands instead of answering them."""
    return any(base.__name__ in _PIPELINES for base in type(client).__mro__)


class ForeignExecutor:
    """Answers requests by ``client.execute_command``, one after the other."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def __call__(self, request: Any) -> Any:
        return self._answer(request, self._command)

    def _command(self, command: Command) -> Reply:
        try:
            reply = self.client.execute_command(*command.args)
        except Exception as error:
            raise translated(error, self.client) from error
        return read(command, reply)

    def _answer(self, request: Any, send: Callable[[Command], Any]) -> Any:
        if isinstance(request, Command):
            return send(request)
        if isinstance(request, Spread):
            return send(request.whole())
        if isinstance(request, list):
            return [self._caught(single, send) for single in request]
        if isinstance(request, Sleep):
            return time.sleep(request.seconds)
        if isinstance(request, Call):
            return request.function(self.client)
        return self.control(request)

    def _caught(self, request: Any, send: Callable[[Command], Any]) -> Any:
        try:
            return self._answer(request, send)
        except RedisCacheError as error:
            return error

    def control(self, request: Any) -> Any:
        if isinstance(request, Primaries):
            return (None,)  # SCAN and the like go where the client goes
        if isinstance(request, Places):
            return [None] * len(request.keys)
        if isinstance(request, RawClient):
            return self.client
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
            request = request.whole()
        if isinstance(request, Sleep):
            return await asyncio.sleep(request.seconds)
        if isinstance(request, Await):
            return await request.awaitable
        if not isinstance(request, Command):
            return self.control(request)
        try:
            reply = await self.client.execute_command(*request.args)
        except Exception as error:
            raise translated(error, self.client) from error
        return read(request, reply)


def read(command: Command, reply: Reply) -> Reply:
    return reply if command.kind.read is None else command.kind.read(reply)


def translated(error: Exception, client: Any) -> Exception:
    """Our error for one that redis-py raised."""
    name = type(client).__name__
    if isinstance(error, redis.exceptions.TimeoutError):
        return ServerTimeout(name, str(error))
    if isinstance(error, redis.exceptions.ConnectionError | OSError):
        return ConnectionInterrupted(name, str(error))
    if isinstance(error, redis.exceptions.ResponseError):
        return from_redis_py(error)
    return error
