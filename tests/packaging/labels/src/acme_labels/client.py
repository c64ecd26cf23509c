"""A client that adds an operation to the cache, and a keyword to one that is there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django_redis_core.commands import SADD, SMEMBERS, UNLINK, Operation
from django_redis_core.interfaces import DEFAULT_TIMEOUT, Client, always, checked, operation


class LabelsClient(Client):
    """``cache.set("page:7", html, tags=["menu"])`` and ``cache.invalidate_tags("menu")``."""

    name = "labels"

    def set(
        self,
        key: Any,
        value: Any,
        timeout: Any = DEFAULT_TIMEOUT,
        version: Any = None,
        *,
        tags: Iterable[str] = (),
        **kwargs: Any,
    ) -> Operation[bool]:
        stored = yield from super().set(key, value, timeout, version, **kwargs)
        if stored and tags:
            full = self.naming.make(key, version)
            checked((yield [SADD(self._of(tag, version), full.encode()) for tag in tags]))
        return stored

    @operation(fallback=always(int))
    def invalidate_tags(self, *tags: str, version: Any = None) -> Operation[int]:
        """Forgets every entry that was stored with one of ``tags``; how many tags were known."""
        known = 0
        for tag in tags:
            place = self._of(tag, version)
            members = yield SMEMBERS(place)
            if members:
                known += 1
                yield UNLINK([*(member.decode() for member in members), place])
        return known

    def _of(self, tag: str, version: Any) -> str:
        return self.naming.make(f"label:{tag}", version)
