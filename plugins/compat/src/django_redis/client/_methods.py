"""How the blocking methods of a client take their arguments: django-redis' order and names."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from django_redis_core.interfaces import OPERATIONS

#: Positional arguments of the operations for which django-redis has another order than
#: django-redis-core, where ``client`` is the last.
_POSITIONS = {
    "set": "key value timeout version client nx xx",
    "incr": "key delta version client ignore_key_check",
    "decr": "key delta version client ignore_key_check",
    "delete_pattern": "pattern version prefix client itersize",
    "iter_keys": "search itersize client version",
    "keys": "search version client itersize",
    "lock": "key version timeout sleep blocking blocking_timeout client thread_local",
    "clear": "client",
}

#: What django-redis-core calls an argument of another name.
_OURS = {"search": "pattern"}


@cache
def positions(name: str) -> tuple[str, ...]:
    """The names of the positional arguments of a blocking method; empty where there may be any
    number of them."""
    if name in _POSITIONS:
        return tuple(_POSITIONS[name].split())
    parameters = list(OPERATIONS[name].signature.parameters.values())[1:]
    if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters):
        return ()
    names = [each.name for each in parameters if each.kind is each.POSITIONAL_OR_KEYWORD]
    return (*names, "client")


def blocking(name: str) -> Callable[..., Any]:
    """The method that runs an operation and waits for it."""

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        if names := positions(name):
            if len(args) > len(names):
                raise TypeError(f"{name}() takes {', '.join(names)}, not {len(args)} arguments.")
            for parameter, value in zip(names, args, strict=False):
                if parameter in kwargs:
                    raise TypeError(f"{name}() got multiple values for argument {parameter!r}")
                kwargs[parameter] = value
            args = ()
        client = kwargs.pop("client", None)
        ours = {_OURS.get(parameter, parameter): value for parameter, value in kwargs.items()}
        return self._run(name, client, args, ours)

    method.__name__ = name
    method.__qualname__ = f"DefaultClient.{name}"
    method.of_core = True  # type: ignore[attr-defined]  # a site's own has no such mark
    return method


def theirs(name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[list[Any], Any]:
    """Arguments of an operation as a site's own method takes them: those that must be given by
    position, for their parameters may have names of the site's, and the others by name."""
    if not positions(name):
        return list(args), dict(kwargs)
    signature = OPERATIONS[name].signature
    known = {each: value for each, value in kwargs.items() if each in signature.parameters}
    given = signature.bind(None, *args, **known).arguments
    del given["self"]
    by_position = [
        given.pop(each.name)
        for each in signature.parameters.values()
        if each.default is each.empty and each.name in given
    ]
    return by_position, {**given, **{each: kwargs[each] for each in kwargs if each not in known}}


def widened(name: str, method: Callable[..., Any]) -> inspect.Signature:
    """The signature of an operation with the keywords that a site's own method adds."""
    signature = OPERATIONS[name].signature
    known = {*signature.parameters, *positions(name), *_OURS}
    added = [
        each.replace(kind=each.KEYWORD_ONLY)
        for each in list(inspect.signature(method).parameters.values())[1:]
        if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY) and each.name not in known
    ]
    # Parameters that must be given may have names of the site's.
    return signature.replace(
        parameters=[
            *signature.parameters.values(),
            *(each for each in added if each.default is not each.empty),
        ]
    )
