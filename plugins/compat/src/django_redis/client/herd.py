"""The herd client, and the class that django-redis' herd entries name."""

from __future__ import annotations

from random import randint
from typing import ClassVar

from ._absent import Absent
from .default import DEFAULT_TIMEOUT, ConnectionInterrupted, DefaultClient, _main_exceptions

__all__ = ["DEFAULT_TIMEOUT", "ConnectionInterrupted", "HerdClient", "Marker", "_main_exceptions"]


class Marker:
    """What a herd entry begins with in django-redis' format; pickles of it name this class."""


def _is_expired(x: float, herd_timeout: int) -> bool:
    """Whether an entry counts as expired, by chance the more often the longer it is over."""
    return x >= herd_timeout or x + randint(1, herd_timeout) >= herd_timeout


class HerdClient(DefaultClient):
    """The plugin ``herd``, as blocking methods."""

    plugin: ClassVar[str] = "herd"

    _marker = Absent("django_redis.client.herd.Marker()")
    _herd_timeout = Absent("HERD_TIMEOUT of OPTIONS, or settings.CACHE_HERD_TIMEOUT")
    _pack = Absent("client.set(), which packs by HERD_FORMAT")
    _unpack = Absent("client.get(), which reads both formats")
