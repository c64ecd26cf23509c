"""The clients that settings name, put together, or refused with their names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import permutations

from django.core.exceptions import ImproperlyConfigured

from .._codec.codec import Codec
from .._codec.keys import Keys
from .._settings import CacheOptions, PluginUse
from ..interfaces import Client, ClientContext
from ..interfaces.client import compose, misplaced
from .together import refuse_operations


def client_of(options: CacheOptions, naming: Keys, codec: Codec) -> Client:
    """The object that has a cache's operations, or ImproperlyConfigured where the clients that
    settings name cannot work together."""
    uses = options.clients
    _refuse_impossible(uses)
    context = ClientContext(
        alias=options.alias,
        naming=naming,
        codec=codec,
        default_timeout=options.timeout,
        scan_itersize=options.scan_itersize,
        clear_by_prefix=options.clear == "prefix" and bool(options.key_prefix),
        delete_unreadable=options.delete_unreadable,
        ignore_exceptions=options.ignore_exceptions,
    )
    try:
        whole = compose([use.plugin for use in uses], [use.options for use in uses])
    except TypeError as error:
        raise ImproperlyConfigured(
            f"{uses[0].where}: {', '.join(use.plugin.name for use in uses)} cannot be put "
            f"together in this order: {error}"
        ) from error
    client: Client = PluginUse(whole, uses[0].options, uses[0].where).build(context)
    return client


def _refuse_impossible(uses: Sequence[PluginUse]) -> None:
    names = [use.plugin.name for use in uses]
    for use in uses:
        for other, reason in use.plugin.conflicts.items():
            if other in names:
                raise ImproperlyConfigured(
                    f"{use.where}: {use.plugin.name!r} cannot work together with {other!r}: "
                    f"{reason}."
                )
        if names.count(use.plugin.name) > 1:
            raise ImproperlyConfigured(f"{use.where} names {use.plugin.name!r} twice.")
    clients = [use.plugin for use in uses]
    _refuse_order(uses[0].where, clients)
    refuse_operations(uses[0].where, clients)


def _refuse_order(where: str, clients: Sequence[type[Client]]) -> None:
    found = misplaced(clients)
    if found is None:
        return
    outer, inner, reason = found
    right = next((order for order in permutations(clients) if misplaced(order) is None), None)
    advice = f"Write {_names(right)}." if right else "No order of these works: leave one out."
    raise ImproperlyConfigured(
        f"{where}: {_names(clients)} puts {outer.name!r} outside of {inner.name!r}, which must be "
        f"the other way round: {reason}. {advice}"
    )


def _names(clients: Iterable[type[Client]]) -> str:
    return str([client.name for client in clients])
