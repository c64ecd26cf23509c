"""What an operation may ask of its driver besides sending a command.

An operation never waits, sleeps or looks at servers by itself: it yields one of these, and the
driver that runs it (blocking, asyncio, pipeline) answers in its own way.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Hashable, Sequence
from typing import Any, Generic, TypeAlias, TypeVar

from .command import Command, Spread

T = TypeVar("T")


class _Request:
    """Plain classes: a dataclass takes longer to make than the rest of its module to import."""

    __slots__ = ()

    def __repr__(self) -> str:  # without what it holds: keys stay out of logs
        return f"<{type(self).__name__}>"


class Primaries(_Request):
    """All servers that take writes, for work over the whole keyspace. Answered: a tuple of ``Node``
    objects, for ``command.on(node)``. The topology makes sure first that these are still all."""

    __slots__ = ()


class Places(_Request):
    """Where ``keys`` live, which are as stored. Answered: a list of a ``Place`` for each; one
    command may have keys of equal places."""

    __slots__ = ("keys",)

    def __init__(self, keys: Sequence[str]) -> None:
        self.keys = keys


class Sleep(_Request):
    """Wait for ``seconds``: in blocking code the thread sleeps, on asyncio the task. Answered:
    None."""

    __slots__ = ("seconds",)

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds


class Await(_Request, Generic[T]):
    """An awaitable that the caller's function returned. Answered: its result, only by asyncio;
    blocking code raises TypeError."""

    __slots__ = ("awaitable",)

    def __init__(self, awaitable: Awaitable[T]) -> None:
        self.awaitable = awaitable


class Call(_Request, Generic[T]):
    """Code that waits by itself, written for blocking calls; asyncio runs it in a thread.

    ``function`` is called with the redis-py client of the caller's own (``client=``), or None.
    Answered: what it returns.
    """

    __slots__ = ("function",)

    def __init__(self, function: Callable[[Any], T]) -> None:
        self.function = function


class Runner:
    """Runs operations of its own for an object that outlives the one that asked for it.

    ``run`` takes an operation and returns its result, or ``asynchronous`` an awaitable of it.
    """

    __slots__ = ("asynchronous", "run")

    def __init__(self, run: Callable[[Operation[Any]], Any], asynchronous: bool) -> None:
        self.run = run
        self.asynchronous = asynchronous


class WantRunner(_Request):
    """What the operation returns will run operations later, as a lock does. Answered: a
    ``Runner``."""

    __slots__ = ()


class Emit(_Request, Generic[T]):
    """Items of a stream for the caller, who may stop listening here. Answered: None. Only in an
    operation that is declared with ``stream=True``."""

    __slots__ = ("items",)

    def __init__(self, items: Sequence[T]) -> None:
        self.items = items


Batch: TypeAlias = list[Command | Spread]
"""Commands that are sent together. The answer is a list of replies in the same order, in which a
command that failed has its exception."""

Request: TypeAlias = (
    "Command | Spread | Batch | Primaries | Places | Sleep | Await[Any] | Call[Any] | WantRunner "
    "| Emit[Any]"
)
"""What an operation may yield."""

Operation: TypeAlias = Generator["Request", Any, T]
"""A cache operation: yields requests, is sent their answers, returns its result."""

Stream: TypeAlias = Generator["Request", Any, None]
"""An operation whose results are the items that it emits."""

Place: TypeAlias = Hashable
"""Where a key lives, by ``Topology.place``: a slot of a cluster, a shard. Compared, and no more."""
