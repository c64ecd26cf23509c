"""What is left of an operation's time when it goes on: by a redirection, on another server, or
behind a question to those who know where the servers are.

``SOCKET_TIMEOUT`` is an operation's, and not that of each of its attempts. The first attempt is
bounded by its connection; this is for the others. What it takes to connect comes on top of it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Sequence
from typing import Any, TypeVar

from ..commands import Call, Command, Sleep
from ..exceptions import BudgetSpent, ServerTimeout
from .groups import Groups
from .limits import Limit, LimitedNode
from .node import Node
from .replicas import PART

T = TypeVar("T")

#: Seconds to which a wait is shortened at most.
_NAP = 0.002


class Rest:
    """The rest of the time of one operation, which began at ``began`` (``time.monotonic()``) and
    has ``asked`` these servers."""

    def __init__(self, began: float, *asked: Node) -> None:
        self._allowed = 0.0
        self._least = 0.0
        self._whole = Limit(began, self._late(True), connecting=False)
        self._views: dict[Node, Node] = {}
        for node in asked:
            self._consider(node)

    def grant(self, *nodes: Node) -> None:
        """Before each attempt: a little time, where hardly any is left. A quarter, then half of
        that, and so on: the process itself may have been late, and a reply that says where to
        go is not to be in vain for that."""
        for node in nodes:
            self._consider(node)
        if self._whole.left < self._least:
            self._whole.until = time.monotonic() + self._least
            self._least /= 2

    def of(self, node: Node) -> Node:
        """``node`` for what is left."""
        view = self._views.get(node)
        if view is None:
            self._consider(node)
            view = self._views[node] = self._limited(node, self._whole)
        return view

    def within(self, request: Any) -> Any:
        """A request of a topology's for what is left."""
        if isinstance(request, Command):
            return request if request.node is None else request.on(self.of(request.node))
        if isinstance(request, Groups):
            return Groups([(self.of(node), commands) for node, commands in request.groups])
        if isinstance(request, Sleep) and self._allowed:
            # Never without end for who looks again and again whether somebody else is done.
            return Sleep(min(request.seconds, max(self._whole.left, _NAP)))
        return request

    def finding(self, operation: Generator[Any, Any, T]) -> Generator[Any, Any, T]:
        """A topology's operation that finds out where to go. Each of its questions takes a part of
        what is left at most, so that there is time to go there.

        A budget that ends under way says nothing of any server, so it ends the search: nobody is
        to draw conclusions from it.
        """
        try:
            request = operation.send(None)
            while True:
                try:
                    if isinstance(request, Call):  # it has a time of its own
                        with self._whole.stopped():
                            answer = yield request
                    else:
                        answer = yield self._in_part(request)
                    if isinstance(request, Groups):
                        _raise_spent(answer)
                except BudgetSpent:
                    raise
                except Exception as error:
                    request = operation.throw(error)
                else:
                    request = operation.send(answer)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]
        finally:
            operation.close()

    def _in_part(self, request: Any) -> Any:
        if isinstance(request, Command) and request.node is not None:
            part = self._part([request.node])
            return request.on(self._limited(request.node, part))
        if isinstance(request, Groups):
            part = self._part([node for node, _ in request.groups])
            return Groups([(self._limited(node, part), batch) for node, batch in request.groups])
        return self.within(request)

    def _part(self, nodes: Sequence[Node]) -> Limit:
        for node in nodes:
            self._consider(node)
        left = max(0.0, self._whole.left)
        # One that had hardly any time is not known to be silent.
        error = self._late(left < 0.9 * self._allowed)
        return Limit(time.monotonic() + PART * left, error, connecting=False, of=self._whole)

    def _consider(self, node: Node) -> None:
        # A replica has a part of the time; the longest that is met is the whole.
        allowed = math.inf if node.config.timeout is None else node.config.timeout
        if allowed > self._allowed:
            self._whole.until += allowed - self._allowed
            self._least += (allowed - self._allowed) / 4
            self._allowed = allowed

    def _late(self, of_request: bool) -> Callable[[str], ServerTimeout]:
        def late(name: str) -> ServerTimeout:
            error = ServerTimeout(name, f"no answer in what was left of {self._allowed} s")
            error.of_request = of_request
            return error

        return late

    @staticmethod
    def _limited(node: Node, limit: Limit) -> Node:
        return node if limit.until == math.inf else LimitedNode(node, limit)


def _raise_spent(answers: Sequence[Any]) -> None:
    spent = next((one for one in answers if isinstance(one, BudgetSpent)), None)
    if spent is not None:
        try:
            raise spent
        finally:
            del spent, answers  # a frame that names what it raises keeps itself
