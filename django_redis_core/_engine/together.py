"""Whether the operations of several clients can be one cache's.

A client may add operations, and keywords to operations that are there. Both are told at a glance
when a cache is built, by the functions' signatures; nothing is looked at when it is used.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.core.cache.backends.base import BaseCache
from django.core.exceptions import ImproperlyConfigured

from .._operations.declare import Declaration, declared, overrides, own_keywords
from ..interfaces import OPERATIONS, Client

#: Methods and attributes of a cache that are no operations, beside those of Django's BaseCache.
RESERVED = frozenset(
    "aclose alias apipeline async_raw_client built client default_timeout execute key_func "
    "key_prefix make_pattern numbers pipeline raw_client version".split()
)


def refuse_operations(where: str, clients: Sequence[type[Client]]) -> None:
    """Raises ImproperlyConfigured where two clients declare one name, where a name is taken, and
    where a client cannot hand on an argument that one inside of it adds."""
    owners: dict[str, tuple[type[Client], Declaration]] = {}
    operations = [declared(client) for client in clients]
    for client, declarations in zip(clients, operations, strict=True):
        for name, declaration in _own_declarations(declarations).items():
            _refuse_name(where, client, declaration)
            other, theirs = owners.setdefault(name, (client, declaration))
            if theirs.function is not declaration.function:
                raise ImproperlyConfigured(
                    f"{where}: {other.name!r} and {client.name!r} both declare the operation "
                    f"{name!r}, which can be only one of them: leave one out."
                )
    for place, inner in enumerate(clients):
        for outer in clients[:place]:
            _refuse_lost(where, outer, inner, operations[place])


def _own_declarations(declarations: Mapping[str, Declaration]) -> dict[str, Declaration]:
    """What a client declares itself, also of operations that the core has."""
    return {
        name: declaration
        for name, declaration in declarations.items()
        if name not in OPERATIONS or declaration.function is not OPERATIONS[name].function
    }


def _refuse_name(where: str, client: type[Client], declaration: Declaration) -> None:
    name = declaration.name
    if name in OPERATIONS:
        return
    taken = {*dir(BaseCache), *RESERVED, *OPERATIONS, *(f"a{other}" for other in OPERATIONS)}
    for method in (name, f"a{name}"):
        if method in taken or name.startswith("_"):
            raise ImproperlyConfigured(
                f"{where}: the client {client.name!r} declares the operation {name!r}, but "
                f"{method!r} is no name for one: a cache has it already, or it begins with an "
                "underscore. Give the method another name."
            )


def _refuse_lost(
    where: str,
    outer: type[Client],
    inner: type[Client],
    operations: Mapping[str, Declaration],
) -> None:
    for name, declaration in operations.items():
        # What takes long comes last: most operations are not both clients' own.
        core = getattr(Client, name, None)
        if getattr(outer, name, None) is core or getattr(inner, name, None) is core:
            continue
        own = _own_functions(outer, name)
        if not own or _takes_all(own[-1]):
            continue
        known = inspect.signature(declaration.function).parameters
        takes = {parameter.name for parameter in own_keywords(own[-1])}
        for override in _own_functions(inner, name):
            for parameter in own_keywords(override):
                if parameter.name not in known and parameter.name not in takes:
                    raise ImproperlyConfigured(
                        f"{where}: {outer.name!r} stands outside of {inner.name!r} and cannot "
                        f"hand on {parameter.name}=, which {inner.name!r} adds to {name}(). Write "
                        f"{[inner.name, outer.name]}, or let {name}() of {outer.name!r} take "
                        "**kwargs and hand them to super()."
                    )


def _own_functions(client: type[Client], name: str) -> list[Callable[..., Any]]:
    """The functions of a client for an operation, without the core's; the outermost last."""
    core = overrides(name, Client)
    return [function for function in overrides(name, client) if function not in core]


def _takes_all(function: Callable[..., Any]) -> bool:
    parameters = inspect.signature(function).parameters.values()
    return any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)
