"""What is said of hooks that cannot be: their names and arguments, where pluggy tells which."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from difflib import get_close_matches

import pluggy

from . import hookspecs
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
