"""A service's primary and replicas, as the sentinels know them.

What is known is found out by asking all sentinels at once and believing the latest answer. It is
asked for again when a sentinel says that something has changed (``watch``), when a command failed,
and every few seconds where reads go to replicas.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any, NoReturn

from django.core.exceptions import ImproperlyConfigured

from django_redis_core.commands import Sleep
from django_redis_core.connections import (
    Groups,
    Node,
    Topology,
    for_reads,
    instead_of,
    moved_on,
    node_for,
    readers,
)
from django_redis_core.exceptions import ConnectionInterrupted, ServerRefused, ServerTimeout
from django_redis_core.interfaces import remapped

from . import answers, majority
from .answers import Answer
from .clients import Followers
from .roles import as_primary, as_replica
from .watch import watch_for

if TYPE_CHECKING:
    from django_redis_core.commands import Command, Operation, Spread
    from django_redis_core.connections import (
        Clients,
        Confirmed,
        Instead,
        Nodes,
        Parts,
        Readers,
        ServerConfig,
    )

    from .answers import Address
    from .majority import Word

#: Seconds for which an answer counts, where replicas may come and go unheard.
REFRESH = 5.0
#: Seconds since the watch's last sign of life after which a switch may have passed unheard.
LEASE = 1.0
#: Seconds that must lie between two questions after failures.
AGAIN = 0.1
#: A replica that was told to become the primary is tried again after so many seconds, so often. It
#: takes milliseconds, but in Valkey's coordinated failover the old primary hands over first.
PROMOTED, TRIES = 0.02, 40
#: Seconds for which an answer of an earlier epoch is not believed: sentinels tell each other of a
#: switch within 2. Later it is believed, for an administrator may have set the service up anew.
SURE = 10.0


@dataclass(frozen=True)
class Service:
    """A service of the sentinels. ``config`` makes the configuration of the server at an
    address. The pool classes are those of the raw clients. ``remap`` is as in ADDRESS_REMAP."""

    where: str
    name: str
    sentinels: tuple[Node, ...]
    config: Callable[[Address], ServerConfig]
    pool_class: type[Any] | None = None
    async_pool_class: type[Any] | None = None
    remap: Callable[[Address], Any] | None = None

    def reached(self, address: Address) -> Address:
        """Where the server that the sentinels know by ``address`` is from here."""
        return remapped(self.remap, address, self.where)


@dataclass(frozen=True, eq=False)
class Found:
    """What is known: replaced as a whole, never changed."""

    answer: Answer
    primary: Node
    replicas: tuple[Node, ...]
    readers: Readers

    @property
    def nodes(self) -> Nodes:
        return (self.primary, *self.replicas)


class SentinelTopology(Topology):
    """``read_from`` is as in READ_FROM, ``max_lag`` (seconds) as in REPLICA_MAX_LAG; without
    ``writes`` only reads are served."""

    def __init__(
        self, service: Service, *, read_from: str, writes: bool, max_lag: float | None = None
    ) -> None:
        self.service = service.name
        self._service = service
        self._read_from = read_from
        self._max_lag = max_lag
        self._writes = self.confirms = writes
        self._questions = answers.questions(service.name)
        self._node_at = cache(self._make_node_config)
        self._watch = watch_for(service.sentinels)
        self._found: Found | None = None
        self._fresh_until = 0.0
        self._sure_until = 0.0
        self._asked = float("-inf")
        self._doubts: object = None
        self._followers = {
            of_primary: Followers(self, service, of_primary) for of_primary in (True, False)
        }

    @property
    def ready(self) -> bool:  # type: ignore[override]  # what is known grows old
        found = self._found
        return self._fresh and found is not None and found.readers.ready

    @property
    def _fresh(self) -> bool:
        """Whether the sentinels need not be asked."""
        now = time.monotonic()
        return now < self._fresh_until and (
            now < self._watch.beat + LEASE or now < self._asked + LEASE
        )

    def doubt(self) -> None:
        """Has the sentinels asked before the next command. From any thread."""
        self._doubts = object()
        self._fresh_until = 0.0

    def promoted(self, address: Address) -> None:
        """Takes a replica that was told to become the primary for the primary, from any thread.

        Half an epoch on: later than what the sentinels still say, and earlier than what they will
        say when it is done. If it never is, they are believed again after ``SURE``.
        """
        before = self._found
        address = self._service.reached(address)
        if before is not None and address != before.answer.primary:
            fit = tuple(replica for replica in before.answer.replicas if replica != address)
            unfit = before.answer.unfit
            self._learn(Answer(address, before.answer.epoch + 0.5, fit, unfit))

    def discover(self) -> Operation[None]:
        if self._found is None or not self._fresh:
            yield from self._find()
        found = self._known()
        if not found.readers.ready:
            yield from found.readers.measure()

    def _find(self) -> Operation[None]:
        self._watch.join(self)
        doubts = self._doubts
        began = time.monotonic()
        try:
            answer = yield from self._ask()
        finally:
            self._asked = began
        if answer is not None:
            self._learn(answer.at(self._service.reached))
        self._fresh_until = time.monotonic() + REFRESH
        if self._doubts is not doubts:  # in this order: ``doubt`` may run at the same time
            self._fresh_until = 0.0

    def _ask(self) -> Operation[Answer | None]:
        """The latest answer, or None where no sentinel has one and an older one will do."""
        best: Answer | None = None
        troubles: dict[Node, Exception | None] = {}
        every = self._service.sentinels
        well = [sentinel for sentinel in every if not sentinel.breaker.opened]
        # One that failed is asked only where no other one knows, for it may take its time.
        for some in (well, [sentinel for sentinel in every if sentinel not in well]):
            if best is not None or not some:
                continue
            replies = yield Groups(  # type: ignore[misc]  # asked of the executor
                [(sentinel, self._questions) for sentinel in some]
            )
            for sentinel, reply in zip(some, replies, strict=True):
                answer = reply if isinstance(reply, Exception) else answers.answer(reply)
                if answer is None or isinstance(answer, Exception):
                    troubles[sentinel] = answer
                elif best is None or answer.epoch > best.epoch:
                    best = answer
        if best is None and self._found is None:
            yield from self._unknown(troubles)
        return best

    def _unknown(self, troubles: dict[Node, Exception | None]) -> Operation[NoReturn]:
        asked = [sentinel for sentinel, trouble in troubles.items() if trouble is None]
        if not asked:
            words = "; ".join(_words(sentinel, trouble) for sentinel, trouble in troubles.items())
            raise ConnectionInterrupted(
                f"service {self.service!r}", f"no sentinel can say where it is ({words})"
            )
        known = answers.names((yield answers.all_services().on(asked[0])))
        raise ImproperlyConfigured(
            f"{self._service.where}: LOCATION names the service {self.service!r}, which the "
            f"sentinels do not know. They know: {', '.join(known) or 'none'}."
        )

    def _learn(self, answer: Answer) -> None:
        now = time.monotonic()
        with self._watch.lock:
            before = self._found
            if before is not None:
                shut = any(node.retired for node in before.nodes)  # by another cache
                if answer == before.answer and not shut:
                    return
                if answer.epoch < before.answer.epoch and now < self._sure_until:
                    return
            if before is None or answer.epoch != before.answer.epoch:
                self._sure_until = now + SURE
            found = self._found = self._made(answer)
        for node in () if before is None else before.nodes:
            if node not in found.nodes:
                node.retire(f"the sentinels of {self.service!r} do not name it any more")

    def _made(self, answer: Answer) -> Found:
        primary = node_for(self._node_at(answer.primary, as_primary))
        reads = self._read_from != "primary"
        replicas = self._replicas_at(answer.replicas) if reads else ()
        made = readers(self._read_from, primary, replicas, self._max_lag)
        return Found(answer, primary, replicas, made)

    def _replicas_at(self, addresses: Iterable[Address]) -> tuple[Node, ...]:
        return tuple(node_for(self._node_at(address, as_replica)) for address in addresses)

    def _make_node_config(self, address: Address, greeting: Any) -> ServerConfig:
        config = replace(self._service.config(address), greeting=greeting)
        return for_reads(config) if greeting is as_replica else config

    def confirm(self, seconds: float) -> Operation[Confirmed]:
        if self._found is None:
            yield from self._find()
        try:
            word = yield from majority.word(self._service.name, self._service.sentinels)
        except ConnectionInterrupted as trouble:
            return {self._known().primary: trouble}
        if not self._is_of(word, self._known().answer):
            # Whoever only reads copies sends nothing, and would not be told otherwise.
            self.doubt()
            yield from self._find()
        found = self._known()
        if self._is_of(word, found.answer):
            return {found.primary: found.answer.epoch}
        reason = "the sentinels have not told each other yet which server is its primary"
        return {found.primary: ConnectionInterrupted(f"service {self.service!r}", reason)}

    def _is_of(self, word: Word, known: Answer) -> bool:
        at = self._service.reached(word.primary)
        return (at, word.epoch) == (known.primary, known.epoch)

    # Where commands go

    def route(self, command: Command) -> Node:
        found = self._known()
        if not command.kind.write:
            return found.readers.pick() or found.primary
        if not self._writes:
            raise ServerRefused(
                f"service {self.service!r}",
                f"{self._service.where} only reads: its LOCATION says is_master=0",
                "READONLY",
            )
        return found.primary

    def primaries(self) -> Nodes:
        found = self._known()
        return (found.primary if self._writes else found.readers.pick() or found.primary,)

    def nodes(self) -> Nodes:
        found = self._found
        if found is None:
            return ()
        # Where none is read from, there are replicas all the same.
        return (found.primary, *(found.replicas or self._replicas_at(found.answer.replicas)))

    def unfit(self) -> Nodes:
        found = self._found
        return () if found is None else self._replicas_at(found.answer.unfit)

    def parts(self, spread: Spread) -> Parts:
        return [(list(range(len(spread.keys))), spread.whole())]

    def clients(self, command: Command) -> Clients:
        of_primary = self._read_from == "primary" or (command.kind.write and self._writes)
        return self._followers[of_primary]

    def close_idle(self) -> None:
        super().close_idle()
        for followers in self._followers.values():
            followers.close_idle()

    def addresses(self) -> tuple[Address, tuple[Address, ...]]:
        """The primary's and the replicas', for who has run ``discover``; of the replicas, where
        it matters to this cache, those that are not too far behind."""
        found = self._known()
        replicas = found.answer.replicas
        if self._max_lag is not None and found.replicas:
            near = found.readers.nodes
            pairs = zip(replicas, found.replicas, strict=True)
            replicas = tuple(address for address, node in pairs if node in near)
        return found.answer.primary, replicas

    def _known(self) -> Found:
        if self._found is None:
            raise ConnectionInterrupted(f"service {self.service!r}", "its servers are not known")
        return self._found

    # When a command failed

    def after(
        self, command: Command, node: Node, trouble: ConnectionInterrupted, attempt: int
    ) -> Operation[Instead]:
        if isinstance(trouble, ServerTimeout):  # the next one asks the sentinels first
            self._fresh_until = min(self._fresh_until, self._asked + AGAIN)
            return self._in_the_rest(command, node, attempt)
        if attempt > TRIES or not moved_on(trouble):
            return None
        found = self._found
        if found is not None and self._being_promoted(found, node, trouble):
            yield Sleep(PROMOTED)
            return [command.on(self._known().primary)]
        if found is None or node not in found.replicas:
            found = yield from self._ask_again()
        if found is None or (command.node is not None and command.key is None):
            return None  # a cursor, for example, means nothing elsewhere
        unsent = trouble.before_sending or isinstance(trouble, ServerRefused)
        if not (unsent or command.kind.repeatable):
            return None
        if not command.kind.write and attempt == 1:
            well = [
                other
                for other in found.readers.nodes
                if other is not node and not other.breaker.opened
            ]
            if well:
                return [command.on(random.choice(well))]
        return None if found.primary is node or attempt > 2 else [command.on(found.primary)]

    def _in_the_rest(self, command: Command, node: Node, attempt: int) -> Instead:
        """A replica was given a part of the time only, anybody else all of it."""
        found = self._found
        if (
            found is None
            or node not in found.replicas
            or attempt > 1
            or not command.kind.repeatable
        ):
            return None
        if command.node is not None and command.key is None:
            return None  # a cursor, for example, means nothing elsewhere
        return [command.on(instead_of(node, found.primary, found.readers.nodes))]

    @staticmethod
    def _being_promoted(found: Found, node: Node, trouble: ConnectionInterrupted) -> bool:
        """Whether ``node`` is told to become the primary and says that it is not one yet."""
        refused = getattr(trouble, "code", "") == "READONLY"
        return refused and node is found.primary and found.answer.epoch % 1 != 0

    def _ask_again(self) -> Operation[Found | None]:
        if time.monotonic() >= self._asked + AGAIN:
            self._fresh_until = 0.0
            try:
                yield from self.discover()
            except ConnectionInterrupted:
                pass
        return self._found


def _words(sentinel: Node, trouble: Exception | None) -> str:
    code = getattr(trouble, "code", "")
    reason = getattr(trouble, "reason", "") or str(trouble)
    hint = ""
    if code in ("NOAUTH", "WRONGPASS", "NOPERM"):
        hint = ", and the sentinels' own user and password stand in SENTINEL_KWARGS"
    return f"{sentinel.name}: {reason}{hint}"
