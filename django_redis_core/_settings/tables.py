"""The names in a CACHES entry: what each means, its unit, its default and what it may be."""

from __future__ import annotations

from typing import Any

from django.core.cache.backends.base import default_key_func

from .._codec.timeouts import MAX_MILLISECONDS, milliseconds
from .._options.option import (
    Option,
    addresses,
    boolean,
    importable,
    integer,
    mapping,
    names_or_all,
    one_of,
    optional,
    seconds,
    text,
)

#: Where each part of a cache is named, and what is used when it is not (None: nothing).
PLUGIN_KEYS: dict[str, tuple[str, str | None]] = {
    "CLIENT": ("client", "default"),
    "SERIALIZER": ("serializer", "pickle"),
    "COMPRESSOR": ("compressor", "identity"),
    "SEALER": ("sealer", "none"),
    "CONNECTION_FACTORY": ("connection_factory", "single"),
    "OBSERVERS": ("observer", None),
}

#: Parts of which a cache may have several.
SEVERAL = frozenset({"CLIENT", "SERIALIZER", "COMPRESSOR", "OBSERVERS"})

#: Options of all Django backends that mean nothing to Redis, which evicts by its own settings.
WITHOUT_EFFECT = frozenset({"MAX_ENTRIES", "CULL_FREQUENCY"})


def _timeout(value: Any) -> float | None:
    words = "a number of seconds, or None for entries that never expire"
    if value is None:
        return None
    try:
        # Django reads it by int(), so "300" from the environment has always worked.
        timeout: float = int(value) if isinstance(value, str) else value
        if isinstance(timeout, bool):
            raise TypeError
        milliseconds(timeout)
    except (TypeError, ValueError):
        raise ValueError(f"{words} (Redis keeps at most {MAX_MILLISECONDS // 1000})") from None
    return timeout


def _version(value: Any) -> Any:
    """None is what Django's functions make of it in a key: the word."""
    return value if isinstance(value, str) else "None" if value is None else integer()(value)


def _parser(value: Any) -> Any:
    if value in ("redis.connection.HiredisParser", "redis.connection.PythonParser"):
        raise ValueError(
            "left out: redis-py 5 and later have no class of this name, and take hiredis where "
            "it is installed"
        )
    return importable(value)


#: What stands in the entry itself, beside OPTIONS.
ENTRY_OPTIONS: tuple[Option, ...] = (
    Option("KEY_PREFIX", "key_prefix", text, "", doc="Text before every key."),
    Option("VERSION", "version", _version, 1, doc="The version of keys that name none."),
    Option("TIMEOUT", "timeout", _timeout, 300, doc="Seconds until an entry expires; None: never."),
    Option(
        "KEY_FUNCTION",
        "key_function",
        optional(importable),
        default_key_func,
        doc="A function of key, prefix and version that makes the key as stored.",
    ),
    Option(
        "REVERSE_KEY_FUNCTION",
        "reverse_key_function",
        optional(importable),
        None,
        doc="A function from the stored key to the caller's, for a KEY_FUNCTION that hides it.",
    ),
    Option(
        "KEY_PATTERN_FUNCTION",
        "key_pattern_function",
        optional(importable),
        None,
        doc="A function of pattern, prefix and version that makes a glob pattern for stored keys, "
        "for a KEY_FUNCTION of the site's.",
    ),
)

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
        "IGNORE_EXCEPTIONS_FOR",
        "ignore_exceptions_for",
        optional(names_or_all),
        None,
        "DJANGO_REDIS_IGNORE_EXCEPTIONS_FOR",
        'Operations that answer under IGNORE_EXCEPTIONS though they fail closed by default: "all", '
        "or a list of their names.",
    ),
    Option(
        "LOG_IGNORED_EXCEPTIONS",
        "log_ignored_exceptions",
        boolean,
        False,
        "DJANGO_REDIS_LOG_IGNORED_EXCEPTIONS",
        "Log what is ignored, with a traceback.",
    ),
    Option(
        "LOG_IGNORED_LEVEL",
        "log_ignored_level",
        one_of("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"),
        "ERROR",
        doc="The level at which that is logged.",
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
        "MAX_DECOMPRESSED_TOTAL",
        "max_decompressed_total",
        optional(integer(1)),
        None,
        doc="Bytes that the compressed values of one call may unpack to together; with more it "
        "raises `CallTooLarge`. Default: four times `MAX_DECOMPRESSED_SIZE`, which it is never "
        "less than.",
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
    Option(
        "READ_FROM",
        "read_from",
        optional(one_of("replicas", "nearest", "primary")),
        doc='Which server answers reads, where there are several: "replicas" one of them by '
        'chance, "nearest" that of the lowest latency, "primary" never a replica. Default: what '
        "LOCATION says.",
    ),
    Option(
        "ASYNC_CONNECTIONS",
        "async_connections",
        integer(1),
        1,
        doc="Connections to each server that the tasks of an event loop share.",
    ),
    Option(
        "READ_YOUR_WRITES",
        "read_your_writes",
        optional(seconds),
        doc="Seconds for which what this process has written is read from the primary, where "
        "replicas answer reads. Default: not at all.",
    ),
    Option(
        "REPLICA_MAX_LAG",
        "replica_max_lag",
        optional(seconds),
        doc="Seconds that a replica may be behind its primary and still answer reads. Default: it "
        "may be any.",
    ),
    Option("PARSER_CLASS", "parser_class", optional(_parser), doc="redis-py's parser class."),
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
        "ASYNC_CONNECTION_CLASS",
        "async_connection_class",
        optional(importable),
        doc="What makes asyncio's connections: the counterpart of `connection_class` in "
        "CONNECTION_POOL_KWARGS, without which asyncio's calls are refused.",
    ),
    Option(
        "ASYNC_CONNECTION_POOL_CLASS",
        "async_pool_class",
        optional(importable),
        doc="The pool of `get_async_redis_connection`: the counterpart of CONNECTION_POOL_CLASS.",
    ),
    Option(
        "ASYNC_REDIS_CLIENT_CLASS",
        "async_client_class",
        optional(importable),
        doc="The class of `get_async_redis_connection`'s client: the counterpart of "
        "REDIS_CLIENT_CLASS, which is given REDIS_CLIENT_KWARGS too.",
    ),
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
