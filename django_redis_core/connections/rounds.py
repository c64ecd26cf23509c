"""Operations side by side: what they ask for at one time goes out in one request a server.

For the many commands of a batch whose server failed or moved them on: each has a way of its own
from there, and all of them together should cost what one does.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from ..commands import Call, Command, Operation, Reply, Sleep
from ..exceptions import RedisCacheError
from .groups import Groups
from .node import Node


def side_by_side(operations: Sequence[Operation[Reply]]) -> Operation[list[Reply]]:
    """The results in the order of ``operations``; one that raised has its error there.

    They may yield ``Command`` (with its node), ``Groups``, ``Sleep`` and ``Call``, and nothing
    else. Those that sleep hold up nobody who has something to send; calls are made one after the
    other. An error that is no ``RedisCacheError`` ends all of them.
    """
    results: list[Reply] = [None] * len(operations)
    asked: dict[int, Command | Groups] = {}
    asleep: dict[int, float] = {}
    calling: dict[int, Call[Any]] = {}

    def advance(position: int, answer: Any) -> None:
        operation = operations[position]
        try:
            if isinstance(answer, Exception):
                request: Any = operation.throw(answer)
            else:
                request = operation.send(answer)
        except StopIteration as stop:
            results[position] = stop.value
        except RedisCacheError as error:
            results[position] = error
        else:
            if isinstance(request, Sleep):
                asleep[position] = time.monotonic() + request.seconds
            elif isinstance(request, Call):
                calling[position] = request
            else:
                asked[position] = request

    for position in range(len(operations)):
        advance(position, None)
    while asked or asleep or calling:
        calls, calling = calling, {}
        for position, call in calls.items():
            try:
                answer = yield call
            except Exception as error:  # the operation's own, which may know what it means
                answer = error
            advance(position, answer)
        now = time.monotonic()
        for position in [position for position, due in asleep.items() if due <= now]:
            del asleep[position]
            advance(position, None)
        if asked:
            requests, asked = sorted(asked.items()), {}
            for position, answer in (yield from _sent(requests)):
                advance(position, answer)
        elif asleep:
            yield Sleep(max(0.0, min(asleep.values()) - time.monotonic()))
    return results


def _sent(
    requests: Sequence[tuple[int, Command | Groups]],
) -> Operation[list[tuple[int, Any]]]:
    """Sends all requests, one group a server, and gives each its own replies."""
    whole: dict[Node, list[Command]] = {}
    parts: list[list[tuple[Node, int, int]]] = []
    for _, request in requests:
        places = []
        for node, commands in _groups(request):
            group = whole.setdefault(node, [])
            places.append((node, len(group), len(group) + len(commands)))
            group += commands
        parts.append(places)
    replies = dict(zip(whole, (yield Groups(list(whole.items()))), strict=True))  # type: ignore[misc]  # asked of the executor
    answers: list[tuple[int, Any]] = []
    for (position, request), places in zip(requests, parts, strict=True):
        answer: list[Any] = []
        for node, start, end in places:
            got = replies[node]
            answer.append(got if isinstance(got, Exception) else got[start:end])
        if isinstance(request, Command):
            first = answer[0]
            answers.append((position, first if isinstance(first, Exception) else first[0]))
        else:
            answers.append((position, answer))
    return answers


def _groups(request: Command | Groups) -> Sequence[tuple[Node, Sequence[Command]]]:
    if isinstance(request, Groups):
        return request.groups
    assert request.node is not None
    return [(request.node, [request])]
