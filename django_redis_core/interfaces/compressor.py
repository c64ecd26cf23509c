"""bytes ↔ fewer bytes."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from typing import Any, ClassVar

from ..exceptions import CompressorError
from .plugin import Plugin


class Compressor(Plugin, ABC):
    """Makes long values shorter, and knows its own frames by their first bytes.

    A complete plugin, in the module that the entry point ``deflate = "django_redis_core_deflate"``
    names::

        from django_redis_core import hookimpl

        @hookimpl
        def register_compressor():
            from .compressor import DeflateCompressor
            return DeflateCompressor

    and in ``compressor.py``::

        import zlib
        from django_redis_core.interfaces import Compressor

        class DeflateCompressor(Compressor):
            "``level``: from 1, the fastest, to 9, the smallest."

            name = "deflate"
            magic = (b"\\x78",)

            def __init__(self, *, level=6, **options):
                super().__init__(**options)
                self.level = level

            def compress(self, data):
                return zlib.compress(data, self.level)

            def decompress(self, data):
                return self.unpack(zlib.decompressobj(), data, zlib.error)

    The constructor's keyword arguments are the options that sites write in
    ``{"NAME": "deflate", "OPTIONS": {...}}``; it ends with ``**options`` handed to this class.

    ``min_length`` (bytes): values up to this length are stored as they are.
    ``max_length`` (bytes): a value that unpacks to more than this is refused while it is being
    unpacked, so a small entry cannot fill the memory. It is the cache's
    ``MAX_DECOMPRESSED_SIZE``.

    One instance serves all threads of a process.
    """

    #: The first bytes of every frame that ``compress`` makes, or several alternatives. Empty only
    #: when ``recognises`` is overridden.
    magic: ClassVar[tuple[bytes, ...]] = ()

    #: Classes of exceptions beside ``CompressorError`` that ``decompress`` raises for damaged
    #: bytes; see ``Serializer.errors``. One that translates all of its library's needs none.
    errors: ClassVar[tuple[type[Exception], ...]] = ()

    set_by_base: ClassVar[tuple[str, ...]] = ("min_length", "max_length")

    #: The default of ``min_length`` in bytes, as django-redis has it.
    default_min_length: ClassVar[int] = 15

    def __init__(self, *, min_length: int | None = None, max_length: int = 64 * 1024 * 1024):
        if min_length is None:
            min_length = self.default_min_length
        for name, value, least in (("min_length", min_length, 0), ("max_length", max_length, 1)):
            # Below sys.maxsize, so that a library can be asked for one byte more.
            if type(value) is not int or not least <= value < sys.maxsize:
                raise ValueError(f"{name} must be an int of {least} or more (bytes), not {value!r}")
        self.min_length = min_length
        self.max_length = max_length

    @classmethod
    def defect(cls) -> str:
        if cls.recognises is Compressor.recognises:
            magic: Any = cls.magic  # a plugin without types may have anything here
            heads = magic if isinstance(magic, tuple) else (magic,)
            if not heads or not all(isinstance(head, bytes) and head for head in heads):
                # Its frames would be stored, and never be unpacked again.
                return (
                    "does not say how its frames begin; give it `magic`, a tuple of bytes such as "
                    r'(b"\x1f\x8b",), or a recognises() of its own'
                )
        return super().defect()

    def recognises(self, data: bytes) -> bool:
        """Whether ``data`` begins like a frame of this compressor."""
        return data.startswith(self.magic)

    @abstractmethod
    def compress(self, data: bytes) -> bytes:
        """A frame that begins with ``magic``. The same input gives the same frame, whenever."""

    @abstractmethod
    def decompress(self, data: bytes) -> bytes:
        """The bytes that ``compress`` was given.

        Raises ``CompressorError`` for a damaged or truncated frame, and as soon as the output
        passes ``max_length`` bytes: a size that the frame states is never trusted.
        """

    def unpack(
        self, stream: Any, data: bytes, error: type[Exception] | tuple[type[Exception], ...]
    ) -> bytes:
        """``decompress`` for libraries with a decompressor object like zlib's and lzma's.

        ``stream`` is a new one, ``error`` what it raises for bytes that are no frame.
        """
        try:
            # One byte more than allowed, so that a value of exactly max_length reaches its end.
            plain: bytes = stream.decompress(data, self.max_length + 1)
        except error as failed:
            raise CompressorError(f"not a whole {self.name} frame: {failed}") from failed
        if len(plain) > self.max_length:
            raise CompressorError(f"a {self.name} frame unpacks to over {self.max_length} bytes")
        if not stream.eof:
            raise CompressorError(f"a {self.name} frame is truncated")
        if stream.unused_data:
            raise CompressorError(f"bytes after the end of a {self.name} frame")
        return plain
