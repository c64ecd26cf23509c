"""Reading: an entry whose tags were invalidated is not there."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import Any, TypeVar

from django_redis_core.commands import GET, Command, Kind, Operation, Script, Spread
from django_redis_core.interfaces import DEFAULT_TIMEOUT, MISSING

from .envelope import MAGIC, Tagged
from .generations import Generations

T = TypeVar("T")

#: An envelope begins within so many bytes of an entry, also behind what other clients put there.
PROBE = 64

_GETRANGE = Kind("GETRANGE", write=False)

# By its envelope, for what has the same one is as invalid. ``pcall``: a hash may lie there now.
_BURY = Script(
    """
local data = redis.pcall('GETRANGE', KEYS[1], 0, ARGV[2])
if type(data) == 'string' and string.find(data, ARGV[1], 1, true) then
  return redis.call('UNLINK', KEYS[1])
end
return 0
"""
)


class Reading(Generations):
    """``get`` and all that answers with a value or says that an entry is there."""

    def get(
        self, key: Any, default: Any = None, version: Any = None, **more: Any
    ) -> Operation[Any]:
        value = yield from super().get(key, default, version, **more)
        if value.__class__ is Tagged:
            return value.value if (yield from self.is_fresh(value, version)) else default
        return value

    def get_many(
        self, keys: Iterable[Any], version: Any = None, **more: Any
    ) -> Operation[dict[Any, Any]]:
        found: dict[Any, Any] = yield from super().get_many(keys, version, **more)
        tagged = [(key, one) for key, one in found.items() if one.__class__ is Tagged]
        if tagged:
            heads = {one.head: one.generations for _, one in tagged}
            names = [name for generations in heads.values() for name in generations]
            now = yield from self.tag_generations(names, version)
            # What a server in trouble does not tell is not known to be right.
            fresh = {
                head
                for head, generations in heads.items()
                if all(now[name] == generation for name, generation in generations.items())
            }
            for key, one in tagged:
                if one.head in fresh:
                    found[key] = one.value
                else:
                    del found[key]
        return found

    def getdel(
        self, key: Any, default: Any = None, version: Any = None, **more: Any
    ) -> Operation[Any]:
        value = yield from super().getdel(key, default, version, **more)
        if value.__class__ is Tagged:
            return value.value if (yield from self.is_fresh(value, version)) else default
        return value

    def getex(
        self,
        key: Any,
        timeout: Any = DEFAULT_TIMEOUT,
        default: Any = None,
        version: Any = None,
        **more: Any,
    ) -> Operation[Any]:
        value = yield from super().getex(key, timeout, default, version, **more)
        if value.__class__ is Tagged:
            return value.value if (yield from self.is_fresh(value, version)) else default
        return value

    def has_key(self, key: Any, version: Any = None, **more: Any) -> Operation[bool]:
        asked = super().has_key(key, version, **more)
        return (yield from self.unless_invalid(asked, key, version, False))

    def ttl(self, key: Any, version: Any = None, **more: Any) -> Operation[int | None]:
        return (yield from self.unless_invalid(super().ttl(key, version, **more), key, version, 0))

    def pttl(self, key: Any, version: Any = None, **more: Any) -> Operation[int | None]:
        return (yield from self.unless_invalid(super().pttl(key, version, **more), key, version, 0))

    def copyable(self, full: str, data: bytes) -> bool:
        """An entry with tags ends when their keys are written, which nobody tells of this one."""
        return MAGIC not in data[:PROBE] and super().copyable(full, data)

    def seen(self, full: str, data: bytes, version: Any = None) -> Operation[Any]:
        value = yield from super().seen(full, data, version)
        if value.__class__ is Tagged:
            return value.value if (yield from self.is_fresh(value, version)) else MISSING
        return value

    # Entries that were invalidated

    def unless_invalid(
        self, asked: Operation[T], key: Any, version: Any, absent: T, *, primary: bool = False
    ) -> Operation[T]:
        """What ``asked`` answers, or ``absent`` where the entry was invalidated. A look at the
        entry's first bytes goes along with its first command."""
        full = self.naming.unchecked(key, version)
        probe = self.tag_probe(full)
        answer, seen = yield from beside(asked, probe.primary() if primary else probe)
        if answer == absent or not tagged(seen):
            return answer
        dead = yield from self.invalid_entry(full, version)
        return answer if dead is None else absent

    def tag_probe(self, full: str) -> Command:
        return Command(_GETRANGE, (b"GETRANGE", full, 0, PROBE - 1), full)

    def invalid_entry(self, full: str, version: Any) -> Operation[Tagged | None]:
        """The entry under ``full``, where it is one that was invalidated."""
        data = yield GET(full).primary()
        entry = MISSING if data is None else self.unwrap(full, data)
        if entry.__class__ is not Tagged or (yield from self.is_fresh(entry, version)):
            return None
        return entry

    def remove_invalid(self, full: str, version: Any) -> Operation[bool]:
        """Removes the entry under ``full`` where it was invalidated; whether it did."""
        if not tagged((yield self.tag_probe(full).primary())):
            return False
        entry = yield from self.invalid_entry(full, version)
        if entry is None:
            return False
        yield from self.remove_of_envelope(full, entry)
        return True

    def remove_of_envelope(self, full: str, entry: Tagged) -> Operation[None]:
        """Removes an entry that was invalidated, if it still lies there."""
        yield from _BURY((full,), entry.head, PROBE + len(entry.head))


def tagged(seen: Any) -> bool:
    """Whether the first bytes of an entry may be those of one with tags."""
    return isinstance(seen, bytes) and MAGIC in seen


def beside(operation: Operation[T], probe: Command) -> Operation[tuple[T, Any]]:
    """``operation``, and the reply to ``probe``, which is sent with its first request."""
    seen: Any = None
    try:
        request = operation.send(None)
        if isinstance(request, Command | Spread):
            try:
                seen, answer = yield [probe, request]
            except Exception as error:
                request = operation.throw(error)
            else:
                if isinstance(answer, Exception):
                    request = operation.throw(answer)
                else:
                    request = operation.send(answer)
        elif isinstance(request, list):
            try:
                seen, *answers = yield [probe, *request]
            except Exception as error:
                request = operation.throw(error)
            else:
                request = operation.send(answers)
        result = yield from going_on(operation, request)
    except StopIteration as stop:
        result = stop.value
    return result, seen


def going_on(operation: Generator[Any, Any, T], request: Any) -> Operation[T]:
    """The rest of an operation that has begun, and asks for ``request``."""
    while True:
        try:
            answer = yield request
        except Exception as error:
            step, given = operation.throw, error
        else:
            step, given = operation.send, answer  # type: ignore[assignment]
        try:
            request = step(given)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]
