"""The driver of a cache whose operations are observed.

It does what ``Driver`` does, and tells of it. The guard's answers, those of copies and those that
end in an error are told as well: whatever a caller gets, an observer hears of.
"""

from __future__ import annotations

from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Generator,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import contextmanager
from contextvars import Context, copy_context
from inspect import isawaitable
from time import perf_counter
from types import coroutine
from typing import Any, TypeVar

from .._codec.codec import MISSING
from ..commands import Command, Runner, WantRunner
from ..commands.running import AExecute, Execute, arun_on, astream, blamed, run_on, stream
from ..commands.shapes import NOTHING
from ..exceptions import ConnectionInterrupted
from ..interfaces import Call
from .driver import Driver
from .mistakes import DRIVING, SYMPTOMS
from .observers import End, Observers, Plan, Plans

T = TypeVar("T")

_END: Any = object()
_MISSING: tuple[Any, ...] = (MISSING,)


class ObservedDriver(Driver):
    """A ``Driver`` that tells ``observers`` of each operation. ``way`` is how operations are called
    where the method does not tell: those without I/O are called alike on asyncio."""

    def __init__(
        self, *args: Any, observers: Observers, way: str = "blocking", **options: Any
    ) -> None:
        super().__init__(*args, **options)
        self.way = way
        self.plans, self.aplans, self.pipelined = (
            Plans(self.alias, each, self.operations) for each in (way, "asyncio", "pipeline")
        )
        self.calls = observers.calls

    def call(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        plan = self.plans[name]
        given, more, state = args, kwargs, plan.default
        if len(args) == plan.place and not kwargs:
            given = args + _MISSING  # type: ignore[operator]  # a tuple
        elif plan.lookup is not None:
            given, more, state = plan.lookup.begun(args, kwargs)
            if plan.lookup.shown:
                args, kwargs = given, more
        call = plan.call(args, kwargs)
        end = self.calls.end
        if end is None:
            try:
                end = self.calls.begin(call)
            except BaseException as error:
                self.calls.not_begun(error)
            if end is None:
                if not plan.immediate:
                    return super().call(name, args, kwargs)
                end = nobody
        began = perf_counter()
        asked: Any = None
        answer: Any = MISSING
        try:
            if self.at_once and name in self.at_once:
                answer = self.at_once[name](*given, **more)
            if answer is MISSING:
                operation = getattr(self.begin, name)(*given, **more)
                execute = self._with_told_runners if plan.immediate else self.execute
                # Most operations ask once, which is done here: a call less than ``Driver`` makes.
                try:
                    call.request = asked = operation.send(None)
                    try:
                        call.answer = answer = execute(asked)
                    except Exception as error:
                        answer = NOTHING
                        request = operation.throw(error)
                    else:
                        request = operation.send(answer)
                    answer = run_on(operation, request, execute, call)
                except StopIteration as stop:
                    answer = stop.value
                except BaseException as error:
                    blamed(operation, error, asked, answer)
                    raise
            call.seconds = perf_counter() - began
            if plan.place >= 0:
                if answer is MISSING:
                    answer, call.misses = state, 1
                else:
                    call.hits = 1
            elif plan.lookup is not None:
                answer, call.hits, call.misses = plan.lookup.ended(answer, state)
            if asked.__class__ is Command or call.asked:
                call.source = "server"
            elif asked is None and call.hits:
                call.source = "copy"
        except BaseException as error:
            call.seconds = perf_counter() - began
            call.error = error
            if isinstance(error, ConnectionInterrupted):
                with self._ending(end, call):
                    return self.guard(name, args, kwargs, error)
            self.calls.ended(end, call)
            self._raised(name, error)
            raise
        try:
            end(call)
        except BaseException as error:
            self.calls.not_ended(end, error)
        return answer

    async def acall(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        plan = self.aplans[name]
        given, more, state = args, kwargs, plan.default
        if len(args) == plan.place and not kwargs:
            given = args + _MISSING  # type: ignore[operator]  # a tuple
        elif plan.lookup is not None:
            given, more, state = plan.lookup.begun(args, kwargs)
            if plan.lookup.shown:
                args, kwargs = given, more
        call = plan.call(args, kwargs)
        end = self.calls.end
        if end is None:
            try:
                end = self.calls.begin(call)
            except BaseException as error:
                self.calls.not_begun(error)
            if end is None:
                return await super().acall(name, args, kwargs)
        began = perf_counter()
        asked: Any = None
        answer: Any = MISSING
        try:
            if self.at_once and name in self.at_once:
                answer = self.at_once[name](*given, **more)
            if answer is MISSING:
                operation = getattr(self.begin, name)(*given, **more)
                execute = self.aexecute
                try:
                    call.request = asked = operation.send(None)
                    try:
                        call.answer = answer = await execute(asked)
                    except Exception as error:
                        answer = NOTHING
                        request = operation.throw(error)
                    else:
                        request = operation.send(answer)
                    answer = await arun_on(operation, request, execute, call)
                except StopIteration as stop:
                    answer = stop.value
                except BaseException as error:
                    blamed(operation, error, asked, answer)
                    raise
            call.seconds = perf_counter() - began
            if plan.place >= 0:
                if answer is MISSING:
                    answer, call.misses = state, 1
                else:
                    call.hits = 1
            elif plan.lookup is not None:
                answer, call.hits, call.misses = plan.lookup.ended(answer, state)
            if asked.__class__ is Command or call.asked:
                call.source = "server"
            elif asked is None and call.hits:
                call.source = "copy"
        except BaseException as error:
            call.seconds = perf_counter() - began
            call.error = error
            if isinstance(error, ConnectionInterrupted):
                with self._ending(end, call):
                    answer = self.guard(name, args, kwargs, error)
                    return await answer if isawaitable(answer) else answer
            self.calls.ended(end, call)
            self._raised(name, error)
            raise
        try:
            end(call)
        except BaseException as error:
            self.calls.not_ended(end, error)
        return answer

    def _raised(self, name: str, error: BaseException) -> None:
        if isinstance(error, SYMPTOMS):
            self.explain(name, error)

    @contextmanager
    def _ending(self, end: End, call: Call) -> Iterator[None]:
        """Around the guard, which answers or raises."""
        try:
            yield
        except BaseException as error:
            call.error = error
            raise
        else:
            call.source = "fallback"
        finally:
            self.calls.ended(end, call)

    def _with_told_runners(self, request: Any) -> Any:
        answer = self.execute(request)
        return self.told(answer) if request.__class__ is WantRunner else answer

    def iterate(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Iterator[Any]:
        under_way = _Stream(self, name, self.plans[name], args, kwargs)
        inner = under_way.items(self.begin, self.execute)
        try:
            while (item := under_way.context.run(next, inner, _END)) is not _END:
                yield item
        except BaseException as error:
            under_way.failed(error)
            raise
        finally:
            under_way.context.run(inner.close)
            under_way.ended()

    async def aiterate(
        self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> AsyncIterator[Any]:
        under_way = _Stream(self, name, self.aplans[name], args, kwargs)
        inner = under_way.aitems(self.begin, self.aexecute)
        try:
            while (item := await in_context(under_way.context, anext(inner, _END))) is not _END:
                yield item
        except BaseException as error:
            under_way.failed(error)
            raise
        finally:
            await in_context(under_way.context, inner.aclose())
            under_way.ended()

    def tell(self, name: str, arguments: Mapping[str, Any], function: Callable[[], T]) -> T:
        """Calls a function of a cache's object, told as an operation of that name."""
        with self._telling(self.plans[name], arguments):
            return function()

    async def atell(
        self, name: str, arguments: Mapping[str, Any], function: Callable[[], Awaitable[T]]
    ) -> T:
        """The same for asyncio."""
        with self._telling(self.aplans[name], arguments):
            return await function()

    def told(self, runner: Runner) -> Runner:
        """``runner`` for an object whose methods are told."""
        return Runner(
            runner.run, runner.asynchronous, self.atell if runner.asynchronous else self.tell
        )

    @contextmanager
    def _telling(self, plan: Plan, arguments: Mapping[str, Any]) -> Iterator[None]:
        call = plan.call((), arguments)
        end = self.calls.begun(call)
        began = perf_counter()
        try:
            yield
            if call.operation.startswith("lock."):
                call.source = "server"
        except BaseException as error:
            call.error = error
            raise
        finally:
            call.seconds = perf_counter() - began
            if end is not None:
                self.calls.ended(end, call)


# Where a plugin's mistakes are looked for.
DRIVING.update((ObservedDriver.call.__code__, ObservedDriver.acall.__code__))


def nobody(call: Call) -> None:
    """Is told of the end of a call that no observer asked to know."""


class _Stream:
    """A stream under way. Its steps have a context of their own, so that what an observer makes
    current is not so for the caller between two items."""

    def __init__(
        self,
        driver: ObservedDriver,
        name: str,
        plan: Plan,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
    ) -> None:
        self.context: Context = copy_context()
        self._driver = driver
        self._asked = (name, args, kwargs)
        self._trouble: ConnectionInterrupted | None = None
        self._call = plan.call(args, kwargs)
        self._end: End | None = None
        self._began = perf_counter()
        self.context.run(self._begin)

    def items(self, begin: Any, execute: Execute) -> Generator[Any, None, None]:
        name, args, kwargs = self._asked

        def noting(request: Any) -> Any:
            self._note(request)
            return execute(request)

        try:
            yield from stream(getattr(begin, name)(*args, **kwargs), noting)
        except ConnectionInterrupted as trouble:
            self._trouble = trouble
            yield from self._driver.guard(name, args, kwargs, trouble)
        except SYMPTOMS as error:
            self._driver.explain(name, error)
            raise

    async def aitems(self, begin: Any, execute: AExecute) -> AsyncGenerator[Any, None]:
        name, args, kwargs = self._asked

        async def noting(request: Any) -> Any:
            self._note(request)
            return await execute(request)

        try:
            async for item in astream(getattr(begin, name)(*args, **kwargs), noting):
                yield item
        except ConnectionInterrupted as trouble:
            self._trouble = trouble
            for item in self._driver.guard(name, args, kwargs, trouble):
                yield item
        except SYMPTOMS as error:
            self._driver.explain(name, error)
            raise

    def failed(self, error: BaseException) -> None:
        if not isinstance(error, GeneratorExit):  # the caller has seen enough
            self._call.error = error

    def ended(self) -> None:
        call = self._call
        call.seconds = perf_counter() - self._began
        if call.error is None:
            call.error = self._trouble
            call.source = "fallback" if self._trouble else "server" if call.asked else ""
        self.context.run(self._tell)

    def _note(self, request: Any) -> None:
        if not self._call.asked:
            self._call.request = request

    def _begin(self) -> None:
        self._end = self._driver.calls.begun(self._call)

    def _tell(self) -> None:
        if self._end is not None:
            self._driver.calls.ended(self._end, self._call)


@coroutine
def in_context(context: Context, awaitable: Any) -> Any:
    """Awaits in another context, and in the same task: a new one would cost a turn of the loop."""
    steps = awaitable.__await__()
    step, value = steps.send, None
    while True:
        try:
            waited = context.run(step, value)
        except StopIteration as stop:
            return stop.value
        try:
            step, value = steps.send, (yield waited)
        except BaseException as error:
            step, value = steps.throw, error
