"""Before the old cache changes a key alone: it gets what only the new one has of it.

So it is after a way back, for what the new cache alone counted, locked and stored under a
condition; where an entry of the old cache was evicted; and where the old cache was away when the
key was written or removed. Otherwise a count would begin anew, or go on from what was replaced.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django_redis_core.commands import EXISTS, Script
from django_redis_core.exceptions import ReplyError, SerializationError
from django_redis_core.interfaces import MISSING, is_lock_token

from .marks import GUARD, LOST, OUTAGE, raise_first, scripts
from .taking import Taking
from .topology import of_old

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django_redis_core.commands import Operation

# ARGV: for how long the mark KEEP then stays, and up to how many milliseconds LOST has left where
# nobody is at it any more. The reply: 0 the new cache has forgotten the key, 1 it has it, 2 the old
# one has missed a change. A write that is under way is not waited for: it ends with the old cache.
_FORGET = Script(
    """
local mark = redis.call('GET', KEYS[2])
if mark == 'lost' then
  if redis.call('PTTL', KEYS[2]) <= tonumber(ARGV[2]) then return 2 end
elseif redis.call('EXISTS', KEYS[1]) == 1 then
  return 1
end
redis.call('SET', KEYS[2], 'keep', 'PX', ARGV[1])
redis.call('UNLINK', KEYS[1])
return 0
"""
)

_HELD = """
local function held(key)
  local kind = redis.call('TYPE', key).ok
  if kind == 'none' then return kind, '' end
  if kind == 'string' then return kind, redis.call('GET', key) end
  return kind, redis.call('DUMP', key)
end
local kind, data = held(KEYS[1])
"""

# What is stored under a key: its type, the data (of a structure a dump), the milliseconds left.
_READ = Script(_HELD + "return {kind, data, redis.call('PTTL', KEYS[1])}")

# ARGV: the type and data that are expected in the new cache, and as in _FORGET. 1 where they were
# there, and are forgotten.
_FORGET_THIS = Script(
    _HELD
    + """
if kind ~= ARGV[1] or data ~= ARGV[2] then return 0 end
redis.call('SET', KEYS[2], 'keep', 'PX', ARGV[3])
redis.call('UNLINK', KEYS[1])
return 1
"""
)

# ARGV: the type and data that are expected in the old cache, the type and data that take their
# place, the milliseconds that they live (0: for ever). 1 where that was done.
_REPLACE = Script(
    _HELD
    + """
if kind ~= ARGV[1] or data ~= ARGV[2] then return 0 end
if ARGV[3] == 'none' then
  redis.call('UNLINK', KEYS[1])
elseif ARGV[3] ~= 'string' then
  redis.call('RESTORE', KEYS[1], ARGV[5], ARGV[4], 'REPLACE')
elseif ARGV[5] == '0' then
  redis.call('SET', KEYS[1], ARGV[4])
else
  redis.call('SET', KEYS[1], ARGV[4], 'PX', ARGV[5])
