"""What operators are told of ``accept_unsigned_until``, which is meant for a while only."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime

from django.core import checks

from django_redis_core.interfaces import BuiltCache, Finding

from .sealer import SignedSealer


def findings(cache: BuiltCache) -> Iterator[Finding]:
    """While values without a signature are read, whoever can write to the server is believed."""
    until = cache.part(SignedSealer).until
    if until is not None and time.time() < until:
        yield Finding(
            "advice",
            f"Until {_shown(until)} what bears no signature is read as it is "
            "(accept_unsigned_until of the sealer signed): so long nothing is protected.",
        )


def messages(cache: BuiltCache) -> Iterator[checks.CheckMessage]:
    """W001: that time is over, and the option does nothing any more."""
    until = cache.part(SignedSealer).until
    if until is not None and until <= time.time():
        yield checks.Warning(
            f"accept_unsigned_until of the sealer signed is over since {_shown(until)}.",
            hint="Take it out.",
            id="django_redis_core_signed.W001",
        )


def _shown(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")
