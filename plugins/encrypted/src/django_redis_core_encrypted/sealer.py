"""Values encrypted with AES-256-GCM.

An encrypted value is ``C1 65 01``, 4 bytes that name the secret, 4 that name the hour (big-endian,
since 1970), the nonce of 12 bytes, and the ciphertext with its tag of 16 bytes: 39 bytes more than
the value.
"""

from __future__ import annotations

import copy
import hmac
import time
from collections.abc import Sequence
from os import urandom
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.utils.encoding import force_bytes

from django_redis_core.exceptions import SealError
from django_redis_core.interfaces import Sealer

#: ``C1`` begins no UTF-8 text, pickle, msgpack value or compressor's frame; the last byte is the
#: version of this format.
MAGIC: Final = b"\xc1e\x01"

#: What makes this key another one than those which derive from SECRET_KEY elsewhere.
PURPOSE: Final = b"django_redis_core_encrypted\0"

# Where the parts of an encrypted value begin.
_HOUR: Final = len(MAGIC) + 4
_NONCE: Final = _HOUR + 4
_CIPHERTEXT: Final = _NONCE + 12
_SHORTEST: Final = _CIPHERTEXT + 16

#: How short a secret of the site's own may be: it is not stretched as a password would be.
_LEAST: Final = 32

# Hours whose ciphers are kept at hand, for each secret: 42 days.
_HOURS: Final = 1000

Secret = str | bytes


class _Key:
    """A secret, for one pair of formats, with a key of its own for each hour.

    Nonces are random, and NIST SP 800-38D allows 2 ** 32 of these under one key: at 10,000 writes a
    second, one key would be used up in five days. An hour of it has 1.19 million writes a second.
    """

    def __init__(self, root: bytes, formats: str) -> None:
        self.id = hmac.digest(root, b"id", "sha256")[:4]
        self.secret = hmac.digest(root, b"formats\0" + formats.encode(), "sha256")
        self.ciphers: dict[bytes, AESGCM] = {}

    def cipher(self, hour: bytes) -> AESGCM:
        return self.ciphers.get(hour) or AESGCM(hmac.digest(self.secret, hour, "sha256"))

    def keep(self, hour: bytes, cipher: AESGCM) -> None:
        """``cipher`` has been of use. What a forger names as an hour never gets here."""
        if len(self.ciphers) >= _HOURS:
            self.ciphers.clear()
        self.ciphers[hour] = cipher


class EncryptedSealer(Sealer):
    """Values that only a holder of the secret can read, or can have written for this key and these
    formats.

    ``keys``: a list of secrets, each a str or bytes, used instead of SECRET_KEY and
    SECRET_KEY_FALLBACKS. The first encrypts and all decrypt. At least 32 random characters or
    bytes each.

    ``salt``: a str; two sites, or two caches, of one secret and different salts refuse what the
    other wrote.
    """

    name = "encrypted"
    deterministic = False

    def __init__(self, *, keys: Sequence[Secret] | None = None, salt: str = "") -> None:
        if not isinstance(salt, str):
            raise ValueError("salt must be a str")
        info = PURPOSE + salt.encode()
        self._roots = [
            HKDF(SHA256(), 32, salt=None, info=info).derive(force_bytes(secret))
            for secret in _secrets(keys)
        ]
        self._use("")

    def bind(self, formats: str) -> Sealer:
        bound = copy.copy(self)
        bound._use(formats)
        return bound

    def _use(self, formats: str) -> None:
        keys = [_Key(root, formats) for root in self._roots]
        self._first = keys[0]
        self._by_id = {key.id: key for key in reversed(keys)}
        self._now = self._at(0)

    def _at(self, hour: int) -> tuple[int, bytes, AESGCM]:
        """An hour, what values that are encrypted in it begin with, and their cipher."""
        first, named = self._first, hour.to_bytes(4, "big")
        return hour, MAGIC + first.id + named, first.cipher(named)

    def seal(self, key: str, data: bytes) -> bytes:
        hour = int(time.time()) // 3600
        now = self._now
        if now[0] != hour:
            now = self._now = self._at(hour)
        nonce = urandom(12)
        return b"%s%s%s" % (now[1], nonce, now[2].encrypt(nonce, data, key.encode()))

    def unseal(self, key: str, data: bytes) -> bytes:
        if not data.startswith(MAGIC) or len(data) < _SHORTEST:
            raise SealError("The value is not encrypted")
        found = self._by_id.get(data[len(MAGIC) : _HOUR])
        if found is None:
            raise SealError("The value is encrypted with a secret that this site does not have")
        hour = data[_HOUR:_NONCE]
        cipher = found.cipher(hour)
        try:
            plain = cipher.decrypt(data[_NONCE:_CIPHERTEXT], data[_CIPHERTEXT:], key.encode())
        except InvalidTag:
            raise SealError("The value was changed, or is that of another key") from None
        if hour not in found.ciphers:
            found.keep(hour, cipher)
        return plain


def _secrets(keys: Any) -> list[Secret]:
    if keys is None:
        return [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    if (
        not isinstance(keys, list | tuple)
        or not keys
        or not all(isinstance(key, str | bytes) and len(key) >= _LEAST for key in keys)
    ):
        raise ValueError(
            f"keys must be a list of str or bytes, each of at least {_LEAST} random characters or "
            "bytes; python -c 'import secrets; print(secrets.token_urlsafe(32))' makes one"
        )
    return list(keys)
