"""No seal, the default sealer."""

from __future__ import annotations

from ...interfaces.sealer import Sealer
from ..hookspecs import hookimpl


class NoSealer(Sealer):
    """Values are stored as serializer and compressor made them, which is django-redis' format."""

    name = "none"

    def seal(self, key: str, data: bytes) -> bytes:
        return data

    def unseal(self, key: str, data: bytes) -> bytes:
        return data


@hookimpl
def register_sealer() -> type[Sealer]:
    return NoSealer
