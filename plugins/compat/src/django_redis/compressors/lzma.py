"""LZMA, as .xz files have it."""

from __future__ import annotations

from ..exceptions import CompressorError
from .base import BaseCompressor, PluginCompressor

__all__ = ["BaseCompressor", "CompressorError", "LzmaCompressor"]


class LzmaCompressor(PluginCompressor):
    """The plugin ``lzma`` under django-redis' name; needs the extra ``lzma``."""

    plugin = "lzma"
    preset_option = "preset"
    min_length = 100
    preset = 4
