"""What an operation may ask of its driver besides sending a command.

An operation never waits, sleeps or looks at servers by itself: it yields one of these, and the
driver that runs it (blocking, asyncio, pipeline) answers in its own way.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

from .commands import Command, Spread

if TYPE_CHECKING:
    from .connections.node import Node

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Primaries:
    """All servers that take writes, for work over the whole keyspace. Answered: tuple of nodes."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where keys live. Answered: a place a key; commands may join keys of equal places."""

    keys: Sequence[str]


@dataclass(frozen=True, slots=True)
class Sleep:
    """Wait for ``seconds``. Answered: None."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Await(Generic[T]):
    """An awaitable that the caller's function returned. Answered: its result, only by asyncio."""

    awaitable: Awaitable[T]


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """Code that waits by itself, written for blocking calls; asyncio runs it in a thread.

    ``function`` is called with the redis-py client of the caller's own (``client=``), or None.
    Answered: what it returns.
    """

    function: Callable[[Any], T]


@dataclass(frozen=True, slots=True)
class RawClient:
    """A redis-py client (blocking or asyncio) for the primary where ``key`` lives."""

    key: str


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs operations of its own for an object that outlives the one that asked for it.

    ``run`` takes an operation and returns its result, or ``asynchronous`` an awaitable of it.
    """

    run: Callable[[Operation[Any]], Any]
    asynchronous: bool


@dataclass(frozen=True, slots=True)
class WantRunner:
    """What the operation returns will run operations later. Answered: a ``Runner``."""


@dataclass(frozen=True, slots=True)
class Emit(Generic[T]):
    """Items of a stream for the caller, who may stop listening here. Answered: None."""

    items: Sequence[T]


Batch: TypeAlias = list[Command | Spread]
"""Commands that are sent together. The answer is a list of replies in the same order, in which a
command that failed has its exception."""

Request: TypeAlias = (
    "Command | Spread | Batch | Primaries | Places | Sleep | Await[Any] | Call[Any] | RawClient "
    "| WantRunner | Emit[Any]"
)

Operation: TypeAlias = Generator["Request", Any, T]
"""A cache operation: yields requests, is sent their answers, returns its result."""

Stream: TypeAlias = Generator["Request", Any, None]
"""An operation whose results are the items that it emits."""

Nodes: TypeAlias = "tuple[Node, ...]"
Place: TypeAlias = Hashable
