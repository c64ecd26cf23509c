"""gzip's files."""

from __future__ import annotations

from .base import PluginCompressor

__all__ = ["GzipCompressor"]


class GzipCompressor(PluginCompressor):
    """The plugin ``gzip`` under django-redis' name; needs the extra ``gzip``."""

    plugin = "gzip"
