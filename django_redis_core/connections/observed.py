"""The executors of a cache whose round trips are observed.

They send as those that they derive from do, and tell of it. A trip begins and ends in one context;
trips that are on their way at one time each have a context of their own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextvars import copy_context
from typing import Any

from ..commands import Command, Reply, Spread
from ..exceptions import ConnectionInterrupted
from .delivery import AsyncioExecutor, BlockingExecutor, Plan
from .foreign import AsyncForeignExecutor, AsyncOwnExecutor, ForeignExecutor
from .groups import Groups
from .node import Node
from .trips import Exchange, Watch


class ObservedExecutor(BlockingExecutor):
    """``BlockingExecutor``, which tells ``watch`` of each exchange with a server."""

    _directly = False

    def __init__(self, plan: Plan, alias: str, watch: Watch) -> None:
        super().__init__(plan)
        self.alias = alias
        self.watch = watch

    def __call__(self, request: Any) -> Any:
        single = self._single
        if single is not None:
            if request.__class__ is Command:
                return self._one(single, request)
            if request.__class__ is Spread:
                return self._one(single, request.whole())
        return super().__call__(request)

    def _send(self, request: Any) -> Any:  # type: ignore[override]  # it is static there
        if request.__class__ is Command:
            assert request.node is not None
            return self._one(request.node, request)
        if not isinstance(request, Groups):
            return super()._send(request)
        flights = [_Flight(node, commands, self._exchange) for node, commands in request.groups]
        try:
            for flight in flights:
                flight.send()
            return [flight.receive() for flight in flights]
        except BaseException as error:
            # Their links close as they are dropped; whoever watches them hears of it here.
            for flight in flights:
                flight.abandon(error)
            raise

    def _one(self, node: Node, command: Command) -> Reply:
        exchange = self._exchange(node, (command,))
        try:
            reply = node.call(command)
        except BaseException as error:
            exchange.failed(error)
            raise
        exchange.done((reply,))
        return reply

    def _many(self, node: Node, commands: Sequence[Command]) -> list[Reply]:  # type: ignore[override]
        exchange = self._exchange(node, commands)
        try:
            replies = node.call_many(commands)
        except BaseException as error:
            exchange.failed(error)
            raise
        exchange.done(replies)
        return replies

    def _exchange(self, node: Node, commands: Sequence[Command]) -> Exchange:
        return _exchange(self, node, commands, False)


class _Flight:
    """Commands on their way to one server while others are on theirs."""

    def __init__(self, node: Node, commands: Sequence[Command], begin: Any) -> None:
        self._node = node
        self._commands = commands
        self._begin = begin
        self._context = copy_context()
        self._exchange: Exchange | None = None
        self._sent: Any = None

    def send(self) -> None:
        self._context.run(self._send)

    def receive(self) -> Any:
        if isinstance(self._sent, ConnectionInterrupted):
            return self._sent
        return self._context.run(self._receive)

    def abandon(self, error: BaseException) -> None:
        """Nobody will receive what was sent."""
        self._context.run(self._fail, error)

    def _send(self) -> None:
        self._exchange = self._begin(self._node, self._commands)
        try:
            self._sent = self._node.send(self._commands)
        except ConnectionInterrupted as trouble:
            self._sent = trouble
            self._fail(trouble)

    def _receive(self) -> Any:
        try:
            replies = self._node.receive(self._sent)
        except ConnectionInterrupted as trouble:
            self._fail(trouble)
            return trouble
        if self._exchange is not None:
            ended, self._exchange = self._exchange, None
            ended.done(replies)
        return replies

    def _fail(self, error: BaseException) -> None:
        if self._exchange is not None:
            ended, self._exchange = self._exchange, None
            ended.failed(error)


class ObservedAsyncExecutor(AsyncioExecutor):
    """``AsyncioExecutor``, which tells ``watch`` of each exchange with a server."""

    _directly = False

    def __init__(self, plan: Plan, alias: str, watch: Watch) -> None:
        super().__init__(plan)
        self.alias = alias
        self.watch = watch

    async def __call__(self, request: Any) -> Any:
        single = self._single
        if single is not None:
            if request.__class__ is Command:
                return await self._one(single, request)
            if request.__class__ is Spread:
                return await self._one(single, request.whole())
        return await super().__call__(request)

    async def _send(self, request: Any) -> Any:  # type: ignore[override]  # it is static there
        if request.__class__ is Command:
            assert request.node is not None
            return await self._one(request.node, request)
        if not isinstance(request, Groups):
            return await super()._send(request)
        if len(request.groups) == 1:
            return [await self._group(*request.groups[0])]
        # Each a task, and so in a context of its own.
        return await asyncio.gather(*[self._group(*group) for group in request.groups])

    async def _one(self, node: Node, command: Command) -> Reply:
        exchange = self._exchange(node, (command,))
        try:
            reply = await node.acall(command)
        except BaseException as error:
            exchange.failed(error)
            raise
        exchange.done((reply,))
        return reply

    async def _group(self, node: Node, commands: Sequence[Command]) -> Any:
        exchange = self._exchange(node, commands)
        try:
            replies = await node.acall_many(commands)
        except ConnectionInterrupted as trouble:
            exchange.failed(trouble)
            return trouble
        except BaseException as error:
            exchange.failed(error)
            raise
        exchange.done(replies)
        return replies

    def _exchange(self, node: Node, commands: Sequence[Command]) -> Exchange:
        return _exchange(self, node, commands, True)


def _exchange(
    executor: ObservedExecutor | ObservedAsyncExecutor,
    node: Node,
    commands: Sequence[Command],
    asynchronous: bool,
) -> Exchange:
    """An exchange with a server of the cache, which begins now."""
    trip = Exchange(
        executor.alias,
        node.name,
        node.config.kwargs,
        commands,
        asynchronous,
        node,
        executor.plan.topology,
    )
    trip.begin(executor.watch)
    return trip


class ObservedForeignExecutor(ForeignExecutor):
    """``ForeignExecutor``, which tells ``watch`` of each command."""

    def __init__(self, client: Any, alias: str, watch: Watch) -> None:
        super().__init__(client)
        self.alias = alias
        self.watch = watch

    def _command(self, command: Command) -> Reply:
        exchange = _foreign_exchange(self, command, False)
        try:
            reply = super()._command(command)
        except BaseException as error:
            exchange.failed(error)
            raise
        exchange.done((reply,))
        return reply


class ObservedAsyncForeignExecutor(AsyncForeignExecutor):
    """``AsyncForeignExecutor``, which tells ``watch`` of each command."""

    def __init__(self, client: Any, alias: str, watch: Watch) -> None:
        super().__init__(client)
        self.alias = alias
        self.watch = watch

    async def _acommand(self, command: Command) -> Reply:
        exchange = _foreign_exchange(self, command, True)
        try:
            reply = await super()._acommand(command)
        except BaseException as error:
            exchange.failed(error)
            raise
        exchange.done((reply,))
        return reply


class ObservedAsyncOwnExecutor(AsyncOwnExecutor):
    """``AsyncOwnExecutor``, which tells ``watch`` of each command."""

    def __init__(self, find: Callable[[], Any], alias: str, watch: Watch) -> None:
        super().__init__(find)
        self._alias = alias
        self._watch = watch

    async def __call__(self, request: Any) -> Any:
        executor = ObservedAsyncForeignExecutor(self._find(), self._alias, self._watch)
        return await executor(request)


def _foreign_exchange(
    executor: ObservedForeignExecutor | ObservedAsyncForeignExecutor,
    command: Command,
    asynchronous: bool,
) -> Exchange:
    """An exchange of a redis-py client. Whether it opens a connection or tries again, only redis-py
    knows; where its commands go, it says for a single server."""
    client = executor.client
    pool = getattr(client, "connection_pool", None)
    kwargs = getattr(pool, "connection_kwargs", None) or {}
    trip = Exchange(executor.alias, type(client).__name__, kwargs, (command,), asynchronous)
    trip.begin(executor.watch)
    return trip
