"""LZ4's frames, as django-redis writes them."""

from __future__ import annotations

from typing import Any, Final

from lz4.frame import compress, create_decompression_context, decompress_chunk

from django_redis_core.exceptions import CompressorError
from django_redis_core.interfaces import Compressor

#: Bytes to unpack at a time where a frame does not state its size.
STEP: Final = 256 * 1024

#: The bit of a frame's fifth byte that says that its size follows, as 8 bytes from the seventh on.
SIZE_IS_STATED: Final = 0x08


class Lz4Compressor(Compressor):
    """LZ4 in its frame format.

    ``level``: 0 is LZ4's default, 3 to 12 are smaller and slower, below 0 is faster and larger.

    ``checksum``: True adds 4 bytes, by which a damaged value is found out. Without it, as
    django-redis writes, damage inside a frame may read as another value.
    """

    name = "lz4"
    magic = (b"\x04\x22\x4d\x18",)

    def __init__(self, *, level: int = 0, checksum: bool = False, **options: Any) -> None:
        super().__init__(**options)
        if type(level) is not int or not -65537 <= level <= 12:
            raise ValueError(f"level must be an int from -65537 to 12, not {level!r}")
        if not isinstance(checksum, bool):
            raise ValueError(f"checksum must be True or False, not {checksum!r}")
        self.level = level
        self.checksum = checksum

    def compress(self, data: bytes) -> bytes:
        frame: bytes = compress(data, compression_level=self.level, content_checksum=self.checksum)
        return frame

    def decompress(self, data: bytes) -> bytes:
        step = STEP
        if len(data) > 14 and data[4] & SIZE_IS_STATED:
            # Only a first guess at the room that is needed; lz4 takes that memory at once.
            step = int.from_bytes(data[6:14], "little")
            if step > self.max_length:
                raise self._too_large()
        try:
            context = create_decompression_context()
            plain, read, ended = decompress_chunk(context, data, max_length=step + 1)
            if not ended:
                plain, read = self._rest(context, data, plain, read)
        except (RuntimeError, ValueError) as error:
            if type(error) not in (RuntimeError, ValueError):  # a time limit, say
                raise
            raise CompressorError(f"Not a whole LZ4 frame: {error}") from error
        if len(plain) > self.max_length:
            raise self._too_large()
        if read != len(data):
            raise CompressorError("There are bytes after the end of an LZ4 frame")
        return plain  # type: ignore[no-any-return]

    def _rest(self, context: Any, data: bytes, plain: bytes, read: int) -> tuple[bytes, int]:
        """The value and the length of a frame that is longer than the first step."""
        pieces, length, ended = [plain], len(plain), False
        view = memoryview(data)  # else each step would copy what is left
        while not ended:
            if length > self.max_length:
                raise self._too_large()
            piece, more, ended = decompress_chunk(context, view[read:], max_length=STEP)
            if not piece and not more and not ended:
                raise CompressorError("An LZ4 frame is truncated")
            pieces.append(piece)
            length += len(piece)
            read += more
        return b"".join(pieces), read

    def _too_large(self) -> CompressorError:
        return CompressorError(f"An LZ4 frame unpacks to more than {self.max_length} bytes")
