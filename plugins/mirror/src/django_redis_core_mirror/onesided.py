"""What happens on one side only: counters, locks, data structures, conditional writes.

Two servers cannot decide together who was first, nor count together. So one of the two caches does,
by the phase, and the other one forgets what it has of the key.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from django_redis_core.commands import UNLINK, Command, Runner
from django_redis_core.interfaces import DEFAULT_TIMEOUT, MISSING, OPERATIONS

from .marks import GONE, KEEP, OUTAGE
from .phases import Phase
from .taking import Taking
from .topology import begun, of_old, through

if TYPE_CHECKING:
    from django_redis_core.commands import Operation

#: Begins an operation. One that the phase does not ask for is not begun.
Make = Callable[[], Generator[Any, Any, Any]]

#: A key as callers name it, with its version.
Named = tuple[Any, Any]

#: The structures' operations that change nothing.
READING = frozenset(
    "hget hgetall hmget hvals hkeys hlen hexists lrange llen lindex scard sismember smismember "
    "smembers srandmember sscan sscan_iter sdiff sinter sunion zcard zcount zscore zmscore zrank "
    "zrange zrevrange zrangebyscore zrevrangebyscore".split()
)
CHANGING = frozenset(
    "hset hdel hincrby lpush rpush lpop rpop ltrim lrem sadd srem spop sdiffstore sinterstore "
    "sunionstore smove zadd zincrby zrem zremrangebyscore zpopmin zpopmax".split()
)


class OneSided(Taking):
    """Asks the side that decides."""

    def on_one_side(
        self,
        new: Make,
        old: Make,
        named: Sequence[Named],
        *,
        changes: bool = True,
    ) -> Operation[Any]:
        """``new`` or ``old``, by the phase. Raises where that cannot be asked, or where it is the
        new cache and the old one cannot be asked for what it may have still."""
        phase = yield from (self.settled_phase() if changes else self.move_phase(sure=True))
        if phase is Phase.ALONE:
            return (yield from new())
        if phase.old_decides:
            if phase is Phase.OLD or not changes:
                return (yield from self.on_old(old()))
            return (yield from self.on_old_alone(old, self.full_names(named)))
        if phase is Phase.NEW:
            yield from self.bring_over(named)
        elif changes:
            yield from self.mark_keys(self.full_names(named), GONE)
        answer = yield from new()
        if changes:
            olds = [
                self.old_client.naming.make(key, self.own_version(version))
                for key, version in named
            ]
            yield from self.follow(_removing(olds), self.full_names(named), phase)
        return answer

    def on_old_alone(self, old: Make, fulls: list[str]) -> Operation[Any]:
        """A change of the old cache that the new one is to know nothing of. Before it, since who
        dies behind it would leave an older value there; after it, since another one may have
        written the new cache and then the old one before this change."""
        yield from self.forget_in_new(fulls)
        answer = yield from self.on_old(old())
        yield from self.forget_in_new(fulls)
        return answer

    def on_both(
        self,
        new: Make,
        old: Make,
        fulls: list[str],
        *,
        removes: bool = False,
        mark: bool = False,
        absent: Any = MISSING,
    ) -> Operation[Any]:
        """A write that both caches are to have: the new one first, whose answer counts, and where
        that is ``absent`` the old one's.

        In this order, since a change of the old cache alone has the new one forget the key at last.
        What cannot be stored in the old cache is refused before anything is written. ``mark``: what
        is read from the old cache meanwhile must not be taken over, and with ``removes`` not be
        shown.
        """
        phase = yield from self.move_phase()
        if phase is Phase.OLD:
            return (yield from self.on_old(old()))
        if phase is Phase.PREPARE:
            return (yield from self.on_old_alone(old, fulls))
        if phase is Phase.ALONE:
            return (yield from new())
        following = begun(self.on_old(old()))
        if mark:
            yield from self.mark_keys(fulls, GONE if removes else KEEP)
        answer = yield from new()
        second = yield from self.follow(following, fulls, phase)
        if isinstance(second, list) and second:  # of ``set_many``: what could not be stored
            yield [self.marking(full, GONE, OUTAGE) for full in fulls]
        return second if answer == absent and second is not None else answer

    def full_names(self, named: Sequence[Named]) -> list[str]:
        return [self.naming.make(key, version) for key, version in named]

    # Counters

    def incr(self, key: Any, delta: int = 1, version: Any = None, **more: Any) -> Operation[int]:
        new = partial(super().incr, key, delta, version, **more)
        if more.get("timeout") is DEFAULT_TIMEOUT:
            more["timeout"] = self.default_timeout
        old = partial(self.old_client.incr, key, delta, self.own_version(version), **more)
        return (yield from self.on_one_side(new, old, [(key, version)]))  # type: ignore[no-any-return]

    def getdel(
        self, key: Any, default: Any = None, version: Any = None, **more: Any
    ) -> Operation[Any]:
        new = partial(super().getdel, key, default, version, **more)
        old = partial(self.old_client.getdel, key, default, self.own_version(version), **more)
        return (yield from self.on_one_side(new, old, [(key, version)]))

    def incr_version(
        self, key: Any, delta: int = 1, version: Any = None, **more: Any
    ) -> Operation[int]:
        new = partial(super().incr_version, key, delta, version, **more)
        old = partial(self.old_client.incr_version, key, delta, self.own_version(version), **more)
        named = [(key, version)]
        if isinstance(delta, int):
            first = self.own_version(version)
            if isinstance(first, int):
                named.append((key, first + delta))
        return (yield from self.on_one_side(new, old, named))  # type: ignore[no-any-return]

    # Locks

    def lock(self, key: Any, version: Any = None, *args: Any, **more: Any) -> Operation[Any]:
        making = super().lock(key, version, *args, **more)
        runner = yield making.send(None)
        full, old = (
            self.naming.make(key, version),
            self.old_client.naming.make(key, self.own_version(version)),
        )

        def run(operation: Operation[Any]) -> Any:
            new, other = partial(_as_it_is, operation), partial(_renamed, operation, full, old)
            return runner.run(self.on_one_side(new, other, [(key, version)]))

        try:
            making.send(Runner(run, runner.asynchronous, runner.tell))
        except StopIteration as stop:
            return stop.value
        raise TypeError("lock() asks for a runner and for nothing else.")


def _removing(olds: list[str]) -> Operation[None]:
    yield of_old(UNLINK(olds))


def _as_it_is(operation: Operation[Any]) -> Operation[Any]:
    return (yield from operation)


def _renamed(operation: Operation[Any], full: str, old: str) -> Operation[Any]:
    """An operation of a lock for its name in the old cache."""

    def of_the_other(request: Any) -> Operation[Any]:
        assert isinstance(request, Command)
        args = tuple([old if arg == full else arg for arg in request.args])
        return (yield Command(request.kind, args, old, request.node))

    return through(operation, of_the_other)


def _named(name: str, given: Any) -> list[Named]:
    """The keys of a call, with their versions."""
    found: list[Named] = []
    for argument in OPERATIONS[name].keys:
        other = given.get("version_dest" if argument == "dest" else "version_keys")
        version = given["version"] if other is None else other
        keys = given[argument] if argument == "keys" else (given[argument],)
        found += [(key, version) for key in keys]
    return found


def _of_structure(name: str) -> Callable[..., Generator[Any, Any, Any]]:
    changes, signature = name in CHANGING, OPERATIONS[name].signature

    def method(self: OneSided, *args: Any, **kwargs: Any) -> Operation[Any]:
        bound = signature.bind(None, *args, **kwargs)
        bound.apply_defaults()
        bound.arguments["version"] = self.own_version(bound.arguments["version"])
        named = _named(name, bound.arguments)
        new = partial(getattr(super(OneSided, self), name), *args, **kwargs)
        old = partial(getattr(self.old_client, name), *bound.args[1:], **bound.kwargs)
        return (yield from self.on_one_side(new, old, named, changes=changes))

    method.__name__ = name
    method.__qualname__ = f"OneSided.{name}"
    return method


for _name in READING | CHANGING:
    setattr(OneSided, _name, _of_structure(_name))
