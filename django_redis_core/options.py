"""A CACHES entry → one frozen, validated dataclass.

The only module that reads options and settings. Everything that can be wrong with an entry is said
here, before any I/O, naming the alias, what was written and what to write instead; the user's dict
is never changed.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from django.conf import settings
from django.core.cache.backends.base import get_key_func
from django.core.exceptions import ImproperlyConfigured

from .catalogue import SENTINEL_CLIENTS
from .connections.config import ServerConfig, frozen
from .connections.urls import locations_of, scheme_of, server_config
from .keys import KeyFunction
from .options_spec import (
    Option,
    addresses,
    boolean,
    importable,
    integer,
    mapping,
    one_of,
    optional,
    seconds,
    text,
)
from .registry import Registry, registry

BACKEND = "django_redis_core.cache.RedisCache"

#: Where each part of a cache is named, and what is used when it is not.
PLUGIN_KEYS: dict[str, tuple[str, str]] = {
    "CLIENT": ("client", "default"),
    "SERIALIZER": ("serializer", "pickle"),
    "COMPRESSOR": ("compressor", "identity"),
    "SEALER": ("sealer", "none"),
    "CONNECTION_FACTORY": ("connection_factory", "single"),
}

#: Parts of which a cache may have several.
SEVERAL = frozenset({"CLIENT", "SERIALIZER", "COMPRESSOR"})

CACHE_OPTIONS: tuple[Option, ...] = (
    Option(
        "IGNORE_EXCEPTIONS",
        "ignore_exceptions",
        boolean,
        False,
        "DJANGO_REDIS_IGNORE_EXCEPTIONS",
        "Answer with a fallback while the server is in trouble, instead of raising.",
    ),
    Option(
        "LOG_IGNORED_EXCEPTIONS",
        "log_ignored_exceptions",
        boolean,
        False,
        "DJANGO_REDIS_LOG_IGNORED_EXCEPTIONS",
        "Log what is ignored, at ERROR with a traceback.",
    ),
    Option(
        "LOGGER",
        "logger",
        optional(text),
        None,
        "DJANGO_REDIS_LOGGER",
        "The name of the logger. Default: `django_redis_core`.",
    ),
    Option(
        "CLOSE_CONNECTION",
        "close_connection",
        boolean,
        False,
        "DJANGO_REDIS_CLOSE_CONNECTION",
        "Close idle connections at the end of every request.",
    ),
    Option(
        "SCAN_ITERSIZE",
        "scan_itersize",
        integer(1),
        1000,
        "DJANGO_REDIS_SCAN_ITERSIZE",
        "SCAN's COUNT, the keys looked at a round trip, for `keys`, `delete_pattern` and `clear`.",
    ),
    Option(
        "MAX_DECOMPRESSED_SIZE",
        "max_decompressed_size",
        integer(1),
        64 * 1024 * 1024,
        doc="Bytes that a compressed value may unpack to; a larger one is a miss.",
    ),
    Option(
        "DELETE_UNREADABLE",
        "delete_unreadable",
        boolean,
        False,
        doc="Delete an entry that cannot be read, instead of leaving it until it expires.",
    ),
    Option(
        "CLEAR",
        "clear",
        one_of("prefix", "flushdb"),
        "prefix",
        doc='What `clear()` empties: "prefix" the keys of KEY_PREFIX (the database where there '
        'is none), "flushdb" the database.',
    ),
    Option(
        "REVERSE_KEY_FUNCTION",
        "reverse_key_function",
        optional(importable),
        None,
        doc="A function from the stored key to the caller's, for a KEY_FUNCTION that hides it.",
    ),
)

CONNECTION_OPTIONS: tuple[Option, ...] = (
    Option("USERNAME", "username", optional(text), doc="The user of an ACL."),
    Option("PASSWORD", "password", optional(text), doc="The password."),
    Option(
        "SOCKET_TIMEOUT",
        "socket_timeout",
        optional(seconds),
        1.0,
        doc="Seconds that one operation may take.",
    ),
    Option(
        "SOCKET_CONNECT_TIMEOUT",
        "socket_connect_timeout",
        optional(seconds),
        0.5,
        doc="Seconds that connecting may take.",
    ),
    Option(
        "REPLICA_READ_ONLY",
        "replica_read_only",
        boolean,
        True,
        doc="False lets a write go to another LOCATION when the first cannot be reached.",
    ),
    Option("PARSER_CLASS", "parser_class", optional(importable), doc="redis-py's parser class."),
    Option(
        "CONNECTION_POOL_CLASS",
        "pool_class",
        optional(importable),
        doc="The pool of `get_redis_connection`; a class of the site's own also serves the cache.",
    ),
    Option(
        "CONNECTION_POOL_KWARGS",
        "pool_kwargs",
        mapping,
        {},
        doc="Arguments of redis-py's connection and pool: `max_connections`, `timeout` (seconds "
        "to wait for a free one), `credential_provider`, `ssl_ca_certs` and so on.",
    ),
    Option(
        "REDIS_CLIENT_CLASS",
        "client_class",
        optional(importable),
        doc="The class of `get_redis_connection`'s client; a class that is no subclass of "
        "redis-py's also serves the cache.",
    ),
    Option("REDIS_CLIENT_KWARGS", "client_kwargs", mapping, {}, doc="Arguments of that class."),
    Option(
        "BREAKER_FAILURES",
        "breaker_failures",
        integer(0),
        3,
        doc="Failures in a row after which a server is not tried for a while; 0: never.",
    ),
    Option(
        "BREAKER_INTERVAL",
        "breaker_interval",
        seconds,
        1.0,
        doc="Seconds between two tries of a server that failed.",
    ),
)

#: Options of our own plugins that django-redis reads too, so an entry may hold them whatever it
#: uses: they are checked, and dropped where the plugin is not in use.
PLUGIN_OPTIONS: tuple[Option, ...] = (
    Option("PICKLE_VERSION", "protocol", optional(integer(-1)), doc="See the pickle serializer."),
    Option("SENTINELS", "sentinels", addresses, doc="See the sentinel plugin."),
    Option("SENTINEL_KWARGS", "sentinel_kwargs", mapping, doc="See the sentinel plugin."),
)


@dataclass(frozen=True, slots=True)
class PluginUse:
    """A plugin of a cache: its class and the arguments that settings give it."""

    plugin: type[Any]
    options: Mapping[str, Any]
    where: str

    def build(self, *args: Any, **more: Any) -> Any:
        """An instance; a refusal by the plugin becomes ImproperlyConfigured with the place."""
        try:
            return self.plugin(*args, **{**more, **self.options})
        except (TypeError, ValueError) as error:
            raise ImproperlyConfigured(f"{self.where}: {error}") from error


@dataclass(frozen=True, eq=False)
class ConnectionOptions:
    """What connection factories are given: how to reach a server, given its URL."""

    where: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    socket_timeout: float = 1.0
    socket_connect_timeout: float = 0.5
    replica_read_only: bool = True
    parser_class: Any = None
    pool_class: Any = None
    pool_kwargs: Mapping[str, Any] = field(default_factory=dict, repr=False)
    client_class: Any = None
    client_kwargs: Mapping[str, Any] = field(default_factory=dict, repr=False)
    breaker_failures: int = 3
    breaker_interval: float = 1.0

    def server(
        self, url: str, *, before_connect: Callable[[], None] | None = None, **kwargs: Any
    ) -> ServerConfig:
        """The configuration of the server at ``url``; ``kwargs`` beat the URL."""
        return server_config(self, url, before_connect=before_connect, **kwargs)


@dataclass(frozen=True, eq=False)
class CacheOptions:
    """A cache, completely described."""

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


def find_alias(location: Any, params: Mapping[str, Any]) -> str:
    """The alias of an entry: Django does not tell a backend which one it is."""
    given = frozen({**params, "LOCATION": location})
    for alias, entry in settings.CACHES.items():
        rest = {name: value for name, value in entry.items() if name != "BACKEND"}
        if frozen({"LOCATION": "", **rest}) == given:
            return str(alias)
    return "?"


def parse(
    alias: str, location: Any, params: Mapping[str, Any], plugins: Registry = registry
) -> CacheOptions:
    """Checks an entry of CACHES. Raises ImproperlyConfigured, or its subclass PluginError."""
    return _Parser(alias, location, params, plugins).parse()


class _Parser:
    def __init__(
        self, alias: str, location: Any, params: Mapping[str, Any], plugins: Registry
    ) -> None:
        self.where = f"CACHES[{alias!r}]"
        self.alias = alias
        self.location = location
        self.params = {str(name).upper(): value for name, value in params.items()}
        self.plugins = plugins
        options = self.params.get("OPTIONS") or {}
        if not isinstance(options, Mapping):
            self.refuse("OPTIONS", options, "a dict")
        self.options: dict[str, Any] = dict(options)

    def refuse(self, name: str, value: Any, words: str) -> Any:
        shown = "a secret" if name in ("PASSWORD", "LOCATION") else repr(value)
        raise ImproperlyConfigured(f"{self.where}: {name} must be {words}, not {shown}.")

    def parse(self) -> CacheOptions:
        locations = locations_of(self.where, self.location)
        uses = self.uses(locations)
        plugin_options = self.plugin_options(uses)
        known = {
            *PLUGIN_KEYS,
            "CLIENT_CLASS",
            *(option.name for option in CACHE_OPTIONS),
            *(option.name for option in CONNECTION_OPTIONS),
            *(option.name for option in PLUGIN_OPTIONS),
            *plugin_options,
        }
        self.refuse_unknown(known)
        built = {
            keyword: tuple(self.with_options(use) for use in of_kind)
            for keyword, of_kind in uses.items()
        }
        connection = ConnectionOptions(self.where, **self.values(CONNECTION_OPTIONS))
        return CacheOptions(
            alias=self.alias,
            locations=locations,
            key_prefix=self.entry("KEY_PREFIX", text, ""),
            version=self.entry("VERSION", _version, 1),
            timeout=self.entry("TIMEOUT", _timeout, 300),
            key_function=self.key_function(),
            clients=built["CLIENT"],
            serializers=built["SERIALIZER"],
            compressors=built["COMPRESSOR"],
            sealer=built["SEALER"][0],
            connection_factory=built["CONNECTION_FACTORY"][0],
            connection=connection,
            **self.values(CACHE_OPTIONS),
        )

    def entry(self, name: str, check: Callable[[Any], Any], default: Any) -> Any:
        if name not in self.params:
            return default
        try:
            return check(self.params[name])
        except ValueError as error:
            return self.refuse(name, self.params[name], str(error))

    def key_function(self) -> KeyFunction:
        written = self.params.get("KEY_FUNCTION")
        try:
            return get_key_func(written)  # type: ignore[no-any-return]
        except (ImportError, ValueError) as error:
            raise ImproperlyConfigured(
                f"{self.where}: KEY_FUNCTION {written!r} could not be imported: {error}"
            ) from error

    def values(self, options: Sequence[Option]) -> dict[str, Any]:
        return {option.keyword: self.value(option) for option in options}

    def value(self, option: Option) -> Any:
        """From OPTIONS, else the entry, else the global setting, else the default."""
        name, written = option.name, None
        if name in self.options:
            written = self.options[name]
        elif name in self.params:  # REVERSE_KEY_FUNCTION stands beside KEY_FUNCTION
            written = self.params[name]
        elif option.setting is not None and hasattr(settings, option.setting):
            name, written = f"settings.{option.setting}", getattr(settings, option.setting)
        else:
            return option.default
        try:
            checked = option.check(written)
        except ValueError as error:
            return self.refuse(name, written, str(error))
        return option.default if checked is None else checked

    def uses(self, locations: Sequence[str]) -> dict[str, list[PluginUse]]:
        """The plugins of every kind, with the options of their dict form only."""
        return {
            key: [self.use(kind, key, written) for written in self.written(key, default, locations)]
            for key, (kind, default) in PLUGIN_KEYS.items()
        }

    def written(self, key: str, default: str, locations: Sequence[str]) -> list[Any]:
        value = self.options.get(key)
        if key == "CLIENT":
            old = self.options.get("CLIENT_CLASS")
            if value is not None and old is not None:
                self.refuse("CLIENT_CLASS", old, "left out where CLIENT is given")
            value = old if value is None else value
        if key == "CONNECTION_FACTORY" and value is None:
            scheme = scheme_of(locations)
            value = scheme or getattr(settings, "DJANGO_REDIS_CONNECTION_FACTORY", None)
            if value is None and self.options.get("CLIENT_CLASS") in SENTINEL_CLIENTS:
                value = "sentinel"
        if value is None:
            return [default]
        if isinstance(value, list | tuple):
            if key not in SEVERAL or not value:
                self.refuse(key, value, "one plugin" if key not in SEVERAL else "not empty")
            return list(value)
        return [value]

    def use(self, kind: str, key: str, written: Any) -> PluginUse:
        where = f"{self.where}: {key}"
        options: Mapping[str, Any] = {}
        if isinstance(written, Mapping):
            extra = set(written) - {"NAME", "OPTIONS"}
            if "NAME" not in written or extra:
                self.refuse(key, written, "a plugin's name, or a dict of NAME and OPTIONS")
            options = written.get("OPTIONS") or {}
            written = written["NAME"]
        if not isinstance(written, str | type) or not written:
            self.refuse(key, written, "a plugin's name, a dict of NAME and OPTIONS, or a class")
        plugin = self.plugins.plugin(kind, written, where)
        if not isinstance(options, Mapping):
            self.refuse(f"OPTIONS of {key} {plugin.name}", options, "a dict")
        return PluginUse(plugin, self.checked_arguments(plugin, options, where), where)

    def checked_arguments(
        self, plugin: type[Any], options: Mapping[str, Any], where: str
    ) -> dict[str, Any]:
        accepted = _keywords(plugin)
        declared = {option.keyword: option for option in plugin.options}
        checked = {}
        for name, value in options.items():
            if name not in accepted:
                raise ImproperlyConfigured(
                    f"{where} {plugin.name!r} has no option {name!r}."
                    f"{_nearest(name, accepted)} It has: {', '.join(sorted(accepted)) or 'none'}."
                )
            if name in declared:
                try:
                    value = declared[name].check(value)
                except ValueError as error:
                    self.refuse(f"{name} of {plugin.name}", value, str(error))
            checked[name] = value
        return checked

    def plugin_options(self, uses: Mapping[str, Sequence[PluginUse]]) -> set[str]:
        return {
            option.name
            for of_kind in uses.values()
            for use in of_kind
            for option in use.plugin.options
        }

    def with_options(self, use: PluginUse) -> PluginUse:
        """``use`` with the names that the plugin adds to OPTIONS, beside those of its dict."""
        options = dict(use.options)
        for option in use.plugin.options:
            if option.keyword in options:
                continue
            value = self.value(option)
            if value is not None:
                options[option.keyword] = value
        return PluginUse(use.plugin, options, use.where)

    def refuse_unknown(self, known: set[str]) -> None:
        for name in self.options:
            if name not in known:
                raise ImproperlyConfigured(
                    f"{self.where}: OPTIONS has an unknown key {name!r}."
                    f"{_nearest(str(name), known)}"
                )
        for option in PLUGIN_OPTIONS:
            self.value(option)


def _nearest(name: str, known: set[str]) -> str:
    close = get_close_matches(name.upper(), {other.upper() for other in known}, 1, 0.6)
    match = next((other for other in known if close and other.upper() == close[0]), None)
    return f" Did you mean {match!r}?" if match else ""


def _keywords(plugin: type[Any]) -> set[str]:
    """The keyword arguments that a plugin's constructors take, along its base classes."""
    names: set[str] = set()
    for base in plugin.__mro__:
        if "__init__" not in vars(base) or base is object:
            continue
        parameters = list(inspect.signature(vars(base)["__init__"]).parameters.values())[1:]
        names |= {
            parameter.name
            for parameter in parameters
            if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
        }
        if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
            break
    return names - {"context", "connection"}


def _version(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError("an int")
    return value


def _timeout(value: Any) -> float | None:
    if value is None:
        return None
    # Django reads it by int(), so "300" from the environment has always worked.
    if isinstance(value, str) and value.strip().lstrip("-").isdigit():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        raise ValueError("a number of seconds, or None for entries that never expire")
    return value
