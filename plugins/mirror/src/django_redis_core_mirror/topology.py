"""The servers of two caches as one topology, so that commands for both can stand in one batch.

Which cache a command is for is said by the class of the key that routes it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from django_redis_core.commands import Command, Emit, Key, Places, Primaries, Spread
from django_redis_core.connections import Topology
from django_redis_core.exceptions import BudgetSpent, ConnectionInterrupted, RedisCacheError

if TYPE_CHECKING:
    from django_redis_core.commands import Operation, Place
    from django_redis_core.connections import Clients, Instead, Node, Nodes, Parts

T = TypeVar("T")

#: Seconds for which servers that could not be found out are not looked for again.
PAUSE = 1.0


class OldKey(str):
    """A key as the old cache stores it. It is equal to no key of the new one's, which may be
    written alike."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return other.__class__ is OldKey and str.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return ~str.__hash__(self)


class Side:
    """The servers of one of the two caches, and why they are not known at present."""

    def __init__(self, topology: Topology) -> None:
        self.topology = topology
        self.trouble: ConnectionInterrupted | None = None
        self._again = 0.0

    @property
    def ready(self) -> bool:
        return self.topology.ready or (self.trouble is not None and time.monotonic() < self._again)

    def discover(self) -> Operation[None]:
        if not self.ready:
            yield from self._find(self.topology.discover())

    def survey(self) -> Operation[None]:
        yield from self._find(self.topology.survey())

    def _find(self, finding: Operation[None]) -> Operation[None]:
        self._again = time.monotonic() + PAUSE  # for others, where there is trouble already
        try:
            yield from finding
        except BudgetSpent:  # the caller's own
            raise
        except ConnectionInterrupted as trouble:
            self.trouble = trouble
            self._again = time.monotonic() + PAUSE
        else:
            self.trouble = None

    @property
    def lost(self) -> bool:
        """Whether nobody knows where its servers are."""
        return self.trouble is not None and not self.topology.ready

    def known(self) -> Topology:
        """The topology, where its servers are known. Raises ConnectionInterrupted."""
        trouble = self.trouble
        if trouble is not None and self.lost:
            # Of one object, raised in many threads, the traceback would grow.
            raise ConnectionInterrupted(trouble.connection, trouble.reason) from trouble
        return self.topology


class Pair(Topology):
    """The new cache's topology, and the old one's for commands whose key is an ``OldKey``.

    Whatever is not said to be the old one's is the new one's: scans, redis-py's clients, what
    ``doctor`` and ``stats`` look at. Servers of one side that cannot be found out fail commands for
    them and no others: before a move has begun nobody needs the new ones, nor the old ones later.
    """

    def __init__(self, new: Topology, old: Topology) -> None:
        self.new = new
        self.old = old
        self._sides = Side(new), Side(old)

    @property
    def ready(self) -> bool:  # type: ignore[override]  # here it follows from the two
        new, old = self._sides
        return new.ready and old.ready

    def discover(self) -> Operation[None]:
        for side in self._sides:
            yield from side.discover()

    def survey(self) -> Operation[None]:
        for side in self._sides:
            yield from side.survey()

    def old_primaries(self) -> Nodes:
        """All servers that hold the old cache's keys; after ``survey``."""
        return self._sides[1].known().primaries()

    def route(self, command: Command) -> Node:
        new, old = self._sides
        if command.key.__class__ is not OldKey:
            return new.known().route(command)
        return old.known().route(_plain(command))

    def primaries(self) -> Nodes:
        return self._sides[0].known().primaries()

    def nodes(self) -> Nodes:
        return self.new.nodes()

    def unfit(self) -> Nodes:
        return self.new.unfit()

    def clients(self, command: Command) -> Clients:
        return self.new.clients(command)

    def close_idle(self) -> None:
        self.new.close_idle()
        self.old.close_idle()

    def place(self, key: Key) -> Place:
        if key.__class__ is OldKey:
            return "old", self.old.place(str(key))
        return "new", self.new.place(key)

    def parts(self, spread: Spread) -> Parts:
        if spread.keys[0].__class__ is OldKey:
            if self._sides[1].lost:
                return _in_one(spread)
            plain = Spread(spread.kind, [str(key) for key in spread.keys], spread.join, spread.node)
            return [(at, of_old(command)) for at, command in self.old.parts(plain)]
        if spread.node is not None and spread.node not in self.new.nodes():
            return self.old.parts(spread)  # keys that were found there
        if self._sides[0].lost:
            return _in_one(spread)
        return self.new.parts(spread)

    def after(
        self, command: Command, node: Node, trouble: ConnectionInterrupted, attempt: int
    ) -> Operation[Instead]:
        if command.key.__class__ is OldKey:
            instead = yield from self.old.after(_plain(command), node, trouble, attempt)
            return of_old(instead) if isinstance(instead, Spread) else instead
        side = self.new
        if command.node is not None and command.node not in side.nodes():
            side = self.old
        return (yield from side.after(command, node, trouble, attempt))


def _in_one(spread: Spread) -> Parts:
    """Of servers that cannot say how to split; ``route`` refuses it."""
    return [(list(range(len(spread.keys))), spread.whole())]


def _plain(command: Command) -> Command:
    return Command(command.kind, command.args, str(command.key), command.node)


