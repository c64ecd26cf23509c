"""From a stored key of one cache to the key of the same entry in another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..._codec.keys import Keys


@dataclass(frozen=True)
class Route:
    """``match`` finds the keys of the first cache, those that ``picks`` says (None: all); ``new``
    makes another's key of one. ``same``: both are always the same key. ``versions`` is "all", or
    "own" where only keys of the first cache's VERSION can be told by their names.
    """

    match: str
    new: Callable[[str], str]
    same: bool
    versions: str
    picks: Callable[[str], bool] | None = None


def route(source: Keys, target: Keys) -> Route:
    """How keys of ``source`` become those of ``target``: the prefix is the target's, the version
    stays. Raises ``ImproperlyConfigured`` where KEY_FUNCTION of ``source`` hides what its keys are
    called."""
    if type(source) is type(target) is Keys and source.function is target.function:
        if source.prefix == target.prefix:
            return Route(source.everything(), str, same=True, versions="all")
        if source.plain:
            head, cut = target.prefix, len(source.prefix)
            return Route(
                source.everything(), lambda key: head + key[cut:], same=False, versions="all"
            )
    if type(source) is Keys and source.plain:
        return Route(source.everything(), _by_version(source, target), same=False, versions="all")
    found = source.search("*", names=True)
    name, version = found.name or str, source.version
    return Route(
        found.match,
        lambda key: target.make(name(key), version),
        same=False,
        versions="own",
        picks=found.picks,
    )


def _by_version(source: Keys, target: Keys) -> Callable[[str], str]:
    cut = len(source.prefix) + 1

    def new(key: str) -> str:
        version, _, name = key[cut:].partition(":")
        return target.make(name, _version(version))

    return new


def _version(text: str) -> Any:
    """A number as sites write it, so that a KEY_FUNCTION may format it."""
    return int(text) if text.isdecimal() and text == str(int(text)) else text
