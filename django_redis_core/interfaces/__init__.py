"""The base classes that plugins subclass, one module a kind, and the checks for their options."""

from django.core.cache.backends.base import DEFAULT_TIMEOUT

from .._codec.codec import MISSING, Codec, is_lock_token, reads_as_int
from .._codec.keys import CacheKey, Keys
from .._codec.lazy import unwrapped
from .._operations.declare import (
    Arguments,
    Declaration,
    always,
    argument,
    checked,
    operation,
    so_far,
)
from .._operations.lookups import by_computing, by_default, by_keys, by_truth
from .._options.deprecation import Deprecation
from .._options.option import (
    Option,
    address_remap,
    addresses,
    boolean,
    integer,
    mapping,
    one_of,
    optional,
    remapped,
    seconds,
    text,
)
from ..connections.trips import Trip
from .built import BuiltCache, CacheOptions
from .client import ALL_OTHERS, CHANGES_ENTRIES, OPERATIONS, Client, ClientContext, Finding
from .compressor import Compressor
from .connection_factory import ConnectionFactory
from .observer import CacheNumbers, Call, Number, Observer
from .operating import EntryColumn, ServerColumn, Subcommand
from .plugin import API_VERSION, OLDER_API_VERSIONS, Plugin
from .sealer import Sealer
from .serializer import NotHarmless, Serializer

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
    "CacheNumbers",
    "CacheOptions",
    "Call",
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
    "NotHarmless",
    "Number",
    "Observer",
    "Option",
    "Plugin",
    "Sealer",
    "Serializer",
    "ServerColumn",
    "Subcommand",
    "Trip",
    "address_remap",
    "addresses",
    "always",
    "argument",
    "boolean",
    "by_computing",
    "by_default",
    "by_keys",
    "by_truth",
    "checked",
    "integer",
    "is_lock_token",
    "mapping",
    "one_of",
    "operation",
    "optional",
    "reads_as_int",
    "remapped",
    "seconds",
    "so_far",
    "text",
    "unwrapped",
]
