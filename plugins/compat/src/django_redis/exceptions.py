"""django-redis' exceptions: those of django-redis-core."""

from __future__ import annotations

from django_redis_core.exceptions import CompressorError, ConnectionInterrupted

__all__ = ["CompressorError", "ConnectionInterrupted"]