def of_old(request: Any) -> Any:
    """A request of an operation as one for the old cache's servers."""
    if request.__class__ is Command:
        key = request.key
        if key is None or key.__class__ is bytes:  # its server is named
            return request
        return Command(request.kind, request.args, OldKey(key), request.node)
    if request.__class__ is Spread:
        if request.node is not None:
            return request
        keys = [OldKey(text) for text in request.keys]
        return Spread(request.kind, keys, request.join)
    if request.__class__ is list:
        return [of_old(one) for one in request]
    if request.__class__ is Places:
        return Places([OldKey(key) for key in request.keys])
    return request


def through(
    operation: Generator[Any, Any, T], step: Callable[[Any], Generator[Any, Any, Any]]
) -> Operation[T]:
    """``operation``, with each of its requests answered by what ``step`` makes of it."""
    try:
        request = operation.send(None)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
    return (yield from _going_on(operation, request, step))


def _going_on(
    operation: Generator[Any, Any, T], request: Any, step: Callable[[Any], Generator[Any, Any, Any]]
) -> Operation[T]:
    try:
        while True:
            try:
                answer = yield from step(request)
            except Exception as error:
                request = operation.throw(error)
            else:
                request = operation.send(answer)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
    finally:
        operation.close()


def aside(operation: Generator[Any, Any, T], pair: Pair) -> Operation[T]:
    """An operation of the old cache's client, on the old cache's servers."""

    def of_the_old(request: Any) -> Operation[Any]:
        if request.__class__ is not Primaries:
            return (yield of_old(request))
        try:
            yield request  # both sides are looked for
        except BudgetSpent:
            raise
        except ConnectionInterrupted:
            pass  # of the new ones, which this is not about
        return pair.old_primaries()

    return through(operation, of_the_old)


def gathered(stream: Generator[Any, Any, None]) -> Operation[list[Any]]:
    """All that a stream emits."""
    found: list[Any] = []

    def step(request: Any) -> Operation[Any]:
        if request.__class__ is Emit:
            found.extend(request.items)
            return None
        return (yield request)

    yield from through(stream, step)
    return found


def on_primaries(operation: Generator[Any, Any, T]) -> Operation[T]:
    """``operation``, none of whose commands a replica answers."""

    def step(request: Any) -> Operation[Any]:
        if request.__class__ is list:
            return (yield [one.primary() for one in request])
        return (yield request.primary() if isinstance(request, Command | Spread) else request)

    return through(operation, step)


def along(
    operation: Generator[Any, Any, T],
    before: Sequence[Command | Spread] = (),
    after: Sequence[Command | Spread] = (),
    told: list[Any] | None = None,
) -> Operation[T]:
    """``operation``, whose first commands travel together with others, which are sent before them
    and after them. The replies to those before, errors too, are appended to ``told``."""
    waiting = bool(before or after)

    def step(request: Any) -> Operation[Any]:
        nonlocal waiting
        sent = _commands(request)
        if not sent or not waiting:
            return (yield request)
        waiting = False
        replies = yield [*before, *sent, *after]
        if told is not None:
            told.extend(replies[: len(before)])
        replies = replies[len(before) :][: len(sent)]
        if request.__class__ is list:
            return replies
        (reply,) = replies
        if isinstance(reply, Exception):
            raise reply
        return reply

    return through(operation, step)


def begun(operation: Generator[Any, Any, T]) -> Operation[T]:
    """``operation``, which has come to its first request: what it refuses is raised here."""
    try:
        request = operation.send(None)
    except StopIteration as stop:
        return _ended(stop.value)
    return _going_on(operation, request, _as_it_is)


def _ended(value: T) -> Operation[T]:
    yield from ()
    return value


def _as_it_is(request: Any) -> Operation[Any]:
    return (yield request)


def together(operations: Sequence[Generator[Any, Any, Any]]) -> Operation[list[Any]]:
    """The results of operations that run side by side, their commands sent together. What one of
    them raises is raised when all have ended."""
    results: list[Any] = [None] * len(operations)
    waiting = list(enumerate(operations))
    answers: dict[int, Any] = {}
    first: Exception | None = None
    while waiting:
        asking: list[tuple[int, Generator[Any, Any, Any], Any]] = []
        for at, operation in waiting:
            answer = answers.get(at)
            try:
                if isinstance(answer, Exception):
                    request = operation.throw(answer)
                else:
                    request = operation.send(answer)
            except StopIteration as stop:
                results[at] = stop.value
            except (RedisCacheError, ValueError) as error:
                first = first or error
            else:
                asking.append((at, operation, request))
        batch: list[Any] = []
        for _, _, request in asking:
            batch += _commands(request)
        replies = iter((yield batch) if batch else ())
        for at, _, request in asking:
            sent = _commands(request)
            if sent:
                told = [next(replies) for _ in sent]
                answers[at] = told if request.__class__ is list else told[0]
            else:
                try:
                    answers[at] = yield request
                except Exception as error:
                    answers[at] = error
        waiting = [(at, operation) for at, operation, _ in asking]
    if first is not None:
        raise first
    return results


def _commands(request: Any) -> list[Any]:
    if request.__class__ is list:
        return request
    return [request] if isinstance(request, Command | Spread) else []
