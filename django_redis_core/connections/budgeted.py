"""Servers, as those see them who have a budget for waiting (``django_redis_core.budget``).

No node looks for budgets until the first one of the process begins: then the methods here take the
place of ``Node``'s. So nobody pays for what nobody uses.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from asgiref.sync import sync_to_async

from .._budgets import Waiting, at_first_use, waiting
from ..commands import Call
from .limits import Limit, LimitedNode, in_time
from .node import Node

T = TypeVar("T")


def limit_of(wait: Waiting) -> Limit:
    """What the budgets in force leave."""
    return Limit(wait.until, wait.spent, connecting=True)


def refuse(wait: Waiting, name: str | None = None) -> None:
    """Raises where a budget is spent."""
    if wait.left <= 0:
        error = wait.spent(name)
        error.before_sending = True
        raise error


def _limited(method: Callable[[Node, Any], T], *, refuses: bool) -> Callable[[Node, Any], T]:
    """A method of ``Node``'s that looks for budgets first."""

    def limited(node: Node, what: Any) -> T:
        wait = waiting()
        if wait is None:
            return method(node, what)
        with wait:
            if refuses:
                refuse(wait, node.name)
            return method(LimitedNode(node, limit_of(wait)), what)

    return limited


def _in_time(
    method: Callable[[Node, Any], Coroutine[Any, Any, T]],
) -> Callable[[Node, Any], Coroutine[Any, Any, T]]:
    """The same for asyncio."""

    async def limited(node: Node, what: Any) -> T:
        wait = waiting()
        if wait is None:
            return await method(node, what)
        with wait:
            refuse(wait, node.name)
            return await in_time(limit_of(wait), node.name, method(node, what))

    return limited


def _look_for_budgets() -> None:
    changed: Any = Node
    changed.call = _limited(Node.call, refuses=True)
    changed.call_many = _limited(Node.call_many, refuses=True)
    changed.send = _limited(Node.send, refuses=True)
    # What another server's silence has left no time for may have come all the same.
    changed.receive = _limited(Node.receive, refuses=False)
    changed.acall = _in_time(Node.acall)
    changed.acall_many = _in_time(Node.acall_many)


at_first_use(_look_for_budgets)


def pause(seconds: float) -> None:
    """``time.sleep``, as long as the budgets in force allow; then ``BudgetSpent``."""
    wait = waiting()
    if wait is None:
        time.sleep(seconds)
        return
    with wait:
        refuse(wait)
        left = wait.left
        time.sleep(max(0.0, min(seconds, left)))
        if seconds > left:
            raise wait.spent()


async def apause(seconds: float) -> None:
    """The same for asyncio."""
    wait = waiting()
    if wait is None:
        await asyncio.sleep(seconds)
        return
    with wait:
        refuse(wait)
        await in_time(limit_of(wait), "", asyncio.sleep(seconds))


def called(request: Call[T], client: object = None) -> T:
    """What code that waits by itself returns. It cannot be cut short; but it counts, and is not
    called where the budget is spent."""
    wait = waiting()
    if wait is None:
        return request.function(client)
    with wait:
        refuse(wait)
        return request.function(client)


async def acalled(request: Call[T]) -> T:
    """The same for asyncio."""
    wait = waiting()
    if wait is None:
        return await sync_to_async(request.function)(None)
    with wait:
        refuse(wait)
        return await sync_to_async(request.function)(None)
