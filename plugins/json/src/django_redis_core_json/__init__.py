"""Values as JSON: a serializer plugin for django-redis-core."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django_redis_core import hookimpl

if TYPE_CHECKING:
    from django_redis_core.interfaces import Serializer


@hookimpl
def register_serializer() -> type[Serializer]:
    from .serializer import JSONSerializer

    return JSONSerializer
