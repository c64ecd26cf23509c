"""What the codec asks of its stages; the base classes that plugins subclass are in ``interfaces``.

Protocols, so that the codec need not know those classes, which stand on it.
"""

from __future__ import annotations

from typing import Any, ClassVar, Protocol


class Stage(Protocol):
    name: ClassVar[str]
    errors: ClassVar[tuple[type[Exception], ...]]


class Serializer(Stage, Protocol):
    def recognises(self, data: bytes) -> bool: ...
    def dumps(self, value: Any) -> bytes: ...
    def loads(self, data: bytes) -> Any: ...
    def harmless(self) -> Serializer | None: ...


class Compressor(Stage, Protocol):
    min_length: int

    def recognises(self, data: bytes) -> bool: ...
    def compress(self, data: bytes) -> bytes: ...
    def decompress(self, data: bytes) -> bytes: ...


class Sealer(Stage, Protocol):
    deterministic: ClassVar[bool]

    def seal(self, key: str, data: bytes) -> bytes: ...
    def unseal(self, key: str, data: bytes) -> bytes: ...
    def lets_through(self) -> bool: ...
    def bind(self, formats: str) -> Sealer: ...
