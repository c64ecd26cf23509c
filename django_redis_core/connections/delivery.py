"""From a request to servers and back: split, group, send, merge, try elsewhere.

The plan is itself an operation, so it stands here once; the two executors below it only send, by
blocking calls or on asyncio. Commands for several servers are written to all of them before any
reply is read.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from ..commands import (
    Await,
    Batch,
    Call,
    Command,
    Operation,
    Places,
    Primaries,
    Reply,
    Runner,
    Sleep,
    Spread,
    WantRunner,
)
from ..commands.running import arun, run
from ..exceptions import BudgetSpent, ConnectionInterrupted, RedisCacheError
from .budgeted import acalled, apause, called, pause
from .groups import Groups
from .joining import send_joined
from .node import Node
from .recent import Recent
from .rest import Rest
from .rounds import side_by_side
from .topology import Parts, Topology

T = TypeVar("T")


class Plan:
    """How requests become commands for servers; shared by both executors."""

    def __init__(
        self,
        topology: Topology,
        partial: Callable[[Sequence[Any], Exception], None],
        recent: Recent | None = None,
    ) -> None:
        self.recent = recent
        self.topology = topology
        self._partial = partial

    def route(self, request: Command | Spread | Batch) -> Operation[Reply]:
        """Sends a request that is not simply for one server."""
        topology = self.topology
        began = time.monotonic()
        rest = None
        if not topology.ready:
            rest = Rest(began)
            yield from rest.finding(topology.discover())
        if self.recent is not None:
            request = self.recent.routed(request)
        if isinstance(request, list):
            return (yield from self._batch(request, began, rest))
        if isinstance(request, Spread):
            parts = self.topology.parts(request)
            return (yield from self.spread(request, parts, began, rest))
        node = request.node or topology.route(request)
        if rest is not None:
            rest.grant(node)
        try:
            return (yield request.on(node if rest is None else rest.of(node)))
        except ConnectionInterrupted as trouble:
            return (yield from self.recover(request, node, trouble, rest or Rest(began, node)))

    @property
    def simple(self) -> bool:
        """Whether one command has only to be sent where the topology says, now."""
        return self.recent is None and self.topology.ready

    def leaves(self, batch: Batch) -> bool:
        """Whether nothing is made of ``batch`` but the replies of one server: it cannot become one
        MSETEX, and nobody has to know what is written."""
        return self.recent is None and batch[0].kind.name != b"SET"

    def recover(
        self, command: Command, node: Node, trouble: ConnectionInterrupted, rest: Rest
    ) -> Operation[Reply]:
        """Tries ``command`` where the topology says, until it says no more."""
        attempt = 0
        while True:
            attempt += 1
            if isinstance(trouble, BudgetSpent):
                raise trouble
            rest.grant(node)
            after = self.topology.after(command, node, trouble, attempt)
            instead = yield from rest.finding(after)
            if not instead:
                raise trouble
            if isinstance(instead, Spread):
                return settled((yield from self._batch([instead], 0.0, rest))[0])
            node = instead[-1].node or node
            rest.grant(node)
            try:
                if len(instead) == 1:
                    return (yield rest.within(instead[0]))
                (answer,) = yield rest.within(Groups([(node, instead)]))
                return settled(settled(answer)[-1])
            except ConnectionInterrupted as again:
                trouble = again

    def _batch(
        self, requests: Sequence[Command | Spread], began: float, rest: Rest | None
    ) -> Operation[list[Reply]]:
        """Replies in the order of ``requests``; what failed has its exception there. ``rest``:
        that of an operation which has asked somebody already."""
        if Spread not in set(map(type, requests)):
            return (yield from self._send(requests, began, rest))  # type: ignore[arg-type]
        commands: list[Command] = []
        # For each request its command's position, or for a spread its parts with theirs.
        slots: list[int | list[tuple[list[int], int]]] = []
        for request in requests:
            if isinstance(request, Spread):
                parts = self.topology.parts(request)
                slots.append(
                    [(keys, at) for at, (keys, _) in enumerate(parts, start=len(commands))]
                )
                commands.extend(command for _, command in parts)
            else:
                slots.append(len(commands))
                commands.append(request)
        replies = yield from self._send(commands, began, rest)
        return [
            replies[slot] if isinstance(slot, int) else self._merge(request, slot, replies)
            for request, slot in zip(requests, slots, strict=True)
        ]

    def spread(
        self, spread: Spread, parts: Parts, began: float, rest: Rest | None = None
    ) -> Operation[Reply]:
        """Sends ``spread`` by its parts; those of one server together."""
        replies = yield from self._send([command for _, command in parts], began, rest)
        slot = [(positions, at) for at, (positions, _) in enumerate(parts)]
        return settled(self._merge(spread, slot, replies))

    def _merge(
        self, spread: Any, slot: list[tuple[list[int], int]], replies: Sequence[Reply]
    ) -> Reply:
        parts = [(positions, replies[at]) for positions, at in slot]
        merged = spread.merge(parts)
        if not isinstance(merged, Exception):
            for positions, reply in parts:
                if isinstance(reply, Exception):
                    self._partial([spread.keys[position] for position in positions], reply)
        return merged

    def _send(
        self, commands: Sequence[Command], began: float, rest: Rest | None
    ) -> Operation[list[Reply]]:
        """One request a server, all of them written before any is read."""
        if (single := self.topology.single) is not None:
            (answer,) = yield from send_joined([(single, commands)], None)
            return [answer] * len(commands) if isinstance(answer, Exception) else answer
        replies: list[Reply] = [None] * len(commands)
        groups: dict[Node, list[int]] = {}
        for position, command in enumerate(commands):
            try:
                node = command.node or self.topology.route(command)
            except RedisCacheError as error:  # its part of the keyspace has no server now
                replies[position] = error
            else:
                groups.setdefault(node, []).append(position)
        if rest is not None:
            rest.grant(*groups)
        answers = yield from send_joined(
            [
                (node if rest is None else rest.of(node), [commands[at] for at in positions])
                for node, positions in groups.items()
            ],
            self.topology.place,
        )
        failed: dict[int, Node] = {}
        for (node, positions), answer in zip(groups.items(), answers, strict=True):
            whole = [answer] * len(positions) if isinstance(answer, Exception) else answer
            for position, reply in zip(positions, whole, strict=True):
                replies[position] = reply
                if isinstance(reply, ConnectionInterrupted):
                    failed[position] = node
        if failed:
            in_order = sorted(failed)
            rest = rest or Rest(began, *groups)
            recovered = yield from side_by_side(
                [self.recover(commands[at], failed[at], replies[at], rest) for at in in_order]
            )
            for at, reply in zip(in_order, recovered, strict=True):
                replies[at] = reply
        return replies

    def prepare(self, request: Any) -> Operation[None]:
        """What has to be found out before ``answer``."""
        rest = Rest(time.monotonic())
        if not self.topology.ready:
            yield from rest.finding(self.topology.discover())
        if isinstance(request, Primaries):
            yield from rest.finding(self.topology.survey())

    def answer(self, request: Any) -> Any:
        """What needs no I/O, in blocking code and on asyncio alike."""
        if isinstance(request, Primaries):
            return self.topology.primaries()
        if isinstance(request, Places):
            return [self.topology.place(key) for key in request.keys]
        raise TypeError(f"An operation yielded {request!r}, which no driver knows.")


def settled(reply: Reply) -> Reply:
    """``reply``, or raised where it is an error."""
    if isinstance(reply, Exception):
        raise reply
    return reply


class BlockingExecutor:
    """Answers requests by blocking calls."""

    #: Whether one command may go to its server without ``_send``.
    _directly = True

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._single = plan.topology.single

    def __call__(self, request: Any) -> Any:
        kind = request.__class__
        single = self._single
        if kind is Command:
            if single is not None:
                return single.call(request)
            if self._directly and self.plan.simple:
                return self._routed(request)
        elif kind is Spread:
            if single is not None:
                return single.call(request.whole())
            if self._directly and self.plan.simple:
                began = time.monotonic()
                parts = self.plan.topology.parts(request)
                if len(parts) == 1:
                    return self._routed(parts[0][1])
                return run(self.plan.spread(request, parts, began), self._send)
        elif kind is list:
            if single is not None and request and self.plan.leaves(request):
                return self._together(single, request)
        elif kind is Sleep:
            return pause(request.seconds)
        elif kind is Await:
            request.awaitable.close()
            raise TypeError("The default is a coroutine, which only aget_or_set can await.")
        elif kind is Call:
            return called(request)
        else:
            return self._answer(request)
        return run(self.plan.route(request), self._send)

    def _routed(self, command: Command) -> Reply:
        """What ``Plan.route`` does with one command: its generator takes half as long as a call."""
        plan = self.plan
        began = time.monotonic()
        node = command.node or plan.topology.route(command)
        try:
            return node.call(command)
        except ConnectionInterrupted as trouble:
            return run(plan.recover(command, node, trouble, Rest(began, node)), self._send)

    def _together(self, node: Node, batch: Batch) -> list[Reply]:
        """What ``Plan.route`` does with a batch that only has to be sent, to the only server: its
        generators take longer than two commands do."""
        commands: list[Any] = [one if one.__class__ is Command else one.whole() for one in batch]  # type: ignore[union-attr]
        try:
            return self._many(node, commands)
        except ConnectionInterrupted as trouble:
            return [trouble] * len(batch)

    @staticmethod
    def _many(node: Node, commands: Sequence[Command]) -> list[Reply]:
        return node.call_many(commands)

    def _answer(self, request: Any) -> Any:
        if request.__class__ is WantRunner:
            return Runner(partial(run, execute=self), asynchronous=False)
        run(self.plan.prepare(request), self._send)
        return self.plan.answer(request)

    @staticmethod
    def _send(request: Any) -> Any:
        if request.__class__ is Command:
            assert request.node is not None
            return request.node.call(request)
        if request.__class__ is Sleep:
            return pause(request.seconds)
        if request.__class__ is Call:
            return called(request)
        flights: list[Any] = []
        for node, commands in request.groups:
            try:
                flights.append((node, node.send(commands)))
            except ConnectionInterrupted as trouble:
                flights.append((node, trouble))
        answers: list[Any] = []
        for node, flight in flights:
            if isinstance(flight, Exception):
                answers.append(flight)
                continue
            try:
                answers.append(node.receive(flight))
            except ConnectionInterrupted as trouble:
                answers.append(trouble)
        return answers


class AsyncioExecutor:
    """Answers requests on the running loop."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._single = plan.topology.single

    #: See ``BlockingExecutor``.
    _directly = True

    # No coroutine of its own: it has nothing to do once the answer is there.
    def __call__(self, request: Any) -> Awaitable[Any]:
        kind = request.__class__
        single = self._single
        if kind is Command:
            if single is not None:
                return single.acall(request)
            if self._directly and self.plan.simple:
                return self._routed(request)
        elif kind is Spread:
            if single is not None:
                return single.acall(request.whole())
            if self._directly and self.plan.simple:
                began = time.monotonic()
                parts = self.plan.topology.parts(request)
                if len(parts) == 1:
                    return self._routed(parts[0][1])
                return arun(self.plan.spread(request, parts, began), self._send)
        elif kind is Sleep:
            return apause(request.seconds)
        elif kind is Await:
            return request.awaitable  # type: ignore[no-any-return]
        elif kind is Call:
            return acalled(request)
        elif kind is not list:
            return self._answer(request)
        return arun(self.plan.route(request), self._send)

    async def _routed(self, command: Command) -> Reply:
        plan = self.plan
        began = time.monotonic()
        node = command.node or plan.topology.route(command)
        try:
            return await node.acall(command)
        except ConnectionInterrupted as trouble:
            return await arun(plan.recover(command, node, trouble, Rest(began, node)), self._send)

    async def _answer(self, request: Any) -> Any:
        if request.__class__ is WantRunner:
            return self.immediately(request)
        await arun(self.plan.prepare(request), self._send)
        return self.plan.answer(request)

    def immediately(self, request: Any) -> Any:
        """Answers operations that need no I/O, so that there is nothing to await."""
        if request.__class__ is WantRunner:
            return Runner(partial(arun, execute=self), asynchronous=True)
        raise TypeError(f"{request!r} has to be awaited.")

    @staticmethod
    async def _send(request: Any) -> Any:
        if request.__class__ is Command:
            assert request.node is not None
            return await request.node.acall(request)
        if request.__class__ is Sleep:
            return await apause(request.seconds)
        if request.__class__ is Call:
            return await acalled(request)
        if len(request.groups) == 1:
            return [await _group(*request.groups[0])]
        return await asyncio.gather(*[_group(*group) for group in request.groups])


async def _group(node: Node, commands: Sequence[Command]) -> Any:
    try:
        return await node.acall_many(commands)
    except ConnectionInterrupted as trouble:
        return trouble


def carry_out(operation: Operation[T]) -> T:
    """Runs what yields commands for servers that are known, in blocking code."""
    return run(operation, BlockingExecutor._send)


def discover(topology: Topology) -> None:
    """Runs a topology's ``discover`` by blocking calls, for redis-py clients that follow it."""
    carry_out(topology.discover())


async def adiscover(topology: Topology) -> None:
    """The same for asyncio."""
    await arun(topology.discover(), AsyncioExecutor._send)
