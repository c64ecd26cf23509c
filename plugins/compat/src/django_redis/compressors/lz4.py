"""LZ4's frames."""

from __future__ import annotations

from .base import PluginCompressor

__all__ = ["Lz4Compressor"]


class Lz4Compressor(PluginCompressor):
    """The plugin ``lz4`` under django-redis' name; needs the extra ``lz4``."""

    plugin = "lz4"
