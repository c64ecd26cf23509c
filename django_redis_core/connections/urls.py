"""From a LOCATION and options to the configuration of one server.

Precedence, as in django-redis: the URL, then ``CONNECTION_POOL_KWARGS``, then the plain options.
No error here quotes a URL: one that cannot be read may have its password anywhere.
"""

from __future__ import annotations

import ipaddress
import re
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured
from redis.connection import (
    Connection,
    ConnectionPool,
    SSLConnection,
    UnixDomainSocketConnection,
    parse_url,
)

from .._interrupts import struck
from .._options.option import (
    Check,
    constructor_keywords,
    integer,
    nearest,
    optional,
    seconds,
    waiting,
)
from .._options.redaction import explained, secrets_in, shown
from .config import ServerConfig
from .counterparts import called, derives
from .counterparts import check as check_classes

#: The schemes that redis-py knows. Any other one names a connection factory.
SCHEMES = ("redis", "rediss", "unix")

#: Arguments of redis-py's connections and pools for its own way of sending and reading, and what
#: they are where nobody asked for anything.
OF_RAW_CLIENTS: Mapping[str, Any] = {
    "command_packer": None,
    "decode_responses": False,
    "encoding": "utf-8",
    "encoding_errors": "strict",
    "event_dispatcher": None,
    "himport_registry": None,
    "legacy_responses": True,
    "maint_notifications_config": None,
    "parser_class": None,
    "queue_class": None,
    "socket_read_size": 65536,
}

#: Other spellings of the same, as Valkey's clients and Celery have them and hosts hand them out.
SPELLINGS = {
    "redis+socket": "unix",
    "redis+unix": "unix",
    "unix+redis": "unix",
    "valkey": "redis",
    "valkey+socket": "unix",
    "valkey+unix": "unix",
    "valkeys": "rediss",
}

_WITHOUT_TLS = (Connection, UnixDomainSocketConnection)

# Arguments of redis-py's pools, which its connections do not take.
_POOL_ONLY = ("max_connections", "timeout", "queue_class", "connection_class")

_UNKNOWN = re.compile(r"unexpected keyword argument '(\w+)'")

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+_-]*)://")
_ADDRESS = re.compile(r"[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[0-9]*)?")
# Django's backend takes both; a ; that no URL follows is part of a password.
_BETWEEN = re.compile(r",|;(?=\s*[A-Za-z][A-Za-z0-9+_-]*://)")
_OF_AZURE = re.compile(r"[A-Za-z0-9.-]+:\d+,.*(password|ssl)\s*=", re.IGNORECASE)

# What redis-py would take and then do something else with, or fail at the first request.
_CHECKS: dict[str, Check] = {
    "socket_timeout": optional(seconds),
    "socket_connect_timeout": optional(seconds),
    "db": optional(integer(0)),
    "max_connections": optional(integer(1)),
    "timeout": optional(waiting),
    "health_check_interval": optional(waiting),
}


@dataclass(frozen=True, eq=False)
class ConnectionOptions:
    """What connection factories are given: how to reach a server, given its URL.

    Each field is an option of the cache under its own name in small letters (``socket_timeout`` is
    SOCKET_TIMEOUT, in seconds) with its default already in place; ``where`` is the entry of CACHES,
    as errors name it. A factory mostly needs ``server``, and of the fields those that ``server``
    does not see to: ``read_from``, which is None where the site does not say, so that the factory
    chooses, and ``replica_max_lag``, both for ``readers``, and ``replica_read_only``.
    """

    where: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    socket_timeout: float = 1.0
    socket_connect_timeout: float = 0.5
    replica_read_only: bool = True
    read_from: str | None = None
    read_your_writes: float | None = None
    replica_max_lag: float | None = None
    parser_class: Any = None
    pool_class: Any = None
    pool_kwargs: Mapping[str, Any] = field(default_factory=dict, repr=False)
    client_class: Any = None
    client_kwargs: Mapping[str, Any] = field(default_factory=dict, repr=False)
    async_connection_class: Any = None
    async_pool_class: Any = None
    async_client_class: Any = None
    breaker_failures: int = 3
    breaker_interval: float = 1.0
    async_connections: int = 1

    def server(
        self, url: str, *, before_connect: Callable[[], None] | None = None, **kwargs: Any
    ) -> ServerConfig:
        """The configuration of the server at ``url``, with everything that the site has set:
        timeouts, password, TLS, its own classes, the breaker.

        ``url`` begins with ``redis://``, ``rediss://`` or ``unix://``. ``kwargs`` are arguments of
        redis-py's connection, as ``host`` and ``port``, and beat the URL. ``before_connect`` is
        called before each new connection, in whichever thread or loop, and may raise
        ``ConnectionInterrupted``. No I/O. Raises ImproperlyConfigured, which names the cache and
        never quotes the URL, for it may have a password.
        """
        return server_config(self, url, before_connect=before_connect, **kwargs)


