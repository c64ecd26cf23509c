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
