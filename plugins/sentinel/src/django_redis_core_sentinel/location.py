"""LOCATION: which service, and which of its servers.

As in django-redis: ``redis://service/db?is_master=1`` is the primary, ``?is_master=0`` its
replicas, a list of both is both, and what does not say is the primary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from django.core.exceptions import ImproperlyConfigured

_ROLES = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


@dataclass(frozen=True)
class Location:
    """``url`` is LOCATION without its role; ``writes`` and ``reads_replicas`` are what its roles
    say, and ``said`` whether they say anything."""

    service: str
    url: str = field(repr=False)
    writes: bool
    reads_replicas: bool
    said: bool


def read(where: str, locations: Sequence[str]) -> Location:
    """Raises ImproperlyConfigured, without quoting a URL, for it may hold a password."""
    parts = [_one(where, location) for location in locations]
    services = list(dict.fromkeys(service for service, _, _ in parts))
    if len(services) > 1:
        raise ImproperlyConfigured(
            f"{where}: LOCATION names the services {' and '.join(map(repr, services))}, and a "
            'cache has one. For keys spread over several services write "CLIENT": "shard".'
        )
    urls = dict.fromkeys(url for _, url, _ in parts)
    if len(urls) > 1:
        raise ImproperlyConfigured(
            f"{where}: the URLs of LOCATION must be equal but for is_master=0 and is_master=1."
        )
    roles = [role for _, _, role in parts]
    return Location(
        service=services[0],
        url=next(iter(urls)),
        writes=any(role is not False for role in roles),
        reads_replicas=False in roles,
        said=roles != [None],
    )


def _one(where: str, location: str) -> tuple[str, str, bool | None]:
    parts = urlsplit(location)
    # Not ``hostname``, which is in small letters: the names of services are not.
    host = parts.netloc.rpartition("@")[2]
    service = unquote(host.partition(":")[0])
    if parts.scheme not in ("redis", "rediss") or not service:
        raise ImproperlyConfigured(
            f"{where}: LOCATION of the sentinel connection factory must be redis://<service>/<db> "
            "(rediss:// for TLS), with the name under which the sentinels know the service."
        )
    role = None
    query = []
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name != "is_master":
            query.append((name, value))
        elif (role := _ROLES.get(value.lower())) is None:
            raise ImproperlyConfigured(
                f"{where}: is_master in LOCATION must be 1 (the primary) or 0 (its replicas), "
                f"not {value!r}."
            )
    return service, urlunsplit(parts._replace(query=urlencode(query))), role