def locations_of(where: str, location: Any) -> tuple[str, ...]:
    """LOCATION as a tuple of URLs: one URL, several joined by commas or semicolons, a list or a
    tuple."""
    urls: list[Any] = []
    if isinstance(location, str):
        if _OF_AZURE.match(location):
            raise ImproperlyConfigured(
                f"{where}: LOCATION is a connection string of .NET, as Azure shows it. Write "
                "'rediss://:PASSWORD@HOST:PORT/0' instead, with / as %2F and + as %2B in the "
                "password."
            )
        urls = [url.strip() for url in _BETWEEN.split(location)]
    elif isinstance(location, list | tuple):
        urls = list(location)
    if not urls or not all(isinstance(url, str) and url for url in urls):
        raise ImproperlyConfigured(
            f"{where}: LOCATION must be a URL such as 'redis://localhost:6379/0', or a list of "
            "URLs; it is empty or not text."
        )
    for place, url in enumerate(urls, 1):
        if not _SCHEME.match(url):
            meant = f"redis://{url}" if _ADDRESS.fullmatch(url) else ""
            if url.startswith("unix:/"):
                meant = f"unix://{url.removeprefix('unix:')}"
            raise ImproperlyConfigured(
                f"{where}: LOCATION must begin with redis://, rediss://, unix:// or a plugin's "
                "scheme"
                + (
                    f": write {meant!r} instead of {url!r}."
                    if meant and len(urls) == 1
                    else f", and URL {place} of {len(urls)} does not. A comma inside a password "
                    "is written %2C."
                )
            )
    urls = [_spelled(url) for url in urls]
    if len({scheme_of([url]) for url in urls}) > 1:
        raise ImproperlyConfigured(
            f"{where}: LOCATION must hold URLs of one connection factory, not of "
            f"{' and '.join(sorted({str(scheme_of([url]) or 'redis') for url in urls}))} together."
        )
    return tuple(urls)


def _spelled(url: str) -> str:
    """``url`` with its scheme as redis-py knows it."""
    scheme, _, rest = url.partition("://")
    if scheme not in SPELLINGS:
        return url
    if SPELLINGS[scheme] == "unix":
        rest = re.sub(r"([?&])virtual_host=", r"\1db=", rest)  # as Celery names the database
    return f"{SPELLINGS[scheme]}://{rest}"


def scheme_of(locations: Sequence[str]) -> str | None:
    """The connection factory that the URLs ask for by their scheme, if they do."""
    scheme = locations[0].partition("://")[0].lower()
    return None if scheme in SCHEMES else scheme


def server_config(
    options: ConnectionOptions,
    url: str,
    *,
    before_connect: Callable[[], None] | None = None,
    **overrides: Any,
) -> ServerConfig:
    """The complete configuration of the server at ``url``."""
    kwargs: dict[str, Any] = {
        "socket_timeout": options.socket_timeout,
        "socket_connect_timeout": options.socket_connect_timeout,
    }
    for name in ("username", "password", "parser_class"):
        if (value := getattr(options, name)) is not None:
            kwargs[name] = value
    kwargs.update(options.pool_kwargs)
    own_class = kwargs.pop("connection_class", None)
    kwargs.update(_read(options.where, _spelled(url)))
    if "credential_provider" in kwargs:
        for name in ("username", "password"):
            kwargs.pop(name, None)
    kwargs.update(overrides)
    for name, check in _CHECKS.items():
        try:
            check(kwargs.get(name))
        except ValueError as error:
            raise ImproperlyConfigured(
                f"{options.where}: {name}, from LOCATION or CONNECTION_POOL_KWARGS, must be "
                f"{error}, not {shown(kwargs[name])}."
            ) from None
    if "connection_class" in overrides:
        own_class = None
    of_url = kwargs.pop("connection_class", None)
    connection_class = _connection_class(options.where, own_class, of_url)
    if connection_class in _WITHOUT_TLS:
        # It asks for less than TLS gives, or for what TLS gives anyhow; a check warns of it. Other
        # arguments of TLS say that it is meant, and are refused.
        kwargs.pop("ssl_cert_reqs", None)
    if derives(connection_class, SSLConnection) and not verifies_nothing(kwargs):
        kwargs.setdefault("ssl_check_hostname", True)  # redis-py's own default from version 6 on
    limits = {name: kwargs.pop(name, None) for name in _pool_only(options, connection_class)}
    if connection_class is not Connection:
        limits["connection_class"] = connection_class
    config = ServerConfig(
        connection_class=connection_class,
        kwargs=kwargs,
        timeout=kwargs["socket_timeout"],
        max_connections=limits["max_connections"],
        wait=options.socket_timeout if limits["timeout"] is None else limits["timeout"],
        breaker_failures=options.breaker_failures,
        breaker_interval=options.breaker_interval,
        async_connections=options.async_connections,
        pool_class=None if options.pool_class is ConnectionPool else options.pool_class,
        pool_kwargs={name: value for name, value in limits.items() if value is not None},
        client_class=options.client_class,
        client_kwargs=options.client_kwargs,
        before_connect=before_connect,
        async_class=options.async_connection_class,
        async_pool_class=options.async_pool_class,
        async_client_class=options.async_client_class,
        where=options.where,
    )
    check_classes(config)
    _try_out(options, config)
    return config


