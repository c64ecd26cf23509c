"""A cache as its settings describe it: frozen, validated, and without a secret in its repr."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from ..connections.config import ServerConfig
from ..connections.urls import server_config
from ..exceptions import PluginLoadError
from ..keys import KeyFunction
from ..redaction import explained, secrets_in


@dataclass(frozen=True, slots=True)
class PluginUse:
    """A plugin of a cache: its class and the arguments that settings give it."""

    plugin: type[Any]
    options: Mapping[str, Any] = field(repr=False)
    where: str

    def build(self, *args: Any, **more: Any) -> Any:
        """An instance; whatever its constructor raises becomes ImproperlyConfigured with the
        place."""
        try:
            made = self.plugin(*args, **{**more, **self.options})
        except ImproperlyConfigured:
            raise
        except Exception as error:
            text, cause = explained(error, secrets_in(self.options))
            if not isinstance(error, TypeError | ValueError):
                text = f"{type(error).__name__}: {text}"
        else:
            unfinished = made.unfinished()
            if unfinished:
                raise PluginLoadError(f"{self.where}: {self.plugin.name}: {unfinished}.")
            return made
        raise ImproperlyConfigured(f"{self.where}: {self.plugin.name}: {text}") from cause


@dataclass(frozen=True, eq=False)
class ConnectionOptions:
    """What connection factories are given: how to reach a server, given its URL."""

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
        """The configuration of the server at ``url``; ``kwargs`` beat the URL."""
        return server_config(self, url, before_connect=before_connect, **kwargs)


@dataclass(frozen=True, eq=False)
class CacheOptions:
    """A cache, completely described.

    ``timeout`` is in seconds. ``unused`` are names in OPTIONS that have no effect with the plugins
    in use.
    """

    alias: str
    locations: tuple[str, ...] = field(repr=False)
    key_prefix: str
    version: Any
    timeout: float | None
    key_function: KeyFunction
    clients: tuple[PluginUse, ...]
    serializers: tuple[PluginUse, ...]
    compressors: tuple[PluginUse, ...]
    sealer: PluginUse
    connection_factory: PluginUse
    connection: ConnectionOptions
    ignore_exceptions: bool
    log_ignored_exceptions: bool
    logger: str | None
    close_connection: bool
    scan_itersize: int
    max_decompressed_size: int
    delete_unreadable: bool
    clear: str
    reverse_key_function: Callable[[str], str] | None
    unused: tuple[str, ...] = ()
    deprecated: tuple[str, ...] = ()

    def plugins(self) -> tuple[PluginUse, ...]:
        """Every plugin of this cache."""
        return (
            *self.clients,
            *self.serializers,
            *self.compressors,
            self.sealer,
            self.connection_factory,
        )
