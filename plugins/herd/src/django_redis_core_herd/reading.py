"""What is shown of a value that has expired, and who is elected to make the next one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django_redis_core.commands import GET, SET, Command, Operation
from django_redis_core.exceptions import NoScriptError
from django_redis_core.interfaces import DEFAULT_TIMEOUT, MISSING, is_lock_token

from . import envelope, scripts
from .entries import now
from .tuples import Packed
from .writing import Writing


class Reading(Writing):
    """``get``, ``get_many`` and ``get_or_set`` with an election."""

    #: Whether what is computed is stored by ``put``, and not where nothing is there.
    puts = False

    def unseen(self, entries: Mapping[str, bytes]) -> Operation[dict[str, Any]]:
        """Old values, except to those who are elected to replace them. One round trip for all.

        A server in trouble has elected nobody, so old values serve until it is well again.
        """
        shown: dict[str, Any] = {}
        candidates: dict[str, Command] = {}
        unreadable: dict[str, bytes] = {}
        for full, data in self.codec.counted(entries.items()):
            value, election = self.old(full, data)
            if value is MISSING:
                unreadable[full] = data
                continue
            shown[full] = value
            if election is not None:
                candidates[full] = election
        if candidates:
            replies = yield list(candidates.values())
            for (full, election), reply in zip(candidates.items(), replies, strict=True):
                if isinstance(reply, NoScriptError):
                    reply = yield from scripts.ELECT((full,), *election.args[4:])
                if reply and not isinstance(reply, Exception):
                    self.elected(shown, full, entries[full])
        if unreadable:
            shown |= yield from super().unseen(unreadable)
        return shown

    def elected(self, shown: dict[str, Any], full: str, data: bytes) -> None:
        """The caller is to compute what is in ``data``, and sees a miss."""
        del shown[full]

    def old(self, full: str, data: bytes) -> tuple[Any, Command | None]:
        """An old value, and the command by which its reader is elected; None while another one
        is. MISSING when there is no value to show."""
        if data.startswith(envelope.MAGIC):
            if envelope.alive(data, now()):
                return MISSING, None
            value = self.inner(full, data[envelope.LENGTH :])
            if data.startswith(envelope.LEASED) and envelope.moment(data) > now():
                return value, None
            return value, self.election(full, data)
        packed = self.packed(full, data)
        if packed is None:
            return MISSING, None
        return packed.value, self.election_of(full, packed)

    def election(self, full: str, data: bytes) -> Command:
        """The command by which one of those who have seen an entry in our envelope is elected."""
        seen, until = data[: envelope.LENGTH], envelope.lease(now() + self.lease)
        return scripts.ELECT.command((full,), seen, until)

    def election_of(self, full: str, packed: Packed) -> Command:
        """The same for a tuple. These bytes are the other package's too, so the lease has a key of
        its own, which no cache's pattern finds. The next value has another lease: none needs to be
        taken back."""
        sibling = f"django-redis-core-herd:{packed.expires}:{full}"
        return SET(sibling, b"1", self.lease, nx=True)

    def get_or_set(
        self,
        key: Any,
        default: Any,
        timeout: Any = DEFAULT_TIMEOUT,
        version: Any = None,
        *,
        lock: bool | float = False,
    ) -> Operation[Any]:
        if lock is False:
            lock = self.wait or False
        if lock is not False:
            value = yield from self.get(key, MISSING, version)
            if value is not MISSING:
                return value
            full = self.naming.make(key, version)
            data = yield GET(full).primary()
            if data is not None and self.expired(full, data):
                # We are elected. Who has a turn by the lock looks again, and would find the old
                # value, shown because of our own lease.
                return (yield from self.compute(key, default, timeout, version))
        return (yield from super().get_or_set(key, default, timeout, version, lock=lock))

    def offer(self, key: Any, version: Any, value: Any, milliseconds: int | None) -> Operation[Any]:
        full = self.naming.make(key, version)
        data, milliseconds = self.wrap(full, value, milliseconds)
        if self.puts:
            yield from self.put(full, data, milliseconds)
            return value
        if (yield from self.set_if("NX", full, data, milliseconds)):
            return value
        found = yield from self.get(key, MISSING, version)
        if found is not MISSING:
            return found
        stored = yield GET(full).primary()
        if stored is None or not is_lock_token(stored):
            # What lies there cannot be read, so NX would keep it there for ever.
            yield SET(full, data, milliseconds)
        return value

    def put(self, full: str, data: bytes, milliseconds: int | None) -> Operation[None]:
        """Stores what was computed, for ``refreshing``."""
        yield SET(full, data, milliseconds)
