"""Zstandard's frames."""

from __future__ import annotations

from ..exceptions import CompressorError
from .base import BaseCompressor, PluginCompressor

__all__ = ["BaseCompressor", "CompressorError", "ZStdCompressor"]


class ZStdCompressor(PluginCompressor):
    """The plugin ``zstd`` under django-redis' name; needs the extra ``zstd``."""

    plugin = "zstd"
