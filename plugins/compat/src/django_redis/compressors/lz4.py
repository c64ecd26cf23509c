"""LZ4's frames."""

from __future__ import annotations

from ..exceptions import CompressorError
from .base import BaseCompressor, PluginCompressor

__all__ = ["BaseCompressor", "CompressorError", "Lz4Compressor"]


class Lz4Compressor(PluginCompressor):
    """The plugin ``lz4`` under django-redis' name; needs the extra ``lz4``."""

    plugin = "lz4"
