"""The text of redis.conf."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .certificates import Certificate

Config = Mapping[str, str | int | Sequence[str]]
"""Directives of redis.conf. A value is written as it stands (an empty one as ``""``); a list gives
the directive once for each item.
"""

#: For a server that is not to keep anything.
#:
#: A full synchronisation takes 0.1 s instead of 1 to 6: a primary that writes its copy to disk
#: waits neither for more replicas nor for a replica's next ACK, and a replica that reads it from
#: the socket does not look once a second whether all has come (Valkey 9).
QUICK = {
    "save": "",
    "repl-diskless-sync": "no",
    "repl-diskless-load": "on-empty-db",
    "rdb-del-sync-files": "yes",
}

#: Beside ``tls_directives``, for a server that speaks TLS with everybody.
TLS_ONLY: Config = {"port": 0, "tls-replication": "yes"}


def quoted(text: str) -> str:
    """A value with spaces, quotes or nothing in it, say a password, as one argument."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def tls_directives(port: int, certificate: Certificate) -> Config:
    """For a TLS port whose clients need no certificate."""
    return {
        "tls-port": port,
        "tls-cert-file": certificate.certfile,
        "tls-key-file": certificate.keyfile,
        "tls-ca-cert-file": certificate.ca_file,
        "tls-auth-clients": "no",
    }


def render(config: Config) -> str:
    lines = []
    for name, value in config.items():
        values = (value,) if isinstance(value, (str, int)) else value
        lines += [f"{name} {quoted('') if item == '' else item}\n" for item in values]
    return "".join(lines)
