"""What stands in the new cache beside a key: whether the old one may be asked for it, and who is
taking it over.

The mark of a key lives in the same slot and on the same shard, so a script can look at both.
"""

from __future__ import annotations

import logging
import re
import secrets
import time
from typing import TYPE_CHECKING, Any

from django_redis_core.commands import SET, Command, Kind, Script, Spread
from django_redis_core.exceptions import ConnectionInterrupted, RedisCacheError, ReplyError

from .switch import Switch

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Sequence

    from django_redis_core.commands import Operation

#: The old cache has the right value, and it is not to be taken over now.
KEEP = b"keep"
#: What the old cache has is not to be shown.
GONE = b"gone"
#: The same, since it has missed a change or is about to be told of one. Who is killed in between,
#: or struck by a time limit, leaves this behind.
LOST = b"lost"
#: The marks for which nobody looks into the old cache.
HIDING = (GONE, LOST)

#: Milliseconds that a mark stays which guards a write to both caches: more than such a write takes.
GUARD = 60_000
#: Milliseconds that ``LOST`` stays: a day. Once it has stood for ``GUARD``, nobody is at it.
OUTAGE = 86_400_000
#: Milliseconds that somebody has for taking over a key.
LEASE = 10_000
#: Seconds between two lines in the log of the old cache's trouble.
QUIET = 60.0

_GET = Kind("GET", write=False).primary

# ARGV: a token, how long it holds, and, for a use that only the new cache is to know of, the mark
# for which nobody is to look into the old one then, and for how long: that does not mind KEEP, nor
# others who are at it. The reply: 0 it is the old one's, 1 it may be taken over, 2 it is there, 3
# the old one is not to be asked.
_LEASE = Script(
    """
local mark = redis.call('GET', KEYS[2])
local there = redis.call('EXISTS', KEYS[1]) == 1
local hidden = mark == 'gone' or mark == 'lost'
local must = ARGV[3] ~= ''
if must and (there or hidden) and (ARGV[3] == 'lost' or mark ~= 'lost') then
  if ARGV[3] ~= mark or redis.call('PTTL', KEYS[2]) < tonumber(ARGV[4]) then
    redis.call('SET', KEYS[2], ARGV[3], 'PX', ARGV[4])
  end
end
if there then return 2 end
if hidden then return 3 end
if mark and not must then return 0 end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
return 1
"""
)

# ARGV: the token, the mark that then stays and for how long, the milliseconds that the entry lives
# ('' for ever), the data, and 1 where that is a dump. 0 where somebody has written or removed the
# key meanwhile: what was read from the old cache is not true any more.
_TAKE = Script(
    """
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
if ARGV[6] == '1' then
  redis.call('RESTORE', KEYS[1], ARGV[4] == '' and 0 or ARGV[4], ARGV[5])
elseif ARGV[4] == '' then
  redis.call('SET', KEYS[1], ARGV[5])
else
  redis.call('SET', KEYS[1], ARGV[5], 'PX', ARGV[4])
end
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
return 1
"""
)

# ARGV: for how long. KEEP takes no other mark's place for which the old one is not to be asked; the
# reply is 1 where there is such a one.
_KEEP = Script(
    """
local mark = redis.call('GET', KEYS[2])
if mark == 'gone' or mark == 'lost' then return 1 end
redis.call('SET', KEYS[2], 'keep', 'PX', ARGV[1])
return 0
"""
)

#: What may stand in a batch.
Marking = Command | Spread

_logger = logging.getLogger(__name__)


