"""A serializer, a compressor and a sealer, none of which knows of herd."""

from __future__ import annotations

import zlib
from typing import Any

from django_redis_core.interfaces import Compressor, Sealer, Serializer


class TextSerializer(Serializer):
    name = "text"

    def dumps(self, value: Any) -> bytes:
        return b"t" + value.encode()

    def recognises(self, data: bytes) -> bool:
        return data.startswith(b"t")

    def loads(self, data: bytes) -> Any:
        if not self.recognises(data):
            raise ValueError("another format")
        return data[1:].decode()


class Deflate(Compressor):
    name = "deflate"
    magic = (b"x\x9c",)

    def compress(self, data: bytes) -> bytes:
        return zlib.compress(data)

    def decompress(self, data: bytes) -> bytes:
        return zlib.decompress(data)


class Seal(Sealer):
    name = "seal"

    def seal(self, key: str, data: bytes) -> bytes:
        return b"sealed for " + key.encode() + b":" + data

    def unseal(self, key: str, data: bytes) -> bytes:
        head = b"sealed for " + key.encode() + b":"
        if not data.startswith(head):
            raise ValueError("sealed for another key")
        return data[len(head) :]


class ConfusingSerializer(TextSerializer):
    """Its values begin like herd's own envelope."""

    name = "confusing"

    def dumps(self, value: Any) -> bytes:
        return b"\xc1hv" + super().dumps(value)

    def loads(self, data: bytes) -> Any:
        return super().loads(data[3:])
