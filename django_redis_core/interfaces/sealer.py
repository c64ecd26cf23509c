"""The outermost stage: bytes that only this site can have written, or can read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from .plugin import Plugin


class Sealer(Plugin, ABC):
    """Authenticates or encrypts a value, bound to the key that it is stored under.

    ``seal`` and ``unseal`` get the full key as stored (prefix and version in it), so that a value
    copied to another key is refused. Sealing comes after compression and is checked before
    anything is decompressed or unpickled. Integers are stored outside it, because INCR must work
    on them.

    ``bind`` is for the codec, which has a sealer for each pair of serializer and compressor that
    the cache reads: so bytes that one pair wrote never reach another.
    """

    #: Whether the same data sealed twice for one key gives the same bytes. Members of sets are
    #: found by their bytes, so where it does not (a random nonce), they are refused.
    deterministic: ClassVar[bool] = False

    @abstractmethod
    def seal(self, key: str, data: bytes) -> bytes:
        """``data``, sealed for ``key``. The result must never read as an ASCII integer."""

    @abstractmethod
    def unseal(self, key: str, data: bytes) -> bytes:
        """What ``seal`` was given, or ``SealError``."""

    def bind(self, formats: str) -> Sealer:
        """A sealer of the same secrets, which refuses what was sealed under other ``formats``:
        the names of the serializer and the compressor. Of one that is bound already, another.

        Here the names go in front of the key. A subclass that derives a key from them instead
        has nothing to do for it at each call.
        """
        return _Bound(self, formats)


class _Bound(Sealer):
    def __init__(self, sealer: Sealer, formats: str) -> None:
        self._sealer = sealer
        self._head = f"{formats}\0"
        self.name = sealer.name  # type: ignore[misc]  # each object has that of another class
        self.deterministic = sealer.deterministic  # type: ignore[misc]

    def seal(self, key: str, data: bytes) -> bytes:
        return self._sealer.seal(self._head + key, data)

    def unseal(self, key: str, data: bytes) -> bytes:
        return self._sealer.unseal(self._head + key, data)

    def bind(self, formats: str) -> Sealer:
        return self._sealer.bind(formats)
