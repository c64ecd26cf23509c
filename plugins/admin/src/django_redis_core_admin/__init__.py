"""Pages for operators under Django's admin: a plugin for django-redis-core."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django_redis_core import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django_redis_core.interfaces import Subcommand


@hookimpl
def redis_cache_subcommands() -> Iterable[Subcommand]:
    from .sampling import SampleSubcommand

    return [SampleSubcommand()]
