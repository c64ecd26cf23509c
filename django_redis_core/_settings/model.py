"""A cache as its settings describe it: frozen, validated, and without a secret in its repr."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from .._codec.keys import KeyFunction, PatternFunction
from .._interrupts import struck
from .._options.redaction import explained, secrets_in
from ..connections import ConnectionOptions
from ..exceptions import PluginLoadError


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
            if struck(error):  # into the first use of a cache, as a task's time limit may
                raise
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
    observers: tuple[PluginUse, ...]
    connection: ConnectionOptions
    ignore_exceptions: bool
    log_ignored_exceptions: bool
    log_ignored_level: str
    logger: str | None
    close_connection: bool
    scan_itersize: int
    max_decompressed_size: int
    max_decompressed_total: int | None
    delete_unreadable: bool
    clear: str
    reverse_key_function: Callable[[str], str] | None
    key_pattern_function: PatternFunction | None
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
            *self.observers,
        )
