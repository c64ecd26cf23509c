"""From a LOCATION and options to the configuration of one server.

Precedence, as in django-redis: the URL, then ``CONNECTION_POOL_KWARGS``, then the plain options.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from redis.connection import Connection, ConnectionPool, parse_url

from .config import ServerConfig

if TYPE_CHECKING:
    from ..options import ConnectionOptions

#: The schemes that redis-py knows. Any other one names a connection factory.
SCHEMES = ("redis", "rediss", "unix")

# Arguments of redis-py's pools, which its connections do not take.
_POOL_ONLY = ("max_connections", "timeout", "queue_class", "connection_class")


def locations_of(where: str, location: Any) -> tuple[str, ...]:
    """LOCATION as a tuple of URLs: one URL, several joined by commas, a list or a tuple."""
    urls: list[Any] = []
    if isinstance(location, str):
        urls = [url.strip() for url in location.split(",")]
    elif isinstance(location, list | tuple):
        urls = list(location)
    if not urls or not all(url and isinstance(url, str) for url in urls):
        raise ImproperlyConfigured(
            f"{where}: LOCATION must be a URL such as 'redis://localhost:6379/0', or a list of "
            "URLs; it is empty or not text."
        )
    for url in urls:
        if "://" not in url:
            raise ImproperlyConfigured(
                f"{where}: LOCATION must begin with redis://, rediss://, unix:// or a plugin's "
                f"scheme, not {url.split('@')[-1]!r}."
            )
    return tuple(urls)


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
    pool_kwargs = dict(options.pool_kwargs)
    kwargs: dict[str, Any] = {
        "socket_timeout": options.socket_timeout,
        "socket_connect_timeout": options.socket_connect_timeout,
    }
    for name in ("username", "password", "parser_class"):
        if (value := getattr(options, name)) is not None:
            kwargs[name] = value
    kwargs.update(pool_kwargs)
    try:
        kwargs.update(parse_url(url))  # type: ignore[no-untyped-call]
    except ValueError as error:
        raise ImproperlyConfigured(
            f"{options.where}: LOCATION {_shown(url)!r} is not understood: {error}"
        ) from error
    if "credential_provider" in kwargs:
        for name in ("username", "password"):
            kwargs.pop(name, None)
    kwargs.update(overrides)
    limits = {name: kwargs.pop(name, None) for name in _POOL_ONLY}
    connection_class = limits["connection_class"] or Connection
    config = ServerConfig(
        connection_class=connection_class,
        kwargs=kwargs,
        timeout=kwargs["socket_timeout"],
        max_connections=limits["max_connections"],
        wait=options.socket_timeout if limits["timeout"] is None else limits["timeout"],
        breaker_failures=options.breaker_failures,
        breaker_interval=options.breaker_interval,
        pool_class=None if options.pool_class is ConnectionPool else options.pool_class,
        pool_kwargs={name: value for name, value in limits.items() if value is not None},
        client_class=options.client_class,
        client_kwargs=options.client_kwargs,
        before_connect=before_connect,
    )
    _try_out(options, config)
    return config


def _try_out(options: ConnectionOptions, config: ServerConfig) -> None:
    """Makes a connection without connecting, so that a name which redis-py does not know is an
    error when settings are read and not at the first request."""
    try:
        config.connection_class(**config.kwargs)
    except Exception as error:
        raise ImproperlyConfigured(
            f"{options.where}: the connection to {config.name} cannot be made from LOCATION and "
            f"CONNECTION_POOL_KWARGS: {error}"
        ) from error


def _shown(url: str) -> str:
    """``url`` without user and password."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
