"""What is said of names that nobody offers, and of hooks that cannot be."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from difflib import get_close_matches

import pluggy

from . import hookspecs
from .catalogue import OURS
from .checked import words
from .hookspecs import ACTS, KINDS

#: The names of all hooks.
HOOKS = (*(f"register_{kind}" for kind in KINDS), *ACTS)


def unknown_hook(called: str, source: object, unknown: Iterable[str]) -> str:
    """Of functions that are marked and no hooks."""
    names = sorted(unknown)
    close = [match for name in names for match in get_close_matches(name, HOOKS, 1)]
    return (
        f"{source}: {called} marks {' and '.join(names)} with "
        "django_redis_core.hookimpl, and there is no such hook."
        f"{f' Did you mean {close[0]}?' if close else ''} The hooks are "
        f"{', '.join(HOOKS[:-1])} and {HOOKS[-1]}."
    )


def unusable_hook(
    plugin: object, called: str, source: object, error: pluggy.PluginValidationError
) -> str:
    """Of a hook that pluggy refuses: for arguments that it is not given, as a rule."""
    for name in HOOKS:
        given = list(inspect.signature(getattr(hookspecs, name)).parameters)
        if extra := [argument for argument in _taken(plugin, name) if argument not in given]:
            has = f"it is given {' and '.join(given)}" if given else "the hook has no arguments"
            return f"{source}: {name} of {called} takes {' and '.join(extra)}, and {has}."
    words = " ".join(str(error).split())  # pluggy's take three lines
    return f"{source}: a hook of {called} cannot be used: {words}."


def _taken(plugin: object, name: str) -> tuple[str, ...]:
    """The arguments that an implementation must be given."""
    function = getattr(plugin, name, None)
    if not hasattr(function, f"{hookspecs.PROJECT}_impl"):
        return ()
    return tuple(
        one.name
        for one in inspect.signature(function).parameters.values()  # type: ignore[arg-type]
        if one.default is one.empty and one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)
    )


def not_found(kind: str, name: str, where: str, available: list[str], others: list[str]) -> str:
    """Of a name that nobody offers as ``kind``; ``others`` are the kinds that bear it."""
    parts = [f"{where}: there is no {words(kind)} named {name!r}."]
    if OURS.get(name) == kind:
        parts.append(f"Install it with: pip install 'django-redis-core[{name}]'.")
    elif name in OURS or others:
        parts.append(f"{name!r} is a {' and a '.join(map(words, others or [OURS[name]]))}.")
    else:
        ours = [other for other, of in OURS.items() if of == kind]
        close = get_close_matches(name, [*available, *ours], 1, 0.5)
        if close and close[0] in available:
            parts.append(f"Did you mean {close[0]!r}?")
        elif close:
            parts.append(
                f"Did you mean {close[0]!r}? "
                f"Install it with: pip install 'django-redis-core[{close[0]}]'."
            )
    parts.append(f"Installed: {', '.join(available)}.")
    return " ".join(parts)
