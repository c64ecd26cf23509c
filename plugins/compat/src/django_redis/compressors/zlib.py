"""zlib's streams."""

from __future__ import annotations

from .base import PluginCompressor

__all__ = ["ZlibCompressor"]


class ZlibCompressor(PluginCompressor):
    """The plugin ``zlib`` under django-redis' name; needs the extra ``zlib``."""

    plugin = "zlib"
    preset = 6
