"""Values: read from the new cache and then from the old one, written to both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from django_redis_core.exceptions import ConnectionInterrupted
from django_redis_core.interfaces import DEFAULT_TIMEOUT, MISSING

from .marks import GONE, GUARD, HIDING, KEEP
from .onesided import Make, OneSided
from .phases import Phase
from .topology import on_primaries, together

if TYPE_CHECKING:
    from django_redis_core.commands import Operation


class Values(OneSided):
    """``get``, ``set`` and what is built on them; how long entries live."""

    # Reading

    def get(
        self, key: Any, default: Any = None, version: Any = None, **more: Any
    ) -> Operation[Any]:
        phase = yield from self.move_phase()
        if phase <= Phase.PREPARE:
            return (
                yield from self.on_old(
                    self.old_client.get(key, default, self.own_version(version), **more)
                )
            )
        value = yield from super().get(key, MISSING, version, **more)
        if value is MISSING and phase <= Phase.NEW:
            found = yield from self.fetch_from_old([key], version, phase)
            value = found.get(key, MISSING)
        elif value is not MISSING:
            self.mirror_counts["new"] += 1
        return default if value is MISSING else value

    def get_many(
        self, keys: Iterable[Any], version: Any = None, **more: Any
    ) -> Operation[dict[Any, Any]]:
        keys = list(keys)
        phase = yield from self.move_phase()
        if phase <= Phase.PREPARE:
            asked = self.old_client.get_many(keys, self.own_version(version), **more)
            return (yield from self.on_old(asked))  # type: ignore[no-any-return]
        found: dict[Any, Any] = yield from super().get_many(keys, version, **more)
        self.mirror_counts["new"] += len(found)
        if phase > Phase.NEW or len(found) == len(keys):
            return found
        missing = [key for key in dict.fromkeys(keys) if key not in found]
        if missing:
            more_found = yield from self.fetch_from_old(missing, version, phase, many=True)
            found = {
                key: found[key] if key in found else more_found[key]
                for key in keys
                if key in found or key in more_found
            }
        return found

    def has_key(self, key: Any, version: Any = None, **more: Any) -> Operation[bool]:
        return bool((yield from self._asked("has_key", key, version, False, more)))

    def ttl(self, key: Any, version: Any = None, **more: Any) -> Operation[int | None]:
        return (yield from self._asked("ttl", key, version, 0, more))  # type: ignore[no-any-return]

    def pttl(self, key: Any, version: Any = None, **more: Any) -> Operation[int | None]:
        return (yield from self._asked("pttl", key, version, 0, more))  # type: ignore[no-any-return]

    def _asked(
        self, name: str, key: Any, version: Any, absent: Any, more: Mapping[str, Any]
    ) -> Operation[Any]:
        """A question about an entry, which the old cache answers where the new one says
        ``absent``."""
        phase = yield from self.move_phase()
        ask = getattr(self.old_client, name)
        if phase <= Phase.PREPARE:
            return (yield from self.on_old(ask(key, self.own_version(version), **more)))
        answer = yield from getattr(super(), name)(key, version, **more)
        if answer != absent or answer is None or phase > Phase.NEW:
            return answer
        hidden = (yield self.reading_mark(self.naming.make(key, version))) in HIDING
        if not hidden:
            try:
                answer = yield from self.on_old(ask(key, self.own_version(version), **more))
            except ConnectionInterrupted as trouble:
                self.unread(trouble)
        if answer != absent or (not hidden and phase < Phase.HANDOVER):
            return answer
        # Taken over perhaps, since the new cache was asked.
        return (yield from on_primaries(getattr(super(), name)(key, version, **more)))

    # Writing

    def set(
        self,
        key: Any,
        value: Any,
        timeout: Any = DEFAULT_TIMEOUT,
        version: Any = None,
        *,
        nx: bool = False,
        xx: bool = False,
        **more: Any,
    ) -> Operation[bool]:
        conditional = nx or xx
        if conditional:
            more |= {"nx": nx, "xx": xx}
        new = partial(super().set, key, value, timeout, version, **more)
        old = partial(
            self.old_client.set,
            key,
            value,
            self.own_timeout(timeout),
            self.own_version(version),
            **more,
        )
        if conditional:
            return bool((yield from self.on_one_side(new, old, [(key, version)])))
        fulls = self.naming.make_many([key], version)
        closing = self._closing(timeout)
        return bool((yield from self.on_both(new, old, fulls, absent=False, closing=closing)))

    def set_many(
        self,
        data: Mapping[Any, Any],
        timeout: Any = DEFAULT_TIMEOUT,
        version: Any = None,
        **more: Any,
    ) -> Operation[list[Any]]:
        if not data:
            return []
        new = partial(super().set_many, data, timeout, version, **more)
        old = partial(
            self.old_client.set_many,
            data,
            self.own_timeout(timeout),
            self.own_version(version),
            **more,
        )
        fulls = self.naming.make_many(data, version)
        return list((yield from self.on_both(new, old, fulls, closing=self._closing(timeout))))

    def _closing(self, timeout: Any) -> bytes | None:
        """The mark that a write leaves which lives for ``timeout``. What expires while somebody
        takes over what was there before must not let him."""
        milliseconds = self.milliseconds(timeout)
        if milliseconds is None or milliseconds > GUARD:
            return None
        return KEEP if milliseconds > 0 else GONE

    def delete(
        self, key: Any, version: Any = None, prefix: str | None = None, **more: Any
    ) -> Operation[bool]:
        new = partial(super().delete, key, version, prefix, **more)
        old = partial(self.old_client.delete, key, self.own_version(version), prefix, **more)
        fulls = [self.naming.make(key, version, prefix)]
        return bool((yield from self.on_both(new, old, fulls, absent=False, closing=GONE)))

    def delete_many(
        self, keys: Iterable[Any], version: Any = None, **more: Any
    ) -> Operation[int | None]:
        keys = list(keys)
        phase = yield from self.move_phase()
        if phase is Phase.OLD:
            return (  # type: ignore[no-any-return]
                yield from self.on_old(
                    self.old_client.delete_many(keys, self.own_version(version), **more)
                )
            )
        if phase is Phase.ALONE:
            return (yield from super().delete_many(keys, version, **more))
        if not keys:
            return None
        self.naming.make_many(keys, version)  # a bad one is refused before anything is removed
        # One by one, since each counts once, whichever cache had it.
        removing = [self.delete(key, version, **more) for key in dict.fromkeys(keys)]
        return sum((yield from together(removing)))  # type: ignore[no-any-return]

    def offer(self, key: Any, version: Any, value: Any, milliseconds: int | None) -> Operation[Any]:
        found = yield from super().offer(key, version, value, milliseconds)
        phase = yield from self.move_phase()
        if Phase.BOTH <= phase <= Phase.LEAVE:
            timeout = None if milliseconds is None else milliseconds / 1000
            # Only where it has none: another one may have written both meanwhile.
            storing = self.on_old(
                self.old_client.set(
                    key, found, self.own_timeout(timeout), self.own_version(version), nx=True
                )
            )
            yield from self.follow(storing, [self.naming.make(key, version)])
        return found

    def get_or_set(
        self,
        key: Any,
        default: Any,
        timeout: Any = DEFAULT_TIMEOUT,
        version: Any = None,
        **more: Any,
    ) -> Operation[Any]:
        phase = yield from self.move_phase()
        if phase > Phase.PREPARE:
            return (yield from super().get_or_set(key, default, timeout, version, **more))
        answer = yield from self.on_old(
            self.old_client.get_or_set(
                key, default, self.own_timeout(timeout), self.own_version(version), **more
            )
        )
        if phase is Phase.PREPARE:
            yield from self.forget_in_new([self.naming.make(key, version)])
        return answer

    # Expiry

    def _of_expiry(
        self,
        new: Make,
        old: Make,
        key: Any,
        version: Any,
        absent: Any = False,
    ) -> Operation[Any]:
        return (yield from self.of_both(new, old, self.full_names([(key, version)]), absent))

    def touch(
        self, key: Any, timeout: Any = DEFAULT_TIMEOUT, version: Any = None, **more: Any
    ) -> Operation[bool]:
        new = partial(super().touch, key, timeout, version, **more)
        old = partial(
            self.old_client.touch, key, self.own_timeout(timeout), self.own_version(version), **more
        )
        if self._closing(timeout) == GONE:  # it removes the key
            fulls = self.full_names([(key, version)])
            return bool((yield from self.on_both(new, old, fulls, absent=False, closing=GONE)))
        return bool((yield from self._of_expiry(new, old, key, version)))

    def pexpire(
        self, key: Any, timeout: Any = DEFAULT_TIMEOUT, version: Any = None, **more: Any
    ) -> Operation[bool]:
        new = partial(super().pexpire, key, timeout, version, **more)
        given = timeout
        if timeout is DEFAULT_TIMEOUT and self.default_timeout is not None:
            given = timedelta(seconds=self.default_timeout)
        old = partial(self.old_client.pexpire, key, given, self.own_version(version), **more)
        return bool((yield from self._of_expiry(new, old, key, version)))

    def expire_at(self, key: Any, when: Any, version: Any = None, **more: Any) -> Operation[bool]:
        new = partial(super().expire_at, key, when, version, **more)
        old = partial(self.old_client.expire_at, key, when, self.own_version(version), **more)
        return bool((yield from self._of_expiry(new, old, key, version)))

    def pexpire_at(self, key: Any, when: Any, version: Any = None, **more: Any) -> Operation[bool]:
        new = partial(super().pexpire_at, key, when, version, **more)
        old = partial(self.old_client.pexpire_at, key, when, self.own_version(version), **more)
        return bool((yield from self._of_expiry(new, old, key, version)))

    def persist(self, key: Any, version: Any = None, **more: Any) -> Operation[bool]:
        new = partial(super().persist, key, version, **more)
        old = partial(self.old_client.persist, key, self.own_version(version), **more)
        return bool((yield from self._of_expiry(new, old, key, version)))

    def getex(
        self,
        key: Any,
        timeout: Any = DEFAULT_TIMEOUT,
        default: Any = None,
        version: Any = None,
        **more: Any,
    ) -> Operation[Any]:
        new = partial(super().getex, key, timeout, MISSING, version, **more)
        old = partial(
            self.old_client.getex,
            key,
            self.own_timeout(timeout),
            MISSING,
            self.own_version(version),
            **more,
        )
        if self._closing(timeout) == GONE:  # as getdel, which gives a value once
            answer = yield from self.on_one_side(new, old, [(key, version)])
        else:
            answer = yield from self._of_expiry(new, old, key, version, MISSING)
        return default if answer is MISSING else answer
