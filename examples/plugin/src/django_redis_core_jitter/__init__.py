"""A client plugin for django-redis-core."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django_redis_core import hookimpl

if TYPE_CHECKING:
    from django_redis_core.interfaces import Client


@hookimpl
def register_client() -> type[Client]:
    # Imported here, so that what the plugin needs is loaded only where settings name it.
    from .client import JitterClient

    return JitterClient
