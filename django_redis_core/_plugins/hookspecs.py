"""The hooks. A plugin implements them with ``django_redis_core.hookimpl``.

Those that begin with ``register_`` offer a part of a cache: each returns a class, so import what
needs a library inside the hook, which runs only when settings name the plugin. The others act, on
cold paths: when a cache is built or checked, and for commands. None is called per operation, and
none because its distribution is installed: settings name the plugin (as a part of a cache, or in
``DJANGO_REDIS_PLUGINS``), or a project registers it.

A module that offers parts is asked about the caches that use one of them, a module of hooks alone
about every cache. Implementations take those of the arguments that they need. Each is called for
itself, so that one that raises or returns nonsense is named and takes no other with it; a
``wrapper=True`` of pluggy's is put around each of these calls.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.core.checks import CheckMessage

    from ..interfaces import (
        BuiltCache,
        CacheOptions,
        Client,
        Compressor,
        ConnectionFactory,
        EntryColumn,
        Finding,
        Sealer,
        Serializer,
        ServerColumn,
        Subcommand,
    )

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


@hookspec
def redis_cache_subcommands() -> Iterable[Subcommand]:
    """Adds subcommands to ``manage.py redis_cache``.

    Returns ``Subcommand`` objects. It is called for each ``redis_cache``, to make the command line,
    so what it returns does no work until its ``report`` is called. A name that the core or another
    plugin has too is an error of that name alone, which says whose they are.
    """
    raise AssertionError("a specification is not called")


@hookspec
def examine(cache: BuiltCache) -> Iterable[Finding] | None:
    """Tells ``manage.py redis_cache doctor`` of a cache: what is wrong, could be better, is well.

    Returns ``Finding`` objects; their texts name no password. It is called whether the servers
    answer or not, after the doctor's own look at them, and may ask them by ``cache.call``. Clients
    have a method of this name besides, which composes with those of other clients.
    """
    raise AssertionError("a specification is not called")


@hookspec
def stats_columns(cache: BuiltCache) -> Iterable[ServerColumn | EntryColumn] | None:
    """Adds columns to ``manage.py redis_cache stats``: of each server, or of each family of keys.

    It is called once, before the servers are asked and keys are looked at; the columns say what
    else to ask and how to count it.
    """
    raise AssertionError("a specification is not called")


@hookspec
def check_cache(options: CacheOptions, cache: BuiltCache) -> Iterable[CheckMessage] | None:
    """Adds to Django's system checks of the caches (``manage.py check``).

    Returns messages of ``django.core.checks``, each with an ``id`` of the plugin's own, such as
    ``"acme_audit.W001"``; ``django_redis_core.`` is the core's. Settings that are refused are
    errors already, and such a cache is not checked. No I/O: a check connects to nothing. A message
    that does not name the cache gets ``CACHES['…']:`` before it.
    """
    raise AssertionError("a specification is not called")


# Historic by our own memory (``_engine/built.py``) and not by pluggy's: that would keep every cache
# for ever, of a plugin that raises it would tell nobody else, and it cannot be called for one
# plugin at a time. The mark has pluggy refuse wrappers, which a call for the past cannot have.
@hookspec(historic=True)
def cache_built(alias: str, cache: BuiltCache) -> None:
    """Is told of every cache of this process, once each, as it is built; what was built before the
    plugin was registered it is told at its registration.

    All caches are told, not only those that use a part of the plugin. ``cache`` keeps nothing
    alive, and tells by ``alive`` whether the cache is still in use. Changed settings, as in tests,
    build caches anew, and their hooks are called again. It runs in the first call of a cache, on an
    event loop perhaps, and in any thread: no I/O, and no waiting for others. What it raises is
    logged, and the cache works.
    """
    raise AssertionError("a specification is not called")


#: The kinds of plugin, as they are called in errors and listings.
KINDS = ("serializer", "compressor", "sealer", "connection_factory", "client")

#: The hooks with which a plugin acts, beside those that offer a part of a cache.
ACTS = ("redis_cache_subcommands", "examine", "stats_columns", "check_cache", "cache_built")
