"""The base classes that plugins subclass, one module a kind, and the checks for their options."""

from django.core.cache.backends.base import DEFAULT_TIMEOUT

from ..deprecation import Deprecation
from ..options_spec import (
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
from .client import ALL_OTHERS, CHANGES_ENTRIES, Client, ClientContext, Finding
from .compressor import Compressor
from .connection_factory import ConnectionFactory
from .plugin import API_VERSION, OLDER_API_VERSIONS, Plugin
from .sealer import Sealer
from .serializer import Serializer

__all__ = [
    "ALL_OTHERS",
    "API_VERSION",
    "CHANGES_ENTRIES",
    "DEFAULT_TIMEOUT",
    "OLDER_API_VERSIONS",
    "Client",
    "ClientContext",
    "Compressor",
    "ConnectionFactory",
    "Deprecation",
    "Finding",
    "Option",
    "Plugin",
    "Sealer",
    "Serializer",
    "addresses",
    "boolean",
    "integer",
    "mapping",
    "one_of",
    "optional",
    "seconds",
    "text",
]
