"""zlib's streams."""

from __future__ import annotations

from ..exceptions import CompressorError
from .base import BaseCompressor, PluginCompressor

__all__ = ["BaseCompressor", "CompressorError", "ZlibCompressor"]


class ZlibCompressor(PluginCompressor):
    """The plugin ``zlib`` under django-redis' name; needs the extra ``zlib``."""

    plugin = "zlib"
    preset = 6