class Marks(Switch):
    """Sets and reads marks."""

    _quiet_until = 0.0

    def mark_key(self, full: str) -> str:
        """The key of the mark, in the slot of ``full``
        (https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#hash-tags)."""
        start = full.find("{")
        end = full.find("}", start + 1) if start >= 0 else -1
        prefix = self.marks_prefix
        if end > start + 1:
            return f"{prefix}{{{full[start + 1 : end]}}}:{full}"
        return f"{prefix}{{{full}}}"

    @property
    def marks_prefix(self) -> str:
        prefix: str = self.naming.prefix
        return "mirror:" if "{" in prefix else f"{prefix}:mirror:1:"

    def full_of_mark(self, mark_key: str) -> str:
        """The key whose mark this is."""
        rest = mark_key[len(self.marks_prefix) :]
        tagged = rest.partition("}:")[2]
        return tagged if self.mark_key(tagged) == mark_key else rest[1:-1]

    def marks_matching(self, match: str) -> tuple[str, str]:
        """Patterns for the marks of the keys that ``match`` finds."""
        start = re.sub(r"([*?\[\]\\])", r"\\\1", self.marks_prefix)
        return f"{start}{{{match}}}", f"{start}{{*}}:{match}"

    def marking(self, full: str, mark: bytes, milliseconds: int = GUARD) -> Command:
        """What sets the mark of ``full``."""
        one = SET(self.mark_key(full), mark, milliseconds)
        return Command(one.kind, one.args, full)

    def unmarking(self, full: str) -> Command:
        """What removes the mark of ``full``."""
        return Command(_UNLINK, (b"UNLINK", self.mark_key(full)), full)

    def reading_mark(self, full: str) -> Command:
        """What reads the mark of ``full``."""
        return Command(_GET, (b"GET", self.mark_key(full)), full)

    def opening(self, fulls: Iterable[str]) -> list[Marking]:
        """Marks for a change that the new cache makes first: until the old one has been told, what
        that has is not to be shown."""
        return [self.marking(full, LOST, OUTAGE) for full in fulls]

    def hiding(self, fulls: Iterable[str]) -> list[Marking]:
        """Marks for keys that the old cache has been told of: only who has read it before is to be
        kept from taking that over."""
        return [self.marking(full, GONE) for full in fulls]

    def lease_keys(
        self, fulls: list[str], *, must: bytes = b""
    ) -> Operation[tuple[dict[str, bytes], list[str]]]:
        """Tokens for those of ``fulls`` that may be taken over, and those that the new cache has.
        ``must``: also where another one is at it; it is the mark that stays then."""
        tokens = {full: secrets.token_hex(16).encode() for full in fulls}
        how = (must, OUTAGE if must == LOST else GUARD)
        found = yield from scripts(
            _LEASE,
            [((full, self.mark_key(full)), (token, LEASE, *how)) for full, token in tokens.items()],
        )
        raise_first(found)
        replies = dict(zip(tokens, found, strict=True))
        leased = {full: token for full, token in tokens.items() if replies[full] == 1}
        return leased, [full for full in tokens if replies[full] == 2]

    def store_taken(
        self,
        entries: Iterable[tuple[str, bytes, bytes, int | None, bool]],
        mark: bytes = GONE,
    ) -> Operation[list[bool]]:
        """Stores what was read from the old cache: for each the key, its token, the data, the
        milliseconds that it lives, and whether it is a dump. Whether each was stored; ``mark`` is
        what then stays."""
        how = (mark, OUTAGE if mark == LOST else GUARD)
        found = yield from scripts(
            _TAKE,
            [
                (
                    (full, self.mark_key(full)),
                    (token, *how, b"" if left is None else max(left, 1), data, int(dump)),
                )
                for full, token, data, left, dump in entries
            ],
        )
        for reply in found:
            if isinstance(reply, ReplyError) and "DUMP payload" in str(reply):
                raise ReplyError(
                    "the new servers do not take data structures as the old ones dump them, which "
                    "are of another make or newer: copy structures before, by `manage.py "
                    "redis_cache copy`, to an entry of CACHES for the new servers without the "
                    f"client 'mirror' ({reply})"
                ) from reply
        raise_first(found)
        taken = [reply == 1 for reply in found]
        self.mirror_counts["taken_over"] += sum(taken)
        return taken

    def keep_keys(self, fulls: list[str]) -> Operation[list[str]]:
        """Has nobody take these over for the time that a write may take. Returns those of which the
        old cache's entries are not to be shown anyway."""
        calls = [((full, self.mark_key(full)), (GUARD,)) for full in fulls]
        found = yield from scripts(_KEEP, calls)
        raise_first(found)
        return [full for full, hidden in zip(fulls, found, strict=True) if hidden]

    def mark_keys(self, marks: list[Marking]) -> Operation[None]:
        """Raises where a key cannot be marked."""
        raise_first((yield marks))

    def forget_in_new(self, fulls: list[str]) -> Operation[None]:
        """Before and after a write to the old cache alone: nobody is to find an older value in the
        new one, nor to take one over that was read before."""
        batch: list[Any] = [self.marking(full, KEEP) for full in fulls]
        batch += [Command(_UNLINK, (b"UNLINK", full), full) for full in fulls]
        raise_first((yield batch))

    def follow(self, operation: Generator[Any, Any, Any], fulls: list[str]) -> Operation[Any]:
        """An operation of the old cache for what the new one has done. Where that fails, the caller
        is told nothing, and what the old cache has of ``fulls`` is shown to nobody any more."""
        try:
            return (yield from operation)
        except RedisCacheError as trouble:
            self.told_of(trouble)
            yield self.missed(fulls)
            return None
        except Exception:  # a time limit, which is more likely here than anywhere
            yield self.missed(fulls)
            raise

    def missed(self, fulls: Iterable[str]) -> list[Marking]:
        """Marks for keys of which the old cache has missed a change, and nobody is at it."""
        return [self.marking(full, LOST, OUTAGE - GUARD) for full in fulls]

    def told_of(self, trouble: Exception) -> None:
        """The old cache is in trouble, for which nobody's call fails."""
        self.mirror_counts["old_troubles"] += 1
        now = time.monotonic()
        if now >= self._quiet_until:
            self._quiet_until = now + QUIET
            _logger.warning(
                "The old cache %r of the mirror %r is in trouble; what the new one has done counts "
                "as done (further ones are counted, and logged after %g s): %s",
                self.mirror_of,
                self.alias,
                QUIET,
                trouble,
            )

    def unread(self, trouble: ConnectionInterrupted) -> None:
        """The old cache could not be read: what the new one has not got is a miss."""
        self.told_of(trouble)


_UNLINK = Kind("UNLINK", write=True)


def scripts(
    script: Script,
    calls: Sequence[tuple[tuple[str, ...], tuple[Any, ...]]],
    side: Callable[[Command], Any] = lambda command: command,
) -> Operation[list[Any]]:
    """The replies to several calls of a script, sent together; ``side`` is ``of_old`` for the old
    servers."""
    if not calls:
        return []
    replies = yield [side(script.command(keys, *args)) for keys, args in calls]
    again = [at for at, reply in enumerate(replies) if _unknown(reply)]
    if again:
        more = yield [side(script.whole(calls[at][0], *calls[at][1])) for at in again]
        for at, reply in zip(again, more, strict=True):
            replies[at] = reply
    return replies  # type: ignore[no-any-return]


def raise_first(replies: Iterable[Any]) -> None:
    """Raises the first error among replies."""
    for reply in replies:
        if isinstance(reply, Exception):
            raise reply


def _unknown(reply: Any) -> bool:
    from django_redis_core.exceptions import NoScriptError

    return isinstance(reply, NoScriptError)
