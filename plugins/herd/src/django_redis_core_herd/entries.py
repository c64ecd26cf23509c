"""What an entry is here: a value in an envelope, read and judged by its logical expiry.

A value is kept for ``kept`` milliseconds past its expiry, in one of two envelopes: bytes in front
of it (``envelope.py``), or django-redis' tuple around it (``tuples.py``). An entry without one (no
timeout, or written by another client) lives exactly as long as Redis says.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from django_redis_core.commands import GET, Argument, Command, Kind
from django_redis_core.exceptions import SerializationError
from django_redis_core.interfaces import MISSING, Client, Codec

from . import envelope
from .cost import priced
from .envelope import BEYOND, LENGTH, VALUE, pack
from .options import DJANGO_REDIS, NATIVE
from .tuples import Packed, TuplePickle, understands
from .workers import Workers

_GETRANGE = Kind("GETRANGE", write=False)

# A lock of redis-py lives under a cache key as so many digits, and is no tuple.
_LOCK_TOKEN_LENGTH = 32


def _nobody(key: str, data: bytes, error: Exception) -> None:
    """Is told of a value that cannot be read."""


def now() -> int:
    """This host's clock in Unix milliseconds."""
    return int(time.time() * 1000)


def stopwatch() -> float:
    """Seconds since some time of this process."""
    return time.perf_counter()


def px(milliseconds: int | None) -> tuple[Argument, ...]:
    """SET's arguments for an expiry."""
    return () if milliseconds is None else ("PX", milliseconds)


