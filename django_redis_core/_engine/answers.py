"""What operations answer while a server is in trouble and the site ignores that."""

from __future__ import annotations

from collections.abc import Mapping

from django.core.exceptions import ImproperlyConfigured

from .._operations.declare import Declaration, Fallback
from .._options.option import nearest
from .._options.redaction import shown
from .._settings import CacheOptions

_NONE: Mapping[str, Fallback] = {}


def answers_of(
    options: CacheOptions,
    operations: Mapping[str, Declaration],
    instead: Mapping[str, Fallback] = _NONE,
) -> Mapping[str, Fallback]:
    """The answers of a cache's operations by name; what is not in it raises.

    ``instead`` are those of a backend whose users know others. What fails closed is among them only
    where IGNORE_EXCEPTIONS_FOR does not say which operations answer. Raises ImproperlyConfigured
    for names in that which are none.
    """
    named = options.ignore_exceptions_for
    if isinstance(named, tuple):
        _refuse_unknown(options.alias, named, operations)
    if not options.ignore_exceptions:
        return {}
    found = {}
    for name, declaration in operations.items():
        answer = instead.get(name)
        if declaration.fallback is not None:
            found[name] = answer or declaration.fallback
        elif named is None:
            if answer is not None:
                found[name] = answer
        elif not declaration.immediate and (named == "all" or name in named):
            found[name] = answer or declaration.if_named
    return found


def fail_closed(operations: Mapping[str, Declaration]) -> list[str]:
    """The operations that raise by default. Not those that ask no server, such as ``lock``: they
    are not in trouble, what they return may be."""
    return sorted(
        name
        for name, declaration in operations.items()
        if declaration.fallback is None and not declaration.immediate
    )


def _refuse_unknown(
    alias: str, named: tuple[str, ...], operations: Mapping[str, Declaration]
) -> None:
    choices = fail_closed(operations)
    for name in named:
        declaration = operations.get(name)
        if declaration is not None and not (declaration.fallback is None and declaration.immediate):
            continue  # get and its like answer anyhow
        if declaration is not None:
            why = f"{name!r}, which asks no server: what it returns raises, whatever is ignored."
        else:
            why = f"{shown(name)}, which is no operation of this cache.{nearest(name, choices)}"
        raise ImproperlyConfigured(
            f"CACHES[{alias!r}]: IGNORE_EXCEPTIONS_FOR names {why} Those that fail closed, and may "
            f"be named, are {', '.join(choices)}."
        )
