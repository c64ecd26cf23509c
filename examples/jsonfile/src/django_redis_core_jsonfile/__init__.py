"""Servers that a JSON file names: a connection factory plugin for django-redis-core."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django_redis_core import hookimpl

if TYPE_CHECKING:
    from django_redis_core.interfaces import ConnectionFactory


@hookimpl
def register_connection_factory() -> type[ConnectionFactory]:
    # Imported here, so that what the plugin needs is loaded only where settings name it.
    from .factory import JsonFileFactory

    return JsonFileFactory
