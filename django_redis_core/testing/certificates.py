"""Certificates for TLS tests, made on the spot from the standard library alone.

A certificate in the repository expires, and its key sets off every secret scanner; the ``openssl``
command is not everywhere. What a test needs is small: an authority, and certificates on P-256 that
it signed, right or wrong in one chosen way (another name, out of date, another authority).

Never use these keys for anything but tests: the arithmetic takes no care of timing.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import ipaddress
import secrets
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from .processes import scratch_directory

# The curve P-256 (FIPS 186-4, D.1.2.3): y² = x³ - 3x + b modulo _P; the base point _G has the order
# _N.
_P = 2**256 - 2**224 + 2**192 + 2**96 - 1
_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
_Point = tuple[int, int]


def _add(one: _Point | None, other: _Point | None) -> _Point | None:
    if one is None or other is None:
        return one or other
    (x1, y1), (x2, y2) = one, other
    if x1 == x2 and (y1 + y2) % _P == 0:
        return None
    if one == other:
        slope = 3 * (x1 * x1 - 1) * pow(2 * y1, -1, _P)
    else:
        slope = (y2 - y1) * pow(x2 - x1, -1, _P)
    x3 = (slope * slope - x1 - x2) % _P
    return x3, (slope * (x1 - x3) - y1) % _P


def _multiply(scalar: int) -> _Point:
    """The base point times ``scalar``, 0 < scalar < _N; about 20 ms."""
    total: _Point | None = None
    addend: _Point | None = _G
    while scalar:
        if scalar & 1:
            total = _add(total, addend)
        addend = _add(addend, addend)
        scalar >>= 1
    assert total is not None
    return total


def _der(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    if len(body) < 128:
        return bytes((tag, len(body))) + body
    length = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + body


def _sequence(*parts: bytes) -> bytes:
    return _der(0x30, *parts)


def _integer(value: int) -> bytes:
    return _der(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _bits(body: bytes) -> bytes:
    return _der(0x03, b"\0", body)


def _oid(dotted: str) -> bytes:
    first, second, *rest = map(int, dotted.split("."))
    encoded = bytearray((first * 40 + second,))
    for number in rest:
        groups = [number & 0x7F]
        while number := number >> 7:
            groups.append(0x80 | number & 0x7F)
        encoded += bytes(reversed(groups))
    return _der(0x06, bytes(encoded))


def _time(when: datetime) -> bytes:
    if when.year < 2050:  # RFC 5280, 4.1.2.5
        return _der(0x17, when.strftime("%y%m%d%H%M%SZ").encode())
    return _der(0x18, when.strftime("%Y%m%d%H%M%SZ").encode())


def _name(common_name: str) -> bytes:
    return _sequence(_der(0x31, _sequence(_oid("2.5.4.3"), _der(0x0C, common_name.encode()))))


def _alternative(name: str) -> bytes:
    try:
        return _der(0x87, ipaddress.ip_address(name).packed)
    except ValueError:
        return _der(0x82, name.encode())


def _extension(oid: str, body: bytes, *, critical: bool = False) -> bytes:
    return _sequence(_oid(oid), _der(0x01, b"\xff") if critical else b"", _der(0x04, body))


def _pem(label: str, body: bytes) -> str:
    lines = base64.encodebytes(body).decode()
    return f"-----BEGIN {label}-----\n{lines}-----END {label}-----\n"


_CURVE = _oid("1.2.840.10045.3.1.7")
_ECDSA_SHA256 = _sequence(_oid("1.2.840.10045.4.3.2"))


class _Key:
    def __init__(self) -> None:
        self._secret = secrets.randbelow(_N - 1) + 1
        x, y = _multiply(self._secret)
        self._public = b"\x04" + x.to_bytes(32, "big") + y.to_bytes(32, "big")
        self.identifier = hashlib.sha1(self._public, usedforsecurity=False).digest()

    def public(self) -> bytes:
        return _sequence(_sequence(_oid("1.2.840.10045.2.1"), _CURVE), _bits(self._public))

    def pem(self) -> str:
        secret = _der(0x04, self._secret.to_bytes(32, "big"))
        return _pem("EC PRIVATE KEY", _sequence(_integer(1), secret, _der(0xA0, _CURVE)))

    def sign(self, message: bytes) -> bytes:
        digest = int.from_bytes(hashlib.sha256(message).digest(), "big")
        nonce = secrets.randbelow(_N - 1) + 1
        r = _multiply(nonce)[0] % _N
        s = pow(nonce, -1, _N) * (digest + r * self._secret) % _N
        return _sequence(_integer(r), _integer(s))


@dataclass(frozen=True)
class Certificate:
    """Three PEM files: a certificate, its key, and the authority's certificate to trust it by."""

    certfile: str
    keyfile: str
    ca_file: str

    def server_context(self, *, require_client: bool = False) -> ssl.SSLContext:
        """For the accepting side; with ``require_client`` for this authority's clients only."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certfile, self.keyfile)
        if require_client:
            context.load_verify_locations(self.ca_file)
            context.verify_mode = ssl.CERT_REQUIRED
        return context


class Authority:
    """A certificate authority of its own; nobody trusts it but who is given its ``ca_file``."""

    def __init__(self, name: str = "django-redis-core test authority") -> None:
        self._directory = scratch_directory()
        self._name = _name(name)
        self._key = _Key()
        self._issued = 0
        usages = (
            _extension(
                "2.5.29.19", _sequence(_der(0x01, b"\xff")), critical=True
            ),  # basicConstraints: an authority
            _extension(
                "2.5.29.15", _der(0x03, b"\x01\x06"), critical=True
            ),  # keyUsage: certificates and CRLs
        )
        start = datetime.now(UTC) - timedelta(days=1)
        body = self._signed(self._name, self._key, usages, start, timedelta(days=30))
        self.ca_file = self._write("ca.pem", _pem("CERTIFICATE", body))

    def issue(
        self,
        *names: str,
        valid_from: datetime | None = None,
        valid_for: timedelta = timedelta(days=2),
    ) -> Certificate:
        """A certificate for these names and addresses, else ``localhost`` and ``127.0.0.1``.

        It serves for servers and clients both. ``valid_from`` is a day ago unless told; a
        ``valid_for`` of an hour makes one that has expired.
        """
        names = names or ("localhost", "127.0.0.1")
        start = valid_from or datetime.now(UTC) - timedelta(days=1)
        key = _Key()
        usages = (
            _extension("2.5.29.19", _sequence(), critical=True),  # basicConstraints: no authority
            _extension(
                "2.5.29.15", _der(0x03, b"\x07\x80"), critical=True
            ),  # keyUsage: digital signature
            # extKeyUsage: TLS server, TLS client
            _extension(
                "2.5.29.37", _sequence(_oid("1.3.6.1.5.5.7.3.1"), _oid("1.3.6.1.5.5.7.3.2"))
            ),
            _extension("2.5.29.17", _sequence(*map(_alternative, names))),  # subjectAltName
        )
        body = self._signed(_name(names[0]), key, usages, start, valid_for)
        self._issued += 1
        return Certificate(
            self._write(f"{self._issued}.pem", _pem("CERTIFICATE", body)),
            self._write(f"{self._issued}.key", key.pem()),
            self.ca_file,
        )

    def _signed(
        self,
        subject: bytes,
        key: _Key,
        extensions: tuple[bytes, ...],
        start: datetime,
        valid_for: timedelta,
    ) -> bytes:
        identifiers = (
            _extension("2.5.29.14", _der(0x04, key.identifier)),  # subjectKeyIdentifier
            _extension(
                "2.5.29.35", _sequence(_der(0x80, self._key.identifier))
            ),  # authorityKeyIdentifier
        )
        certificate = _sequence(
            _der(0xA0, _integer(2)),  # version 3
            _integer(secrets.randbits(63) + 1),
            _ECDSA_SHA256,
            self._name,
            _sequence(_time(start), _time(start + valid_for)),
            subject,
            key.public(),
            _der(0xA3, _sequence(*extensions, *identifiers)),
        )
        return _sequence(certificate, _ECDSA_SHA256, _bits(self._key.sign(certificate)))

    def _write(self, name: str, text: str) -> str:
        path: Path = self._directory / name
        path.touch(mode=0o600)
        path.write_text(text)
        return str(path)


@functools.cache
def local_certificate() -> Certificate:
    """One for ``localhost`` and ``127.0.0.1``, made once a process (0.1 s) and removed with it."""
    return Authority().issue()
