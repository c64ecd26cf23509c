"""MessagePack."""

from __future__ import annotations

from typing import Any

from .base import BaseSerializer

__all__ = ["MSGPackSerializer"]


class MSGPackSerializer(BaseSerializer):
    """MessagePack; needs the extra ``msgpack``."""

    def __init__(self, options: dict[str, Any]) -> None:
        super().__init__(options)
        import msgpack  # where it is missing, this says so when the cache is made

        self._packb, self._unpackb = msgpack.packb, msgpack.unpackb

    def dumps(self, value: Any) -> bytes:
        data: bytes = self._packb(value)
        return data

    def loads(self, value: bytes) -> Any:
        return self._unpackb(value, raw=False)
