"""The base classes that plugins subclass, one module a kind, and the checks for their options."""

from django.core.cache.backends.base import DEFAULT_TIMEOUT

from .._codec.codec import MISSING, Codec, is_lock_token, reads_as_int
from .._codec.keys import CacheKey, Keys
from .._operations.declare import (
    Arguments,
    Declaration,
    always,
    argument,
    checked,
    operation,
    so_far,
)
from .._options.deprecation import Deprecation
from .._options.option import (
    Option,
    addresses,
    boolean,
    integer,
    mapping,
    one_of,
    optional,
    seconds,
    text,
)
from .built import BuiltCache, CacheOptions
from .client import ALL_OTHERS, CHANGES_ENTRIES, OPERATIONS, Client, ClientContext, Finding
from .compressor import Compressor
from .connection_factory import ConnectionFactory
from .operating import EntryColumn, ServerColumn, Subcommand
from .plugin import API_VERSION, OLDER_API_VERSIONS, Plugin
from .sealer import Sealer
from .serializer import Serializer

__all__ = [
    "ALL_OTHERS",
    "API_VERSION",
    "CHANGES_ENTRIES",
    "DEFAULT_TIMEOUT",
    "MISSING",
    "OLDER_API_VERSIONS",
    "OPERATIONS",
    "Arguments",
    "BuiltCache",
    "CacheKey",
    "CacheOptions",
    "Client",
    "ClientContext",
    "Codec",
    "Compressor",
    "ConnectionFactory",
    "Declaration",
    "Deprecation",
    "EntryColumn",
    "Finding",
    "Keys",
    "Option",
    "Plugin",
    "Sealer",
    "Serializer",
    "ServerColumn",
    "Subcommand",
    "addresses",
    "always",
    "argument",
    "boolean",
    "checked",
    "integer",
    "is_lock_token",
    "mapping",
    "one_of",
    "operation",
    "optional",
    "reads_as_int",
    "seconds",
    "so_far",
    "text",
]
