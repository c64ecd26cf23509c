"""No compression."""

from __future__ import annotations

from .base import BaseCompressor

__all__ = ["IdentityCompressor"]


class IdentityCompressor(BaseCompressor):
    """Stores values as they are."""

    def compress(self, value: bytes) -> bytes:
        return value

    def decompress(self, value: bytes) -> bytes:
        return value
