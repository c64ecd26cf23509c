"""No compression, the default compressor."""

from __future__ import annotations

from ...interfaces.compressor import Compressor
from ..hookspecs import hookimpl


class IdentityCompressor(Compressor):
    """Stores values as they are. First in a ``COMPRESSOR`` list, it stops compressing while the
    others go on reading what they wrote."""

    name = "identity"

    def recognises(self, data: bytes) -> bool:
        return False

    def compress(self, data: bytes) -> bytes:
        return data

    def decompress(self, data: bytes) -> bytes:
        return data


@hookimpl
def register_compressor() -> type[Compressor]:
    return IdentityCompressor
