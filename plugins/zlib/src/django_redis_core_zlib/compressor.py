"""zlib's frames, as django-redis writes them."""

from __future__ import annotations

import zlib
from typing import Any

from django_redis_core.interfaces import Compressor


class ZlibCompressor(Compressor):
    """DEFLATE with an Adler-32 checksum (RFC 1950).

    ``level``: from 1, the fastest, to 9, the smallest; 0 stores without compressing, and -1 is
    zlib's own default.
    """

    name = "zlib"

    # A window of 32 KiB and the four classes of level. The second byte makes the two together a
    # multiple of 31 (RFC 1950, section 2.2), so there are no others without a preset dictionary.
    magic = (b"\x78\x9c", b"\x78\x01", b"\x78\x5e", b"\x78\xda")

    def __init__(self, *, level: int = 6, **options: Any) -> None:
        super().__init__(**options)
        if type(level) is not int or not -1 <= level <= 9:
            raise ValueError(f"level must be an int from -1 to 9, not {level!r}")
        self.level = level

    def compress(self, data: bytes) -> bytes:
        return zlib.compress(data, self.level)

    def decompress(self, data: bytes) -> bytes:
        return self.unpack(zlib.decompressobj(), data, zlib.error)
