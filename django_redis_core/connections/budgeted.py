"""Servers, as those see them who have a budget for waiting (``django_redis_core.budget``).

No node looks for budgets until the first one of the process begins: then the methods here take the
place of ``Node``'s. So nobody pays for what nobody uses.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import TypeVar

from asgiref.sync import sync_to_async

from .._budgets import Waiting, at_first_use, waiting
from ..commands import Call, Command, Reply
from .flight import Flight
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


_call, _send, _receive = Node.call, Node.send, Node.receive
_acall, _acall_many = Node.acall, Node.acall_many


def _budgeted_call(node: Node, command: Command) -> Reply:
    wait = waiting()
    if wait is None:
        return _call(node, command)
    with wait:
        refuse(wait, node.name)
        return _call(LimitedNode(node, limit_of(wait)), command)


def _budgeted_send(node: Node, commands: Sequence[Command]) -> Flight:
    wait = waiting()
    if wait is None:
        return _send(node, commands)
    with wait:
        refuse(wait, node.name)
        return _send(LimitedNode(node, limit_of(wait)), commands)


def _budgeted_receive(node: Node, flight: Flight) -> list[Reply]:
    # Not refused: what another server's silence has left no time for may have come all the same.
    wait = waiting()
    if wait is None:
        return _receive(node, flight)
    with wait:
        return _receive(LimitedNode(node, limit_of(wait)), flight)


async def _budgeted_acall(node: Node, command: Command) -> Reply:
    wait = waiting()
    if wait is None:
        return await _acall(node, command)
    with wait:
        refuse(wait, node.name)
        return await in_time(limit_of(wait), node.name, _acall(node, command))


async def _budgeted_acall_many(node: Node, commands: Sequence[Command]) -> list[Reply]:
    wait = waiting()
    if wait is None:
        return await _acall_many(node, commands)
    with wait:
        refuse(wait, node.name)
        return await in_time(limit_of(wait), node.name, _acall_many(node, commands))


def _look_for_budgets() -> None:
    for name, method in (
        ("call", _budgeted_call),
        ("send", _budgeted_send),
        ("receive", _budgeted_receive),
        ("acall", _budgeted_acall),
        ("acall_many", _budgeted_acall_many),
    ):
        setattr(Node, name, method)


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
