"""The client plugin of ``tests/packaging/labels``, which adds an operation, and a keyword to one
that is there; here to another one as well."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from django_redis_core import hookimpl, register
from django_redis_core.commands import Operation
from django_redis_core.interfaces import DEFAULT_TIMEOUT, Client

from ..packaging.labels.src.acme_labels.client import LabelsClient


class TagsClient(LabelsClient):
    """Remembers under each tag which entries bear it."""

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


@hookimpl
def register_client() -> type[Client]:
    return TagsClient


def registered() -> str:
    """The plugin's name, which this process knows from now on."""
    register(sys.modules[__name__], "the tests")
    return TagsClient.name
