"""gzip's frames, without the time in them."""

from __future__ import annotations

import zlib
from typing import Any, Final

from django_redis_core.interfaces import Compressor

#: zlib's `wbits` for a window of 32 KiB in a gzip frame.
GZIP: Final = 16 + zlib.MAX_WBITS


class GzipCompressor(Compressor):
    """DEFLATE with a CRC-32 (RFC 1952).

    ``level``: from 1, the fastest, to 9, the smallest; 0 stores without compressing, and -1 is
    zlib's own default.
    """

    name = "gzip"
    magic = (b"\x1f\x8b\x08",)

    def __init__(self, *, level: int = 6, **options: Any) -> None:
        super().__init__(**options)
        if type(level) is not int or not -1 <= level <= 9:
            raise ValueError(f"level must be an int from -1 to 9, not {level!r}")
        self.level = level

    def compress(self, data: bytes) -> bytes:
        # zlib leaves the header's time 0, so equal values have equal frames, as the members of a
        # set must. `gzip.compress(data, mtime=0)` writes a header that differs between Pythons.
        return zlib.compress(data, self.level, wbits=GZIP)

    def decompress(self, data: bytes) -> bytes:
        return self.unpack(zlib.decompressobj(wbits=GZIP), data, zlib.error)
