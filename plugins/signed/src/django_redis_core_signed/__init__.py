"""Signed values: a sealer plugin for django-redis-core."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django_redis_core import hookimpl

if TYPE_CHECKING:
    from django_redis_core.interfaces import Sealer


@hookimpl
def register_sealer() -> type[Sealer]:
    from .sealer import SignedSealer

    return SignedSealer
