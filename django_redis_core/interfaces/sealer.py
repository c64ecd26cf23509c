"""The outermost stage: bytes that only this site can have written, or can read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from .plugin import Plugin


class Sealer(Plugin, ABC):
    """Authenticates or encrypts a value, bound to the key that it is stored under.

    A complete plugin, in the module that the entry point ``sealed = "django_redis_core_sealed"``
    names::

        from django_redis_core import hookimpl

        @hookimpl
        def register_sealer():
            from .sealer import HmacSealer
            return HmacSealer

    and in ``sealer.py``::

        import hmac
        from django_redis_core.exceptions import SealError
        from django_redis_core.interfaces import Sealer

        MARK = b"sealed:1:"             # no ASCII integer begins so

        class HmacSealer(Sealer):
            "``secret``: bytes that only this site knows."

            name = "sealed"
            deterministic = True

            def __init__(self, *, secret):
                self.secret = secret

            def signature(self, key, data):
                signed = b"%d:%s%s" % (len(key.encode()), key.encode(), data)
                return hmac.digest(self.secret, signed, "sha256")

            def seal(self, key, data):
                return MARK + self.signature(key, data) + data

            def unseal(self, key, data):
                data, mark = data[len(MARK):], data[:len(MARK)]
                signature, plain = data[:32], data[32:]
                if mark != MARK or not hmac.compare_digest(signature, self.signature(key, plain)):
                    raise SealError("not sealed with this secret for this key")
                return plain

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

    #: Classes of exceptions beside ``SealError`` that ``unseal`` raises for what does not open; see
    #: ``Serializer.errors``. A sealer that translates all of its library's needs none.
    errors: ClassVar[tuple[type[Exception], ...]] = ()

    @abstractmethod
    def seal(self, key: str, data: bytes) -> bytes:
        """``data``, sealed for ``key``. The result must never read as an ASCII integer."""

    @abstractmethod
    def unseal(self, key: str, data: bytes) -> bytes:
        """What ``seal`` was given, or ``SealError``."""

    def lets_through(self) -> bool:
        """Whether ``unseal`` gives back what nobody has sealed, as for a while in a migration:
        what it opens is then not surely the site's own."""
        return False

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
        self.errors = sealer.errors  # type: ignore[misc]

    def seal(self, key: str, data: bytes) -> bytes:
        return self._sealer.seal(self._head + key, data)

    def unseal(self, key: str, data: bytes) -> bytes:
        return self._sealer.unseal(self._head + key, data)

    def lets_through(self) -> bool:
        return self._sealer.lets_through()

    def bind(self, formats: str) -> Sealer:
        return self._sealer.bind(formats)
