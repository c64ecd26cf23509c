"""The hooks. A plugin implements the one of its kind with ``django_redis_core.hookimpl``.

Hooks are called when a cache is built, never per operation. Each returns a class, so import what
needs a library inside the hook: it runs only when settings name the plugin.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from ..interfaces import Client, Compressor, ConnectionFactory, Sealer, Serializer

PROJECT = "django_redis_core"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
"""Marks a function as a plugin's hook: its name is one of those here. Of
https://pluggy.readthedocs.io/en/stable/."""


@hookspec
def register_serializer() -> type[Serializer]:
    """Offers a serializer: value ↔ bytes."""
    raise AssertionError("a specification is not called")


@hookspec
def register_compressor() -> type[Compressor]:
    """Offers a compressor: bytes ↔ fewer bytes."""
    raise AssertionError("a specification is not called")


@hookspec
def register_sealer() -> type[Sealer]:
    """Offers a sealer: authenticates or encrypts values, bound to their keys."""
    raise AssertionError("a specification is not called")


@hookspec
def register_connection_factory() -> type[ConnectionFactory]:
    """Offers a connection factory: LOCATION and options → servers."""
    raise AssertionError("a specification is not called")


@hookspec
def register_client() -> type[Client]:
    """Offers a client: what an operation means."""
    raise AssertionError("a specification is not called")


#: The kinds of plugin, as they are called in errors and listings.
KINDS = ("serializer", "compressor", "sealer", "connection_factory", "client")
