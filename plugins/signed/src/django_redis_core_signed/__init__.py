"""Signed values: a sealer plugin for django-redis-core."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django_redis_core import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.core.checks import CheckMessage

    from django_redis_core.interfaces import BuiltCache, Finding, Sealer


@hookimpl
def register_sealer() -> type[Sealer]:
    from .sealer import SignedSealer

    return SignedSealer


@hookimpl
def examine(cache: BuiltCache) -> Iterable[Finding]:
    from .operating import findings

    return findings(cache)


@hookimpl
def check_cache(cache: BuiltCache) -> Iterable[CheckMessage]:
    from .operating import messages

    return messages(cache)