def _connection_class(where: str, own: Any, of_url: type[Any] | None) -> Callable[..., Any]:
    """What makes connections: the site's, as in redis-py, or what the URL's scheme asks for."""
    if own is None or own is Connection:
        return of_url or Connection
    if not callable(own):
        raise ImproperlyConfigured(
            f"{where}: connection_class in CONNECTION_POOL_KWARGS must be a class, or a function "
            f"that makes connections, not {shown(own)}."
        )
    if of_url is SSLConnection and isinstance(own, type) and not issubclass(own, SSLConnection):
        raise ImproperlyConfigured(
            f"{where}: LOCATION is rediss://, and connection_class in CONNECTION_POOL_KWARGS is "
            f"{called(own)}, whose connections are not encrypted: make it a subclass of "
            "redis.SSLConnection, or write redis://."
        )
    return own  # type: ignore[no-any-return]


def _pool_only(options: ConnectionOptions, connection_class: Any) -> set[str]:
    """Arguments of the pool, which its connections do not take: redis-py's, and those that a pool
    class of the site's own has."""
    names = set(_POOL_ONLY)
    if isinstance(options.pool_class, type):
        taken = constructor_keywords(options.pool_class)
        if isinstance(connection_class, type):
            taken -= constructor_keywords(connection_class)
        names |= taken & set(options.pool_kwargs)
    return names


def verifies_nothing(kwargs: Mapping[str, Any]) -> bool:
    """Whether redis-py takes what ``kwargs`` say as "accept any certificate"."""
    if "ssl_cert_reqs" not in kwargs:
        return False
    value = kwargs["ssl_cert_reqs"]
    return value is None or value == ssl.CERT_NONE or value in ("none", "CERT_NONE")


def _read(where: str, url: str) -> dict[str, Any]:
    """What redis-py reads in ``url``, after the mistakes that it would pass over."""
    problem = _problem(url)
    if problem is None:
        try:
            return dict(parse_url(url))  # type: ignore[no-untyped-call]
        except ValueError as error:
            # Its one other error names an argument behind the "?", whose names are its own.
            problem = str(error).rstrip(".")
    # Outside `except`, for a library's error may quote the URL.
    raise ImproperlyConfigured(f"{where}: a URL of LOCATION cannot be used: {problem}.")


def _problem(url: str) -> str | None:
    """What is wrong with ``url``, in words that do not quote it."""
    escape = (
        "in a user name and a password, write / as %2F, ? as %3F, # as %23, @ as %40, : as %3A "
        "and % as %25"
    )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        if _is_bare_ipv6(url):
            return "an IPv6 address stands in brackets, as in redis://[2001:db8::1]:6379/0"
        return f"its host or its port cannot be read; a port is a number up to 65535, and {escape}"
    if parts.scheme not in SCHEMES or not url.startswith(f"{parts.scheme}://"):
        return "this connection factory takes redis://, rediss:// and unix:// (in small letters)"
    if parts.fragment:
        return f"it holds a '#'; {escape}"
    if parts.scheme == "unix":
        return None if parts.path else "it has no path; write unix:///path/to/the/socket?db=0"
    database = unquote(parts.path).replace("/", "")
    if database and not (database.isascii() and database.isdigit()):
        return (
            "what follows the host must be the number of the database, as in "
            f"redis://localhost:6379/0; {escape}"
        )
    return "port 0 is no server's" if port == 0 else None


def _is_bare_ipv6(url: str) -> bool:
    """Whether the host is an IPv6 address, with a port or without, and no brackets."""
    try:
        place = urlsplit(url).netloc.rpartition("@")[2]
    except ValueError:
        return False  # one bracket of two
    for host in (place, place.rpartition(":")[0]):
        try:
            ipaddress.IPv6Address(host)
        except ValueError:
            continue
        return True
    return False


def _try_out(options: ConnectionOptions, config: ServerConfig) -> None:
    """Makes a connection without connecting, so that a name which redis-py does not know is an
    error when settings are read and not at the first request."""
    try:
        kind = "connection"
        made: Any = config.connection_class
        made(**config.arguments())
        if config.async_class is not None:
            kind, made = "asyncio connection (ASYNC_CONNECTION_CLASS)", config.async_class
            made(**config.async_kwargs())
        return
    except Exception as error:
        if struck(error):
            raise
        text, cause = explained(error, secrets_in(config.kwargs))
    # Python's own words name a class of redis-py, and since 3.12 sometimes another name.
    if found := _UNKNOWN.search(text):
        text = f"there is no argument {found[1]!r}.{_meant(found[1], made)}"
    raise ImproperlyConfigured(
        f"{options.where}: the {kind} to {config.name} cannot be made from LOCATION and "
        f"CONNECTION_POOL_KWARGS: {text}"
    ) from cause


def _meant(name: str, connection_class: Any) -> str:
    if name.startswith("ssl_") and name in constructor_keywords(SSLConnection):
        return " It is for TLS: write rediss://."
    known = constructor_keywords(connection_class) if isinstance(connection_class, type) else ()
    return nearest(name, {*known, *_POOL_ONLY})
