"""What stands in the new cache beside a key: whether the old one may be asked for it, and who is
taking it over.

The mark of a key lives in the same slot and on the same shard, so a script can look at both.
"""

from __future__ import annotations

import logging
import secrets
import time
from typing import TYPE_CHECKING, Any

from django_redis_core.commands import SET, Command, Kind, Script
from django_redis_core.exceptions import ConnectionInterrupted, RedisCacheError, ReplyError

from .phases import Phase
from .switch import Switch

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from django_redis_core.commands import Operation

#: The old cache has the right value, and it is not to be taken over now.
KEEP = b"keep"
#: What the old cache has is not to be shown.
GONE = b"gone"

#: Milliseconds that a mark stays which guards a write to both caches: more than such a write takes.
GUARD = 60_000
#: Milliseconds that a mark stays where the old cache could not be told of a write: a day.
OUTAGE = 86_400_000
#: Milliseconds that somebody has for taking over a key.
LEASE = 10_000
#: Seconds between two lines in the log of the old cache's trouble.
QUIET = 60.0

_GET = Kind("GET", write=True)

# ARGV: a token, how long it holds, and, for a change that only the new cache makes, how long nobody
# is to look into the old one then: that does not mind KEEP, nor others who are at it. The reply:
# 0 it is the old one's, 1 it may be taken over, 2 it is there, 3 the old one is not to be asked.
_LEASE = Script(
    """
local mark = redis.call('GET', KEYS[2])
local there = redis.call('EXISTS', KEYS[1]) == 1
if ARGV[3] ~= '' and (there or mark == 'gone') then
  if mark ~= 'gone' or redis.call('PTTL', KEYS[2]) < tonumber(ARGV[3]) then
    redis.call('SET', KEYS[2], 'gone', 'PX', ARGV[3])
  end
end
if there then return 2 end
if mark == 'gone' then return 3 end
if mark and ARGV[3] == '' then return 0 end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
return 1
"""
)

# ARGV: the token, how long the mark then stays, the milliseconds that the entry lives ('' for
# ever), the data, and 1 where that is a dump. False where somebody has written or removed the key
# meanwhile: what was read from the old cache is not true any more.
_TAKE = Script(
    """
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
if ARGV[5] == '1' then
  redis.call('RESTORE', KEYS[1], ARGV[3] == '' and 0 or ARGV[3], ARGV[4])
elseif ARGV[3] == '' then
  redis.call('SET', KEYS[1], ARGV[4])
else
  redis.call('SET', KEYS[1], ARGV[4], 'PX', ARGV[3])
end
redis.call('SET', KEYS[2], 'gone', 'PX', ARGV[2])
return 1
"""
)

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

    def marking(self, full: str, mark: bytes, milliseconds: int = GUARD) -> Command:
        """What sets the mark of ``full``."""
        one = SET(self.mark_key(full), mark, milliseconds)
        return Command(one.kind, one.args, full)

    def reading_mark(self, full: str) -> Command:
        """What reads the mark of ``full``."""
        return Command(_GET, (b"GET", self.mark_key(full)), full)

    def lease_keys(
        self, fulls: list[str], *, must: bool = False
    ) -> Operation[tuple[dict[str, bytes], list[str]]]:
        """Tokens for those of ``fulls`` that may be taken over, and those that the new cache has.
        ``must``: also where another one is at it."""
        tokens = {full: secrets.token_hex(16).encode() for full in fulls}
        found = yield from scripts(
            _LEASE,
            [
                ((full, self.mark_key(full)), (token, LEASE, GUARD if must else b""))
                for full, token in tokens.items()
            ],
        )
        for reply in found:
            if isinstance(reply, Exception):
                raise reply
        replies = dict(zip(tokens, found, strict=True))
        leased = {full: token for full, token in tokens.items() if replies[full] == 1}
        return leased, [full for full in tokens if replies[full] == 2]

    def store_taken(
        self, entries: Iterable[tuple[str, bytes, bytes, int | None, bool]]
    ) -> Operation[list[bool]]:
        """Stores what was read from the old cache: for each the key, its token, the data, the
        milliseconds that it lives, and whether it is a dump. Whether each was stored."""
        found = yield from scripts(
            _TAKE,
            [
                (
                    (full, self.mark_key(full)),
                    (token, GUARD, b"" if left is None else max(left, 1), data, int(dump)),
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
            if isinstance(reply, Exception):
                raise reply
        taken = [reply == 1 for reply in found]
        self.mirror_counts["taken_over"] += sum(taken)
        return taken

    def mark_keys(self, fulls: list[str], mark: bytes) -> Operation[None]:
        """Marks keys for the time that a write may take; raises where one cannot be marked."""
        for reply in (yield [self.marking(full, mark) for full in fulls]):
            if isinstance(reply, Exception):
                raise reply

    def forget_in_new(self, fulls: list[str]) -> Operation[None]:
        """Before and after a write to the old cache alone: nobody is to find an older value in the
        new one, nor to take one over that was read before."""
        batch: list[Any] = [self.marking(full, KEEP) for full in fulls]
        batch += [Command(_UNLINK, (b"UNLINK", full), full) for full in fulls]
        for reply in (yield batch):
            if isinstance(reply, Exception):
                raise reply

    def follow(
        self, operation: Generator[Any, Any, Any], fulls: list[str], phase: Phase
    ) -> Operation[Any]:
        """An operation of the old cache for what the new one has done. Where that fails, the caller
        is told nothing, and what the old cache has of ``fulls`` is shown to nobody any more."""
        try:
            return (yield from operation)
        except RedisCacheError as trouble:
            self.told_of(trouble)
            yield [self.marking(full, GONE, OUTAGE) for full in fulls]
            return None

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
    script: Script, calls: list[tuple[tuple[str, ...], tuple[Any, ...]]]
) -> Operation[list[Any]]:
    """The replies to several calls of a script, sent together."""
    if not calls:
        return []
    replies = yield [script.command(keys, *args) for keys, args in calls]
    again = [at for at, reply in enumerate(replies) if _unknown(reply)]
    if again:
        more = yield [script.whole(calls[at][0], *calls[at][1]) for at in again]
        for at, reply in zip(again, more, strict=True):
            replies[at] = reply
    return replies  # type: ignore[no-any-return]


def _unknown(reply: Any) -> bool:
    from django_redis_core.exceptions import NoScriptError

    return isinstance(reply, NoScriptError)
