"""The caches of this process, and who has been told of which (``cache_built``).

Nothing here keeps a cache: what its backends and settings have forgotten is forgotten here too.
"""

from __future__ import annotations

import logging
import os
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from .._plugins.registry import registry
from ..interfaces import BuiltCache

if TYPE_CHECKING:
    from typing import Protocol

    from .._plugins.asking import Answer
    from .._plugins.sources import Hooked
    from .._settings import CacheOptions
    from ..interfaces.built import Built

    class Engine(Built, Protocol):
        """A cache, put together."""

        @property
        def alias(self) -> str: ...
        @property
        def options(self) -> CacheOptions: ...
        @property
        def logger(self) -> logging.Logger: ...


T = TypeVar("T")


def view(engine: Engine) -> BuiltCache:
    """``engine`` as hooks are handed it."""
    return BuiltCache(engine.alias, weakref.ref(engine))


def ask(
    engine: Engine, hook: str, read: Callable[[Any], T], **arguments: Any
) -> Iterator[Answer[T]]:
    """What plugins say of a cache: those that it uses, and those that are no part of any."""
    uses = [use.plugin for use in engine.options.plugins()]
    return registry.ask(hook, read, uses, cache=view(engine), **arguments)


class _Told:
    """A cache, and the plugins that know of it."""

    def __init__(self, engine: Engine) -> None:
        self.cache = BuiltCache(engine.alias, self._find)
        self.logger = engine.logger
        self.plugins: set[int] = set()
        self.forgotten = False
        self._engine = weakref.ref(engine)

    def _find(self) -> Engine | None:
        return None if self.forgotten else self._engine()


#: By the cache's engine, which keeps its item as long as it lives.
_known: weakref.WeakKeyDictionary[Engine, _Told] = weakref.WeakKeyDictionary()
_lock = threading.RLock()


def remember(engine: Engine) -> None:
    """A cache was built from settings."""
    with _lock:
        _known[engine] = _Told(engine)
    tell()


def forget() -> None:
    """Settings have changed: no cache is theirs any more, whoever holds a backend object still. (A
    context of asyncio's may for long, also in code that has no tasks: asgiref's Local is there.)"""
    with _lock:
        for told in _known.values():
            told.forgotten = True
        _known.clear()


def tell() -> None:
    """Tells each plugin of the caches that it has not been told of. No plugin runs under a lock:
    who is first to note that it will tell is the one who does."""
    impls = registry.manager.hook.cache_built.get_hookimpls()
    if not impls:
        return
    from .._plugins import asking

    hooked = {id(one.plugin): one for one in registry.hooked()}
    with _lock:
        known = list(_known.values())
    for told in known:
        for impl in reversed(impls):
            of = hooked.get(id(impl.plugin))
            if of is None or not _is_first(told, of):
                continue
            arguments = {"alias": told.cache.alias, "cache": told.cache}
            answer = asking.tell(of, "cache_built", impl, arguments)
            if answer.error is not None:
                told.logger.error("%s", answer.trouble(), exc_info=answer.error)


def _is_first(told: _Told, of: Hooked) -> bool:
    with _lock:
        if id(of.plugin) in told.plugins:
            return False
        told.plugins.add(id(of.plugin))
        return True


def _after_fork() -> None:
    global _lock
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
registry.registered.append(tell)
