"""The pipelines of a cache whose operations are observed.

``execute`` is told as one operation, and within it each that was queued, in a context of its own:
they begin together and end in any order, so none may make itself current for the others.
"""

from __future__ import annotations

from contextlib import ExitStack
from contextvars import Context, copy_context
from time import perf_counter
from typing import Any

from .._engine.observed import ObservedDriver
from .._engine.observers import End
from .._interrupts import struck
from .._operations.declare import collect
from ..commands import WantRunner
from ..interfaces import MISSING
from .pipeline import AsyncPipeline, Pipeline, Queue, Step


class ObservedStep(Step):
    """An operation of a pipeline, which is told from ``begin`` to ``tell``."""

    __slots__ = ("_began", "_context", "_driver", "_end", "_state", "call", "plan")

    def __init__(
        self, driver: ObservedDriver, name: str, args: Any, kwargs: Any, result: Any, began: float
    ) -> None:
        self.plan = plan = driver.pipelined[name]
        given, more, self._state = args, kwargs, None
        if plan.lookup is not None:
            given, more, self._state = plan.lookup.begun(args, kwargs)
            if plan.lookup.shown:
                args, kwargs = given, more
        self._driver = driver
        self._began = began
        self.call = plan.call(args, kwargs)
        calls = driver.calls
        self._end: End | None = calls.end
        self._context: Context | None = None
        if self._end is None:
            self._context = copy_context()
            self._end = self._context.run(calls.begun, self.call)
        operation = getattr(driver.begin, name)(*given, **more)
        if driver.operations[name].stream:
            operation = collect(operation)
        super().__init__(operation, result)

    def advance(self, answer: Any) -> bool:
        """As ``Step``'s, with a note of what is asked."""
        request, call = self.request, self.call
        if request is not None:
            if request.__class__ is WantRunner:
                answer = self._driver.told(answer)
            call.answered(request, answer)
        try:
            if isinstance(answer, Exception):
                self.request = self.operation.throw(answer)
            else:
                self.request = self.operation.send(answer)
        except StopIteration as stop:
            call.seconds = perf_counter() - self._began
            self.result.settle(self._looked_up(stop.value))
            return False
        except Exception as error:
            if struck(error):
                raise
            call.seconds = perf_counter() - self._began
            call.error = error
            self.result.settle(None, error)
            return False
        return True

    def _looked_up(self, answer: Any) -> Any:
        call, plan = self.call, self.plan
        if plan.lookup is not None:
            if plan.place < 0:
                answer, call.hits, call.misses = plan.lookup.ended(answer, self._state)
            elif answer is MISSING:
                answer, call.misses = self._state, 1
            else:
                call.hits = 1
        if call.request is None:
            call.source = "copy" if call.hits else ""
        elif call.asked:
            call.source = "server"
        return answer

    def tell(self, error: BaseException | None = None) -> None:
        """The pipeline has ended; ``error`` cut it off."""
        end, self._end = self._end, None
        if end is None:
            return
        call = self.call
        if not self.result.done:
            call.error = error
            call.seconds = perf_counter() - self._began
        elif call.error is not None:
            if self.result.error is None:
                call.source = "fallback"
            else:
                call.error = self.result.error
        if self._context is None:
            self._driver.calls.ended(end, call)
        else:
            self._context.run(self._driver.calls.ended, end, call)


class _Observed(Queue):
    _driver: ObservedDriver
    _steps: list[ObservedStep]

    def _begin(self) -> list[Step]:
        driver, began = self._driver, perf_counter()
        for name, args, kwargs, result in self._queued:
            self._steps.append(ObservedStep(driver, name, args, kwargs, result, began))
        return list(self._steps)

    def _end(self, raise_on_error: bool) -> list[Any]:
        try:
            return super()._end(raise_on_error)
        finally:
            self._tell()

    def _tell(self, error: BaseException | None = None) -> None:
        """All of them, whatever one of them raises."""
        steps, self._steps = self._steps, []
        with ExitStack() as stack:
            for step in reversed(steps):
                stack.callback(step.tell, error)

    @property
    def _arguments(self) -> dict[str, Any]:
        self._steps = []
        return {"operations": tuple([name for name, *_ in self._queued])}


class ObservedPipeline(_Observed, Pipeline):
    """A ``Pipeline`` whose operations are told."""

    def execute(self, *, raise_on_error: bool = True) -> list[Any]:
        execute = super().execute

        def executed() -> list[Any]:
            try:
                return execute(raise_on_error=raise_on_error)
            except BaseException as error:
                self._tell(error)
                raise

        return self._driver.tell("pipeline.execute", self._arguments, executed)


class ObservedAsyncPipeline(_Observed, AsyncPipeline):
    """An ``AsyncPipeline`` whose operations are told."""

    async def execute(self, *, raise_on_error: bool = True) -> list[Any]:
        execute = super().execute

        async def executed() -> list[Any]:
            try:
                return await execute(raise_on_error=raise_on_error)
            except BaseException as error:
                self._tell(error)
                raise

        return await self._driver.atell("pipeline.execute", self._arguments, executed)
