"""Calls the hooks with which plugins act: each plugin for itself, and what goes wrong is named.

pluggy's own call of all implementations ends with the first that raises, and does not say whose it
was. So each is called as if it were alone, with the wrappers of the others around it.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import CodeType
from typing import Any, Generic, TypeVar

import pluggy

from .._interrupts import struck
from .sources import Hooked

T = TypeVar("T")


@dataclass(frozen=True)
class Answer(Generic[T]):
    """What a plugin answers, or the error for which there is no answer."""

    of: Hooked
    hook: str
    value: T | None = None
    error: BaseException | None = None

    def trouble(self, words: str | None = None) -> str:
        """What went wrong, and whose fault it is. ``words`` stand for the error's own, which may
        quote a password."""
        error = self.error
        if isinstance(error, Nonsense):
            return f"{self.of.source}: its hook {self.hook} {error}"
        said = str(error) if words is None else words
        kind = type(error).__name__
        what = f"{kind}: {said}" if said else kind
        return f"{self.of.source}: its hook {self.hook} raised {what}"


class Nonsense(Exception):
    """An answer of another type than the hook's. The text ends the sentence "its hook …"."""


def ask(
    manager: pluggy.PluginManager,
    hooked: Iterable[Hooked],
    hook: str,
    read: Callable[[Any], T],
    arguments: Mapping[str, Any],
) -> Iterator[Answer[T]]:
    """The answers of those of ``hooked`` that implement ``hook`` and do not return None, in
    pluggy's order. ``read`` makes what is used from what was returned, or raises Nonsense."""
    by_plugin = {id(one.plugin): one for one in hooked}
    caller: pluggy.HookCaller = getattr(manager.hook, hook)
    found = [impl for impl in reversed(caller.get_hookimpls()) if id(impl.plugin) in by_plugin]
    wrappers = [impl.plugin for impl in found if impl.wrapper or impl.hookwrapper]
    for impl in found:
        if impl.wrapper or impl.hookwrapper:
            continue
        of = by_plugin[id(impl.plugin)]
        kept = [impl.plugin, *wrappers]
        others = [one for one in manager.get_plugins() if not any(one is other for other in kept)]
        try:
            returned = manager.subset_hook_caller(hook, others)(**arguments)
            for value in returned if isinstance(returned, list) else [returned]:
                yield Answer(of, hook, read(value))
        except (Exception, SystemExit) as error:  # which would end a site without a word
            yield blame(_guilty(error, found, by_plugin, of), hook, error)


def tell(
    of: Hooked, hook: str, impl: pluggy.HookImpl, arguments: Mapping[str, Any]
) -> Answer[None]:
    """Calls one implementation of a historic hook, which has no wrappers."""
    try:
        impl.function(**{name: arguments[name] for name in impl.argnames})
    except (Exception, SystemExit) as error:
        return blame(of, hook, error)
    return Answer(of, hook)


def blame(of: Hooked, hook: str, error: BaseException) -> Answer[Any]:
    """The answer that ``error`` stands for; raised again where it is not the plugin's."""
    if isinstance(error, Exception) and struck(error):
        raise error
    return Answer(of, hook, error=error)


def many(kind: type[Any] | tuple[type[Any], ...], words: str) -> Callable[[Any], list[Any]]:
    """A ``read`` for hooks that return several of a kind; ``words`` say what that is."""

    def read(value: Any) -> list[Any]:
        if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
            raise Nonsense(f"returned {_shown(value)}; it must return {words}")
        found = list(value)
        for one in found:
            if not isinstance(one, kind):
                raise Nonsense(f"returned {_shown(one)} among others; it must return {words}")
        return found

    return read


def _shown(value: Any) -> str:
    return f"a {type(value).__name__}"


def _guilty(
    error: BaseException,
    found: Iterable[pluggy.HookImpl],
    by_plugin: Mapping[int, Hooked],
    called: Hooked,
) -> Hooked:
    """Whose code raised: that of the plugin that was called, or of a wrapper around it."""
    whose = {_code(impl.function): by_plugin[id(impl.plugin)] for impl in found}
    for frame, _ in traceback.walk_tb(error.__traceback__):
        called = whose.get(frame.f_code, called)
    return called


def _code(function: Any) -> CodeType | None:
    return getattr(getattr(function, "__func__", function), "__code__", None)
