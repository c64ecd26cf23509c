"""The only code that drives operations: blocking, on asyncio, as streams.

An operation yields requests and is sent their answers. Who answers, an ``Execute``, is given.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, TypeVar

from ..exceptions import RedisCacheError
from .requests import Emit, Operation
from .shapes import NOTHING, STUMBLED, misread

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
