"""The only code that drives operations: blocking, on asyncio, as streams.

An operation yields requests and is sent their answers. Who answers, an ``Execute``, is given.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, TypeVar

from ..exceptions import RedisCacheError
from .command import Command, Spread
from .requests import Emit, Operation
from .shapes import NOTHING, STUMBLED, misread
from .sizes import value_bytes

T = TypeVar("T")

Execute = Callable[[Any], Any]
AExecute = Callable[[Any], Awaitable[Any]]


def run(operation: Operation[T], execute: Execute) -> T:
    """Drives an operation to its result; ``execute`` answers its requests.

    An operation that is abandoned in the middle, since a task was cancelled say, is closed at once:
    what it does at last must not wait until nobody holds the traceback any more. One that stumbles
    over a reply which no server gives is in trouble with the server.
    """
    request: Any = NOTHING
    answer: Any = NOTHING
    try:
        request = operation.send(None)
        while True:
            try:
                answer = execute(request)
            except Exception as error:
                answer = NOTHING  # what it makes of an error is its own
                request = operation.throw(error)
            else:
                request = operation.send(answer)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
    except BaseException as error:
        operation.close()
        if isinstance(error, STUMBLED) and (trouble := misread(request, answer)) is not None:
            raise trouble from error
        raise


async def arun(operation: Operation[T], execute: AExecute) -> T:
    """``run`` for asyncio."""
    request: Any = NOTHING
    answer: Any = NOTHING
    try:
        request = operation.send(None)
        while True:
            try:
                answer = await execute(request)
            except Exception as error:
                answer = NOTHING  # what it makes of an error is its own
                request = operation.throw(error)
            else:
                request = operation.send(answer)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
    except BaseException as error:
        operation.close()
        if isinstance(error, STUMBLED) and (trouble := misread(request, answer)) is not None:
            raise trouble from error
        raise


def stream(operation: Operation[None], execute: Execute) -> Iterator[Any]:
    """Drives a stream; what it emits comes out one by one, as it is found."""
    try:
        request = operation.send(None)
        while True:
            if isinstance(request, Emit):
                yield from request.items
                request = operation.send(None)
                continue
            try:
                answer = execute(request)
            except RedisCacheError as error:
                request = operation.throw(error)
            else:
                request = operation.send(answer)
    except StopIteration:
        return


async def astream(operation: Operation[None], execute: AExecute) -> AsyncIterator[Any]:
    """``stream`` for asyncio."""
    try:
        request = operation.send(None)
        while True:
            if isinstance(request, Emit):
                for item in request.items:
                    yield item
                request = operation.send(None)
                continue
            try:
                answer = await execute(request)
            except RedisCacheError as error:
                request = operation.throw(error)
            else:
                request = operation.send(answer)
    except StopIteration:
        return


#: Requests that a server is asked; others are the driver's own.
ASKED = frozenset({Command, Spread, list})

#: How many requests of one operation are kept: what it has read must not be held for ever.
_MOST = 8


class Noted:
    """An operation that is observed, and what it has asked for: ``request`` is the first request,
    None where there was none, ``answer`` what was answered to it."""

    request: Any
    answer: Any

    @property
    def asked(self) -> bool:
        """Whether a server was asked."""
        return self.request.__class__ in ASKED or any(
            one.__class__ in ASKED for one in getattr(self, "_more", ())[::2]
        )

    def answered(self, request: Any, answer: Any) -> None:
        """Keeps a request and its answer."""
        more: list[Any] | None = getattr(self, "_more", None)  # set for those who ask again
        if self.request is None:
            self.request, self.answer = request, answer
        elif more is None:
            self._more = [request, answer]
        elif len(more) < 2 * _MOST:
            more += (request, answer)

    def sizes(self) -> int | None:
        """How many bytes of values have come and gone, where that is known."""
        more: list[Any] = getattr(self, "_more", [])
        if self.request is None or len(more) >= 2 * _MOST:
            return None
        sizes = [value_bytes(self.request, getattr(self, "answer", None))]
        sizes += map(value_bytes, more[::2], more[1::2])
        return None if None in sizes else sum(size for size in sizes if size is not None)


def blamed(operation: Operation[Any], error: BaseException, request: Any, answer: Any) -> None:
    """Ends an operation that raised; says whether a reply was to blame, as ``run`` does."""
    operation.close()
    if isinstance(error, STUMBLED) and (trouble := misread(request, answer)) is not None:
        raise trouble from error


def run_on(operation: Operation[T], request: Any, execute: Execute, noted: Noted) -> T:
    """``run`` for an operation that has begun, and now asks for ``request``; what it asks for from
    here on is noted."""
    answer: Any = NOTHING
    try:
        while True:
            try:
                answer = execute(request)
            except Exception as error:
                answer = NOTHING
                noted.answered(request, error)
                request = operation.throw(error)
            else:
                noted.answered(request, answer)
                request = operation.send(answer)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
    except BaseException as error:
        blamed(operation, error, request, answer)
        raise


async def arun_on(operation: Operation[T], request: Any, execute: AExecute, noted: Noted) -> T:
    """``run_on`` for asyncio."""
    answer: Any = NOTHING
    try:
        while True:
            try:
                answer = await execute(request)
            except Exception as error:
                answer = NOTHING
                noted.answered(request, error)
                request = operation.throw(error)
            else:
                noted.answered(request, answer)
                request = operation.send(answer)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
    except BaseException as error:
        blamed(operation, error, request, answer)
        raise
