"""xz's frames, as django-redis writes them."""

from __future__ import annotations

import lzma
from typing import Any, Final

from django_redis_core.interfaces import Compressor

#: Bytes of memory that reading a frame may ask for beside the value. Preset 9 asks for 65 MiB;
#: a forged frame may ask for 4 GiB.
MEMORY_LIMIT: Final = 80 * 1024 * 1024


class LzmaCompressor(Compressor):
    """LZMA2 in an xz frame with a CRC-64.

    ``preset``: from 0, the fastest, to 9, the smallest. Presets above 6 need hundreds of MiB of
    memory for every value that is written.
    """

    name = "lzma"
    magic = (b"\xfd7zXZ\x00",)
    default_min_length = 100

    def __init__(self, *, preset: int = 4, **options: Any) -> None:
        super().__init__(**options)
        if type(preset) is not int or not 0 <= preset <= 9:
            raise ValueError(f"preset must be an int from 0 to 9, not {preset!r}")
        self.preset = preset

    def compress(self, data: bytes) -> bytes:
        return lzma.compress(data, preset=self.preset)

    def decompress(self, data: bytes) -> bytes:
        stream = lzma.LZMADecompressor(lzma.FORMAT_XZ, MEMORY_LIMIT)
        return self.unpack(stream, data, lzma.LZMAError)
