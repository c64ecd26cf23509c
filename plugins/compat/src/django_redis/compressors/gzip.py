"""gzip's files."""

from __future__ import annotations

from ..exceptions import CompressorError
from .base import BaseCompressor, PluginCompressor

__all__ = ["BaseCompressor", "CompressorError", "GzipCompressor"]


class GzipCompressor(PluginCompressor):
    """The plugin ``gzip`` under django-redis' name; needs the extra ``gzip``."""

    plugin = "gzip"
