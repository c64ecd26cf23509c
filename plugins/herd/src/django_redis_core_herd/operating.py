"""What operators see of herd: a column of ``stats``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django_redis_core.commands import Command
from django_redis_core.interfaces import BuiltCache, EntryColumn

from .client import HerdClient


def columns(cache: BuiltCache) -> Iterator[EntryColumn]:
    """``expired``: entries that are only kept for those who need not wait for the new value, and
    that reads would elect somebody for."""
    client = cache.part(HerdClient)

    def ask(key: str) -> Command:
        return client.probe(key)

    def count(key: str, reply: Any) -> int:
        return bool(reply) and client.expired(key, reply)

    yield EntryColumn("expired", ask, count)
