"""Values signed with HMAC-SHA256.

A signed value is ``C1 73 01``, 16 bytes of the signature, and the bytes that were signed.
"""

from __future__ import annotations

import copy
import hmac
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from django.conf import settings
from django.utils.crypto import salted_hmac

from django_redis_core.exceptions import SealError
from django_redis_core.interfaces import Sealer

#: ``C1`` begins no UTF-8 text, pickle, msgpack value or compressor's frame; the last byte is the
#: version of this format.
MAGIC: Final = b"\xc1s\x01"

#: The salt that makes this key another one than those which derive from SECRET_KEY elsewhere.
SALT: Final = "django_redis_core_signed"

# The bytes of the signature that are stored. Half of it is what RFC 4868 keeps too: a forger has
# one chance in 2 ** 128, and can find out only by asking the site.
_LENGTH: Final = 16
_START: Final = len(MAGIC) + _LENGTH

#: How short a secret of the site's own may be: whoever reads one entry can try secrets offline.
_LEAST: Final = 32

Secret = str | bytes


class SignedSealer(Sealer):
    """Values that only a holder of the secret can have written, for this key and these formats.

    ``key``: a str or bytes, used instead of SECRET_KEY and SECRET_KEY_FALLBACKS; or a list of
    them, of which the first signs and all are read. At least 32 characters or bytes.

    ``salt``: a str; two sites, or two caches, of one secret and different salts refuse what the
    other wrote.

    ``accept_unsigned_until``: an aware datetime, or a str in ISO format with an offset. Until then
    what bears no signature is read as it is; after that it is a miss.
    """

    name = "signed"
    deterministic = True

    def __init__(
        self,
        *,
        key: Secret | Sequence[Secret] | None = None,
        salt: str = "",
        accept_unsigned_until: datetime | str | None = None,
    ) -> None:
        if not isinstance(salt, str):
            raise ValueError("salt must be a str")
        self._roots = [
            salted_hmac(SALT, salt, secret=secret, algorithm="sha256").digest()
            for secret in _secrets(key)
        ]
        #: Unix seconds until which values without a signature are read, or None.
        self.until = None if accept_unsigned_until is None else _moment(accept_unsigned_until)
        self._until = self.until or 0.0
        self._use("")

    def bind(self, formats: str) -> Sealer:
        bound = copy.copy(self)
        bound._use(formats)
        return bound

    def _use(self, formats: str) -> None:
        # An HMAC that has taken in its key is copied for each value, which is a fifth faster than
        # a new one, and no thread changes another's.
        keys = [hmac.digest(root, formats.encode(), "sha256") for root in self._roots]
        self._keyed = [hmac.new(key, digestmod="sha256").copy for key in keys]

    def lets_through(self) -> bool:
        return time.time() < self._until

    def seal(self, key: str, data: bytes) -> bytes:
        signature = self._keyed[0]()
        signature.update(_message(key, data))
        return b"%s%s%s" % (MAGIC, signature.digest()[:_LENGTH], data)

    def unseal(self, key: str, data: bytes) -> bytes:
        if data.startswith(MAGIC):
            plain = data[_START:]
            message = _message(key, plain)
            for keyed in self._keyed:
                signature = keyed()
                signature.update(message)
                if hmac.compare_digest(data[len(MAGIC) : _START], signature.digest()[:_LENGTH]):
                    return plain
            raise SealError("The signature is not this site's, or is that of another key or value")
        if time.time() < self._until:
            return data
        raise SealError("The value is not signed")


def _message(key: str, data: bytes) -> bytes:
    """What is signed. The key's length goes before it, so that no part of it can pass for data."""
    name = key.encode()
    return b"%d:%s%s" % (len(name), name, data)


def _secrets(key: Any) -> list[Secret]:
    if key is None:
        return [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    secrets = list(key) if isinstance(key, list | tuple) else [key]
    if not secrets or not all(
        isinstance(secret, str | bytes) and len(secret) >= _LEAST for secret in secrets
    ):
        raise ValueError(
            f"key must be a str or bytes of at least {_LEAST} random characters or bytes, or a "
            "list of them; python -c 'import secrets; print(secrets.token_urlsafe(32))' makes one"
        )
    return secrets


def _moment(until: Any) -> float:
    """Unix seconds."""
    if isinstance(until, str):
        try:
            until = datetime.fromisoformat(until)
        except ValueError:
            until = None
    if not isinstance(until, datetime) or until.tzinfo is None:
        raise ValueError(
            "accept_unsigned_until must be an aware datetime, or a str such as "
            "'2026-07-31T12:00:00+00:00', with its offset from UTC"
        )
    return until.timestamp()
