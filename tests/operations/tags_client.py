"""A client plugin that adds an operation, and a keyword to operations that are there."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from django_redis_core import hookimpl, register
from django_redis_core.commands import SADD, SMEMBERS, UNLINK, Operation
from django_redis_core.interfaces import DEFAULT_TIMEOUT, Client, always, checked, operation


class TagsClient(Client):
    """Remembers under each tag which entries bear it."""

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
            checked((yield [SADD(self.home(tag, version), full.encode()) for tag in tags]))
        return stored

    def add(
        self,
        key: Any,
        value: Any,
        timeout: Any = DEFAULT_TIMEOUT,
        version: Any = None,
        *,
        tags: Iterable[str] = (),
    ) -> Operation[bool]:
        return (yield from self.set(key, value, timeout, version, nx=True, tags=tags))

    @operation(fallback=always(int))
    def invalidate_tags(self, *tags: str, version: Any = None) -> Operation[int]:
        """Forgets every entry that was stored with one of ``tags``; how many tags were known."""
        known = 0
        for tag in tags:
            home = self.home(tag, version)
            members = yield SMEMBERS(home)
            if members:
                known += 1
                yield UNLINK([*(member.decode() for member in members), home])
        return known

    def home(self, tag: str, version: Any) -> str:
        return self.naming.make(f"tag:{tag}", version)


@hookimpl
def register_client() -> type[Client]:
    return TagsClient


def registered() -> str:
    """The plugin's name, which this process knows from now on."""
    register(sys.modules[__name__], "the tests")
    return TagsClient.name
