"""Certificates for TLS tests, made by trustme: an authority that nobody else trusts, and
certificates that it signed, right or wrong in one chosen way (another name, out of date, another
authority)."""

from __future__ import annotations

import functools
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from .processes import scratch_directory

__all__ = ["Authority", "Certificate", "local_certificate"]


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

    def __init__(self) -> None:
        import trustme  # only tests of TLS need it

        self._authority = trustme.CA()
        self._directory: Path = scratch_directory()
        self._issued = 0
        self.ca_file = str(self._directory / "ca.pem")
        self._authority.cert_pem.write_to_path(self.ca_file)

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
        start = valid_from or datetime.now(UTC) - timedelta(days=1)
        issued = self._authority.issue_cert(
            *(names or ("localhost", "127.0.0.1")), not_before=start, not_after=start + valid_for
        )
        self._issued += 1
        certfile = self._directory / f"{self._issued}.pem"
        keyfile = self._directory / f"{self._issued}.key"
        keyfile.touch(mode=0o600)
        issued.cert_chain_pems[0].write_to_path(str(certfile))
        issued.private_key_pem.write_to_path(str(keyfile))
        return Certificate(str(certfile), str(keyfile), self.ca_file)


@functools.cache
def local_certificate() -> Certificate:
    """One for ``localhost`` and ``127.0.0.1``, made once a process and removed with it."""
    return Authority().issue()
