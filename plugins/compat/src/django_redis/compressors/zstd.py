"""Zstandard's frames."""

from __future__ import annotations

from .base import PluginCompressor

__all__ = ["ZStdCompressor"]


class ZStdCompressor(PluginCompressor):
    """The plugin ``zstd`` under django-redis' name; needs the extra ``zstd``."""

    plugin = "zstd"
