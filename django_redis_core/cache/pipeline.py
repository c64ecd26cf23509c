"""Many operations in a few round trips.

A pipeline drives its operations in lockstep: one round trip for all their first commands, one for
all their second ones. That is itself an operation, so blocking code and asyncio share it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from inspect import isawaitable
from types import MethodType
from typing import Any

from .._codec.codec import Codec
from .._engine.driver import Driver
from .._interrupts import struck
from .._operations.declare import collect
from ..commands import Command, Operation, Spread
from ..commands.running import arun, run
from ..commands.scripts import with_sources
from ..exceptions import ConnectionInterrupted
from .methods import QueuedMethods, queued
from .result import Result


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
            if struck(error):  # a time limit ends the pipeline, and is no operation's result
                raise
            self.result.settle(None, error)
            return False
        return True


def lockstep(steps: Sequence[_Step], codec: Codec) -> Operation[None]:
    """Drives all operations to their ends, a round trip for each of their steps, of which what all
    operations unpack is bounded together."""
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
        for step in codec.counted(waiting):
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


class Queue(QueuedMethods):
    """What both pipelines have: the operations that wait for ``execute``."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._queued: list[tuple[str, Sequence[Any], Mapping[str, Any], Result[Any]]] = []

    def __len__(self) -> int:
        return len(self._queued)

    def __getattr__(self, name: str) -> Any:
        """The operations that the plugins of this cache add."""
        declaration = None if name == "_driver" else self._driver.operations.get(name)
        if declaration is None:
            raise AttributeError(f"A pipeline has no operation {name!r}.", name=name, obj=self)
        return MethodType(queued(declaration), self)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._driver.operations})

    def _queue(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Result[Any]:
        # A TypeError belongs to its line.
        self._driver.operations[name].signature.bind(None, *args, **kwargs)
        result: Result[Any] = Result()
        self._queued.append((name, args, kwargs, result))
        return result

    def _begin(self) -> list[_Step]:
        driver = self._driver
        steps = []
        for name, args, kwargs, result in self._queued:
            operation = getattr(driver.begin, name)(*args, **kwargs)
            if driver.operations[name].stream:
                operation = collect(operation)
            steps.append(_Step(operation, result))
        return steps

    def _end(self, raise_on_error: bool) -> list[Any]:
        queued, self._queued = self._queued, []
        values: list[Any] = []
        first: Exception | None = None
        for name, args, kwargs, result in queued:
            try:
                value = result.value
            except ConnectionInterrupted as trouble:
                try:
                    value = self._driver.guard(name, args, kwargs, trouble)
                    result.settle(value)
                except ConnectionInterrupted as error:
                    first, value = first or error, error
            except Exception as error:
                if struck(error):
                    raise
                value = self._driver.explained(name, error)
                if value is not error:
                    result.settle(None, value)
                first = first or value
            values.append(value)
        if first is not None and raise_on_error:
            raise first
        return values


class Pipeline(Queue):
    """``with cache.pipeline() as p``: queues operations, sends them together.

    Each method takes what the cache's method takes and returns a ``Result``; ``execute`` sends
    what is queued and returns all values in order, and the end of the ``with`` block does so too.
    """

    def execute(self, *, raise_on_error: bool = True) -> list[Any]:
        """Runs what is queued. The first error is raised after everything has run, or, with
        ``raise_on_error=False``, stands in the list."""
        run(lockstep(self._begin(), self._driver.client.codec), self._driver.execute)
        return self._end(raise_on_error)

    def __enter__(self) -> Pipeline:
        return self

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
        if kind is None and self._queued:
            self.execute()


class AsyncPipeline(Queue):
    """``async with cache.apipeline() as p``: the same for asyncio; ``await p.execute()``."""

    async def execute(self, *, raise_on_error: bool = True) -> list[Any]:
        """See ``Pipeline.execute``."""
        results = [queued[-1] for queued in self._queued]
        await arun(lockstep(self._begin(), self._driver.client.codec), self._driver.aexecute)
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
