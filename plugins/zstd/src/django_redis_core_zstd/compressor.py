"""Zstandard's frames, as django-redis writes them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

import zstandard

from django_redis_core.exceptions import CompressorError
from django_redis_core.interfaces import Compressor

#: The first bytes of a trained dictionary. Raw content has no identity by which a frame could
#: say that it needs it, and would read as another value where the dictionary was changed.
DICTIONARY_MAGIC: Final = b"\x37\xa4\x30\xec"

#: Bytes of memory that a frame without a stated size may ask for beside the value: what every
#: reader of Zstandard should have (RFC 8878, section 3.1.1.1.2).
MAX_WINDOW: Final = 8 * 1024 * 1024

#: Bytes of such a frame that are unpacked at a time. 4 bytes can hold 128 KiB, so no step gives
#: more than 8 MiB.
STEP: Final = 256


class ZstdCompressor(Compressor):
    """Zstandard.

    ``level``: from 1, the fastest, to 22, the smallest; 0 is 3, and levels below 0 are faster
    still.

    ``checksum``: True adds 4 bytes, by which a damaged value is found out. Without it, as
    django-redis writes, damage inside a frame may read as another value.

    ``dictionary``: the path of a dictionary that ``zstd --train`` made, or its bytes. It makes
    small values of one sort several times smaller. What was written with it can be read only with
    it; what was written without it stays readable.
    """

    name = "zstd"
    magic = (b"\x28\xb5\x2f\xfd",)

    def __init__(
        self,
        *,
        level: int = 3,
        checksum: bool = False,
        dictionary: bytes | str | os.PathLike[str] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if type(level) is not int or not -131072 <= level <= zstandard.MAX_COMPRESSION_LEVEL:
            raise ValueError(
                f"level must be an int from -131072 to {zstandard.MAX_COMPRESSION_LEVEL}, "
                f"not {level!r}"
            )
        if not isinstance(checksum, bool):
            raise ValueError(f"checksum must be True or False, not {checksum!r}")
        self.level = level
        self.checksum = checksum
        self._dictionary = None if dictionary is None else _dictionary(dictionary, level)
        # A context serves one thread at a time, and costs ten times what a small value does: they
        # are kept, and as many are made as threads work at once. A list's pop and append are
        # atomic.
        self._packers: list[zstandard.ZstdCompressor] = []
        self._unpackers: list[zstandard.ZstdDecompressor] = []

    def compress(self, data: bytes) -> bytes:
        try:
            packer = self._packers.pop()
        except IndexError:
            packer = zstandard.ZstdCompressor(
                self.level, dict_data=self._dictionary, write_checksum=self.checksum
            )
        frame = packer.compress(data)
        self._packers.append(packer)
        return frame

    def decompress(self, data: bytes) -> bytes:
        try:
            unpacker = self._unpackers.pop()
        except IndexError:
            unpacker = zstandard.ZstdDecompressor(
                dict_data=self._dictionary, max_window_size=MAX_WINDOW
            )
        try:
            # -1 for a frame that does not state it. The library takes that much memory at once,
            # and refuses a frame that holds more or less.
            size = zstandard.frame_content_size(data)
            if size > self.max_length:
                raise self._too_large()
            if size > 0:
                plain = unpacker.decompress(data, allow_extra_data=False)
            else:
                plain = self._streamed(unpacker, data)
        except zstandard.ZstdError as error:
            raise CompressorError(f"Not a whole zstd frame: {error}") from error
        self._unpackers.append(unpacker)
        return plain

    def _streamed(self, unpacker: zstandard.ZstdDecompressor, data: bytes) -> bytes:
        """The value of a frame that does not state its size, or states 0, which the library
        believes without looking further."""
        stream = unpacker.decompressobj()
        pieces, length = [], 0
        for start in range(0, len(data), STEP):
            piece = stream.decompress(data[start : start + STEP])
            pieces.append(piece)
            length += len(piece)
            if length > self.max_length:
                raise self._too_large()
            if stream.eof:
                if stream.unused_data or start + STEP < len(data):
                    raise CompressorError("There are bytes after the end of a zstd frame")
                return b"".join(pieces)
        raise CompressorError("A zstd frame is truncated")

    def _too_large(self) -> CompressorError:
        return CompressorError(f"A zstd frame unpacks to more than {self.max_length} bytes")


def _dictionary(
    written: bytes | str | os.PathLike[str], level: int
) -> zstandard.ZstdCompressionDict:
    if isinstance(written, bytes):
        content = written
    elif isinstance(written, str | os.PathLike):
        try:
            content = Path(written).read_bytes()
        except OSError as error:
            raise ValueError(f"dictionary cannot be read: {error}") from error
    else:
        raise ValueError(f"dictionary must be a path or bytes, not {written!r}")
    if not content.startswith(DICTIONARY_MAGIC):
        raise ValueError("dictionary must be a trained one, as `zstd --train` makes it")
    try:
        dictionary = zstandard.ZstdCompressionDict(content)
        dictionary.precompute_compress(level)
        # The library prepares it for reading at the first use, without a lock.
        zstandard.ZstdDecompressor(dict_data=dictionary).decompress(
            zstandard.ZstdCompressor(level, dict_data=dictionary).compress(b"ready")
        )
    except zstandard.ZstdError as error:
        raise ValueError(f"dictionary cannot be used: {error}") from error
    return dictionary
