"""zlib compression: a compressor plugin for django-redis-core."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django_redis_core import hookimpl

if TYPE_CHECKING:
    from django_redis_core.interfaces import Compressor


@hookimpl
def register_compressor() -> type[Compressor]:
    from .compressor import ZlibCompressor

    return ZlibCompressor