class Entries(Client):
    """Puts values into envelopes and takes them out."""

    #: When computing the value began which is stored next, by ``stopwatch``. None here: one
    #: object serves all calls, and only those of ``refreshing`` have another for themselves.
    began: float | None = None

    def __init__(
        self,
        context: Any,
        *,
        herd_timeout: float = 60,
        herd_lease: float | None = None,
        herd_wait: float = 0,
        herd_format: str = NATIVE,
        herd_refresh: str | None = None,
        herd_beta: float = 1,
        herd_workers: int = 4,
        **options: Any,
    ) -> None:
        serializers = context.codec.serializers
        if herd_format == DJANGO_REDIS and not understands(serializers[0]):
            raise ValueError(
                f'HERD_FORMAT "{DJANGO_REDIS}" stores pickles, so SERIALIZER must be or begin '
                f'with "pickle", not {serializers[0].name!r}'
            )
        if herd_lease is not None and herd_lease > herd_timeout:
            raise ValueError(
                f"HERD_LEASE must be at most HERD_TIMEOUT ({herd_timeout} seconds), because what "
                f"has expired is not kept longer, not {herd_lease}"
            )
        super().__init__(context, **options)
        self.tuples = any(map(understands, serializers))
        # Values in our own envelope are no tuples, so they pass by these slower serializers.
        packers = [TuplePickle(one) if understands(one) else one for one in serializers]
        self.tuple_codec: Codec = context.codec.with_serializers(packers)
        # For a look at what is perhaps no tuple, and is nobody's unreadable value.
        self.peek = context.codec.with_serializers(packers, report=_nobody).decode
        self.writes_tuples = herd_format == DJANGO_REDIS
        self.keep = max(int(herd_timeout * 1000), 1)
        self.lease = max(int((herd_lease or min(10, herd_timeout)) * 1000), 1)
        self.wait = herd_wait
        self.refresh = herd_refresh
        self.beta = herd_beta
        self.workers = Workers(self.alias, herd_workers, self.lease / 1000)
        self.inner: Callable[[str, bytes], Any] = super().unwrap
        self.inner_wrap = super().wrap
        #: Whether a client inside of this one changes what an entry is.
        self.changed_inside = getattr(self.inner, "__func__", None) is not Client.unwrap
        if not self.changed_inside:
            self.inner = self.decode  # a call less for every value
        elif self.writes_tuples:
            raise ValueError(
                f'HERD_FORMAT "{DJANGO_REDIS}" stores what django-redis reads, so no client inside '
                "of herd may change what an entry is"
            )

    def wrap(self, key: str, value: Any, milliseconds: int | None) -> tuple[bytes, int | None]:
        if milliseconds is None:
            data, milliseconds = super().wrap(key, value, None)
            if data.startswith(envelope.MAGIC):  # a format's own bytes, which must not be ours
                data = envelope.header(envelope.NEVER) + data
            return data, milliseconds
        expires = now() + milliseconds
        if self.writes_tuples:
            if value.__class__ is int:
                self.encode(key, value)  # refuses what the native format cannot store
            try:
                until = expires // 1000 if self.began is None else self.priced(expires // 1000)
                data = self.tuple_codec.encode(key, Packed(value, until))
            except SerializationError:
                self.encode(key, value)  # names the value's type and not the envelope's
                raise
        else:
            data, _ = super().wrap(key, value, milliseconds)
            data = envelope.header(expires) + data
        return data, milliseconds + self.keep

    def priced(self, expires: float) -> float:
        """An expiry, Unix seconds, that tells how long has been computed since ``began``."""
        assert self.began is not None
        return priced(expires, stopwatch() - self.began)

    def unwrap(self, key: str, data: bytes) -> Any:
        """The value that is logically there, or MISSING."""
        if pack(VALUE, time.time()) < data < BEYOND:
            return self.inner(key, data[LENGTH:])
        if data.startswith(envelope.MAGIC):
            return MISSING
        if not self.tuples:
            return self.inner(key, data)
        # A tuple is as django-redis wrote it, whatever the clients inside of this one write.
        read = self.peek if self.changed_inside else self.tuple_codec.decode
        value = read(key, data)
        if value.__class__ is Packed:
            return value.value if value.left(now()) else MISSING
        return self.inner(key, data) if self.changed_inside else value

    def recoded(self, key: str, data: bytes) -> bytes:
        """The same value and the same logical expiry. Our own envelope stays as it is; a tuple of
        django-redis stays one where those are written, and gets our envelope where they are not."""
        if data.startswith(envelope.MAGIC):
            return data[:LENGTH] + super().recoded(key, data[LENGTH:])
        packed = self.packed(key, data)
        if packed is None:
            plain = super().recoded(key, data)
            return envelope.header(envelope.NEVER) + plain if plain[:2] == envelope.MAGIC else plain
        if self.writes_tuples:
            return self.tuple_codec.recoded(key, data)
        plain, _ = self.inner_wrap(key, packed.value, None)
        return envelope.header(int(packed.expires + 1) * 1000) + plain

    def probe(self, full: str) -> Command:
        """Reads as much of an entry as is needed to judge it."""
        if self.writes_tuples:
            return GET(full)
        return Command(_GETRANGE, (b"GETRANGE", full, 0, envelope.LENGTH - 1), full)

    def packed(self, full: str, data: bytes | None) -> Packed | None:
        """The tuple of django-redis in ``data``, if it is one."""
        if not self.tuples or data is None or len(data) <= _LOCK_TOKEN_LENGTH:
            return None
        value = None if data.startswith(envelope.MAGIC) else self.peek(full, data)
        return value if value.__class__ is Packed else None

    def resealed(self, old: str, new: str, data: bytes) -> Any:
        packed = self.packed(old, data)
        if packed is not None:
            return self.tuple_codec.encode(new, packed)
        head = data[:LENGTH] if data.startswith(envelope.MAGIC) else b""
        rest = super().resealed(old, new, data[len(head) :])
        return MISSING if rest is MISSING else head + rest

    def expired(self, full: str, data: bytes) -> bool:
        """Whether an entry is only kept; ``data`` is all of it, or what ``probe`` read."""
        if data.startswith(envelope.MAGIC):
            return not envelope.alive(data, now())
        packed = self.packed(full, data)
        return packed is not None and not packed.left(now())
