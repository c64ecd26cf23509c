"""What processes tell each other of: how much each cache has answered, and which phase they go by.

It travels with the look at the phase, and nobody waits for it.
"""

from __future__ import annotations

import os
import socket
import time
from typing import TYPE_CHECKING, Any

from django_redis_core.commands import Command, Kind
from django_redis_core.interfaces import Client

from .phases import Record, read
from .topology import of_old

if TYPE_CHECKING:
    from django_redis_core.commands import Operation
    from django_redis_core.interfaces import ClientContext

#: Seconds that the counts of a minute are kept, and the roll of its processes.
KEPT, ROLL_KEPT = 3600, 300

#: What is counted, by its name in the hash of a minute.
COUNTED = ("new", "old", "missed", "taken_over", "old_troubles")

_HINCRBY = Kind("HINCRBY", write=True, repeatable=False)
_HSET = Kind("HSET", write=True)
_EXPIRE = Kind("EXPIRE", write=True)
_HGETALL = Kind("HGETALL", write=False).primary


class Telling(Client):
    """Counts, and signs the roll."""

    old_client: Client

    def __init__(self, context: ClientContext, **options: Any) -> None:
        super().__init__(context, **options)
        self.mirror_counts = dict.fromkeys(COUNTED, 0)
        self._told = dict(self.mirror_counts)
        #: The minute and the change that this process has signed for.
        self._signed = (0, 0)

    # Names. Not by ``make``, since the version of an object's keys is no part of them; nor by
    # alias, since caches with the same entries are in the same phase.

    def _old_start(self) -> str:
        return f"{self.old_client.naming.prefix}:mirror:{self.naming.prefix}"

    def counts_key(self, minute: int) -> str:
        """Where the counts of a minute since 1970 are, in the new cache."""
        return f"{self.naming.prefix}:mirror:counts:{minute}"

    def roll_key(self, minute: int) -> str:
        """Where processes of a minute sign, in the new cache."""
        return f"{self.naming.prefix}:mirror:roll:{minute}"

    def old_roll_key(self, minute: int) -> str:
        """The same in the old cache: they sign where the phase is decided, since nobody is to wait
        for the new servers before a move has begun, nor for the old ones after it."""
        return f"{self._old_start()}:roll:{minute}"

    # Telling

    def telling(self, known: Record | None) -> list[Command]:
        """What sends the counts since the last time, and, once in a minute, which phase this
        process goes by."""
        now = int(time.time())
        minute = now // 60
        commands = []
        key = self.counts_key(minute)
        for name, count in self.mirror_counts.items():
            more = count - self._told[name]
            if more:
                self._told[name] = count
                commands.append(Command(_HINCRBY, (b"HINCRBY", key, name, more), key))
        if commands:
            commands.append(Command(_EXPIRE, (b"EXPIRE", key, KEPT), key))
        if known is not None and self._signed != (minute, known.change):
            self._signed = minute, known.change
            here = known.phase.old_decides
            key = self.old_roll_key(minute) if here else self.roll_key(minute)
            line = Record(known.change, known.phase, now).written()
            signing = [
                Command(_HSET, (b"HSET", key, _process(), line), key),
                Command(_EXPIRE, (b"EXPIRE", key, ROLL_KEPT), key),
            ]
            commands += of_old(signing) if here else signing
        return commands

    # Reading

    def told_counts(self, minutes: int) -> Operation[dict[str, int]]:
        """What all processes have counted in the last minutes, this one included."""
        now = int(time.time()) // 60
        keys = [self.counts_key(now - ago) for ago in range(minutes)]
        replies = yield [Command(_HGETALL, (b"HGETALL", key), key) for key in keys]
        total = dict.fromkeys(COUNTED, 0)
        for reply in replies:
            if isinstance(reply, Exception):
                raise reply
            for name, count in _pairs(reply):
                if name in total:
                    total[name] += int(count)
        return total

    def roll(self) -> Operation[dict[str, Record]]:
        """Which phase each process went by that has signed in this minute or the one before, and
        the second at which it did. Of servers that do not answer nothing is told."""
        now = int(time.time()) // 60
        commands = []
        for minute in (now - 1, now):
            old, new = self.old_roll_key(minute), self.roll_key(minute)
            commands.append(of_old(Command(_HGETALL, (b"HGETALL", old), old)))
            commands.append(Command(_HGETALL, (b"HGETALL", new), new))
        found: dict[str, Record] = {}
        for reply in (yield commands):
            if isinstance(reply, Exception):
                continue
            for name, line in _pairs(reply):
                record = read(line)
                before = found.get(name)
                if record is not None and (before is None or record.since >= before.since):
                    found[name] = record
        return found


def _process() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


def _pairs(reply: Any) -> list[tuple[str, bytes]]:
    items = iter(reply)
    return [(name.decode(errors="replace"), line) for name, line in zip(items, items, strict=True)]
