"""What happens on one side only: counters, locks, data structures, conditional writes.

Two servers cannot decide together who was first, nor count together. So one of the two caches does,
by the phase, and the other one forgets what it has of the key.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from django_redis_core.commands import EXISTS, UNLINK, Command, Runner
from django_redis_core.interfaces import DEFAULT_TIMEOUT, MISSING, OPERATIONS

from .marks import GONE, LOST
from .phases import Phase
from .settling import Settling
from .topology import along, begun, of_old, through

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


class OneSided(Settling):
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
            if phase is Phase.OLD:
                return (yield from self.on_old(old()))
            if not changes:
                return (yield from self.seen_on_old(new, old, named, phase))
            if phase is Phase.PREPARE:  # what the new one has is of an earlier move
                return (yield from self.on_old_alone(old, self.full_names(named)))
            yield from self.settle(named)
            answer = yield from self.on_old(old())
            yield from self.forget_in_new(self.full_names(named))
            return answer
        if phase is Phase.NEW:
            yield from self.bring_over(named, LOST if changes else GONE)
        elif changes:
            yield from self.mark_keys(self.opening(self.full_names(named)))
        answer = yield from new()
        if changes:
            fulls = self.full_names(named)
            removing = along(_removing(self.old_names(named)), after=self.hiding(fulls))
            yield from self.follow(removing, fulls)
        return answer

    def seen_on_old(
        self, new: Make, old: Make, named: Sequence[Named], phase: Phase
    ) -> Operation[Any]:
        """A look at what the old cache decides on. After a way back the new one may have what the
        old one has not got yet; in ``HANDOVER`` others may be at it there still."""
        if phase is Phase.PREPARE:
            return (yield from self.on_old(old()))
        told: list[Any] = []
        looks = [EXISTS(full).primary() for full in self.full_names(named)]
        answer = yield from along(self.on_old(old()), before=looks, told=told)
        there = [name for name, found in zip(named, told, strict=False) if found is True]
        if not there or all((yield from self.in_old(there))):
            return answer
        if phase is Phase.HANDOVER:
            return (yield from new())
        yield from self.settle(there)
        return (yield from self.on_old(old()))

    def on_old_alone(self, old: Make, fulls: list[str]) -> Operation[Any]:
        """A write to the old cache that the new one is to know nothing of. Before it, since who
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
        absent: Any = MISSING,
        closing: bytes | None = None,
    ) -> Operation[Any]:
        """A write that both caches are to have: the new one first, whose answer counts, and where
        that is ``absent`` the old one's.

        In this order, since a change of the old cache alone has the new one forget the key at last.
        What cannot be stored in the old cache is refused before anything is written. From before
        the first write until the second one the old cache is not to be shown, which a mark says
        that travels with the first; ``closing`` is the mark that the second one leaves, None:
        none. It is sent behind that, so who dies in between leaves the first one's mark.
        """
        phase = yield from self.move_phase()
        if phase is Phase.OLD:
            return (yield from self.on_old(old()))
        if phase is Phase.PREPARE:
            return (yield from self.on_old_alone(old, fulls))
        if phase is Phase.ALONE:
            return (yield from new())
        following = begun(self.on_old(old()))
        opening = self.opening(fulls)
        if closing == GONE:  # a removal: before it, or somebody could take the key over once more
            answer = yield from along(new(), before=opening)
        else:
            # Behind the value: where that is long, and so comes in pieces, nobody is to find the
            # mark and not the value.
            answer = yield from along(new(), after=opening)
        if closing is None:
            ending = [self.unmarking(full) for full in fulls]
        else:
            ending = [self.marking(full, closing) for full in fulls]
        second = yield from self.follow(along(following, after=ending), fulls)
        if isinstance(second, list) and second:  # of ``set_many``: what could not be stored
            yield self.missed(fulls)
        return second if answer == absent and second is not None else answer

    def of_both(self, new: Make, old: Make, fulls: list[str], absent: Any) -> Operation[Any]:
        """A change of how long an entry lives, which both caches make, each of what it has. The old
        one's entry may be shown all the time, and its answer counts where the new one's is
        ``absent``; neither where the old one has missed a change of the key."""
        phase = yield from self.move_phase()
        if phase is Phase.OLD:
            return (yield from self.on_old(old()))
        if phase is Phase.PREPARE:
            return (yield from self.on_old_alone(old, fulls))
        if phase is Phase.ALONE:
            return (yield from new())
        following = begun(self.on_old(old()))
        hidden = yield from self.keep_keys(fulls)
        answer = yield from new()
        second = yield from self.follow(following, fulls)
        return second if answer == absent and second is not None and not hidden else answer

    def full_names(self, named: Sequence[Named]) -> list[str]:
        return [self.naming.make(key, version) for key, version in named]

    def old_names(self, named: Sequence[Named]) -> list[str]:
        make, own = self.old_client.naming.make, self.own_version
        return [make(key, own(version)) for key, version in named]

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