end
return 1
"""
)

_NOTHING = (b"none", b"", 0)


class Settling(Taking):
    """Brings entries back to the old cache."""

    def settle(self, named: Sequence[tuple[Any, Any]]) -> Operation[None]:
        """Has the new cache forget these keys (with their versions), and the old one have what is
        true of them. Raises where one of the two cannot be asked."""
        left = {self.naming.make(key, version): (key, version) for key, version in named}
        while left:
            calls = [((full, self.mark_key(full)), (GUARD, OUTAGE - GUARD)) for full in left]
            found = yield from scripts(_FORGET, calls)
            raise_first(found)
            told = dict(zip(left, found, strict=True))
            left = {full: left[full] for full, reply in told.items() if reply}
            there = [full for full in left if told[full] == 1]
            # What both have is the old one's, which decides.
            both = (yield from self.in_old([left[full] for full in there])) if there else []
            forget = [full for full, old_too in zip(there, both, strict=True) if old_too]
            if forget:
                yield from self.forget_in_new(forget)
            left = {full: name for full, name in left.items() if full not in forget}
            done = yield from self.give_back(left)
            left = {full: name for full, name in left.items() if full not in done}

    def in_old(self, named: Sequence[tuple[Any, Any]]) -> Operation[list[Any]]:
        """Whether the old cache has these keys."""
        make, own = self.old_client.naming.make, self.own_version
        found = yield [of_old(EXISTS(make(key, own(version))).primary()) for key, version in named]
        raise_first(found)
        return found  # type: ignore[no-any-return]

    def give_back_missing(self, names: Sequence[Any]) -> Operation[int]:
        """Gives back those of these keys, of the cache's version, that the old cache has not got or
        has missed a change of. How many that were."""
        named = {self.naming.make(name): (name, None) for name in names}
        if not named:
            return 0
        marks = yield [self.reading_mark(full) for full in named]
        raise_first(marks)
        both = yield from self.in_old(list(named.values()))
        left = {
            full: name
            for (full, name), mark, old_too in zip(named.items(), marks, both, strict=True)
            if mark == LOST or not old_too
        }
        yield from self.give_back(left)
        return len(left)

    def give_back(self, named: dict[str, tuple[Any, Any]]) -> Operation[list[str]]:
        """Has the old cache have what the new one has of these keys, by their full names, or has
        not, and the new one forget them. Returns those that nobody has changed meanwhile."""
        done = []
        for full, (key, version) in named.items():
            old = self.old_client.naming.make(key, self.own_version(version))
            # One by one: it is rare, and of one key nothing else is asked meanwhile.
            ours, theirs = yield from self._both_held(full, old)
            wanted = yield from self._for_old(full, old, version, ours)
            if (yield from self._replace(old, theirs, wanted)):
                forget = ((full, self.mark_key(full)), (*ours[:2], GUARD))
                (forgotten,) = yield from self._surely(_FORGET_THIS, [forget])
                if forgotten:
                    done.append(full)
                else:  # somebody has written or removed it, and perhaps the old one before
                    yield from self._replace(old, wanted, _NOTHING)
        return done

    def _both_held(self, full: str, old: str) -> Operation[tuple[Any, Any]]:
        (ours,) = yield from self._surely(_READ, [((full,), ())])
        (theirs,) = yield from self._surely(_READ, [((old,), ())], of_old)
        return ours, theirs

    def _replace(self, old: str, expected: Any, wanted: Any) -> Operation[bool]:
        """Whether ``wanted`` has taken the place of ``expected`` in the old cache."""
        if wanted[:2] == tuple(expected[:2]):
            return True
        arguments = (*expected[:2], *wanted)
        try:
            (done,) = yield from self._surely(_REPLACE, [((old,), arguments)], of_old)
        except ReplyError as error:
            if "DUMP payload" not in str(error):
                raise
            raise ReplyError(
                f"CACHES[{self.mirror_of!r}]: the old servers do not take the data structure under "
                f"{old!r} as the new ones dump it, which are of another make or newer: remove it, "
                f"or go back to the phase new ({error})"
            ) from error
        return bool(done)

    def _for_old(
        self, full: str, old: str, version: Any, ours: Any
    ) -> Operation[tuple[bytes, bytes, int]]:
        """Type, data and milliseconds of what the old cache is to store for the new one's."""
        kind, data, left = ours
        life = max(left, 0)  # -1: for ever
        if kind == b"none":
            return _NOTHING
        if kind != b"string":
            if not self.elements_alike:
                raise SerializationError(
                    f"CACHES[{self.alias!r}]: the data structure under {full!r} is in another "
                    f"format than that of {self.mirror_of!r}, and cannot be given back: remove it, "
                    "or go back to the phase new."
                )
            return kind, data, life
        value = yield from self.seen(full, data, version)
        if value is not MISSING:
            data, milliseconds = self.old_client.wrap(old, value, life or None)
            return kind, data, milliseconds or 0
        return (kind, data, life) if is_lock_token(data) else _NOTHING

    def _surely(self, script: Script, calls: Any, *side: Any) -> Operation[list[Any]]:
        replies = yield from scripts(script, calls, *side)
        raise_first(replies)
        return replies
