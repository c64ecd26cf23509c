"""A CACHES entry → one frozen, validated dataclass.

The only package that reads options and settings. Everything that can be wrong with an entry is
said here, before any I/O, naming the alias, what was written and what to write instead; the user's
dict is never changed, and no error and no repr shows a password.
"""

from ..connections import ConnectionOptions
from .budget import request_budget
from .entries import (
    BACKEND,
    backend_of,
    describe_installed,
    find_alias,
    our_entries,
    unknown_settings,
    used_plugins,
)
from .listed import load_listed
from .mistakes import each_of
from .model import CacheOptions, PluginUse
from .parser import parse
from .tables import (
    CACHE_OPTIONS,
    CONNECTION_OPTIONS,
    ENTRY_OPTIONS,
    PLUGIN_KEYS,
    PLUGIN_OPTIONS,
)

__all__ = [
    "BACKEND",
    "CACHE_OPTIONS",
    "CONNECTION_OPTIONS",
    "ENTRY_OPTIONS",
    "PLUGIN_KEYS",
    "PLUGIN_OPTIONS",
    "CacheOptions",
    "ConnectionOptions",
    "PluginUse",
    "backend_of",
    "describe_installed",
    "each_of",
    "find_alias",
    "load_listed",
    "our_entries",
    "parse",
    "request_budget",
    "unknown_settings",
    "used_plugins",
]
