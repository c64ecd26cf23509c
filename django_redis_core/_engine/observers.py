"""The observers of a cache: built, told, and kept from disturbing anybody."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from .._interrupts import struck
from .._operations.declare import Declaration
from .._operations.lookups import Lookup, by_default, listed
from .._settings import CacheOptions
from ..interfaces import Number, Observer

End = Callable[[Any], object]


class Watchers:
    """Those of a cache's observers that override one of the methods, in their order.

    ``begin`` tells of a call or a trip, and returns whom to call when it has ended, or None. Of one
    observer it is the method itself, so that no call is made but that.
    """

    begin: Callable[[Any], End | None]

    def __init__(
        self, method: str, observers: Iterable[Observer], logger: logging.Logger, alias: str
    ) -> None:
        plain = getattr(Observer, method)
        self._methods = [
            getattr(one, method) for one in observers if getattr(type(one), method) is not plain
        ]
        self.begin = self._methods[0] if len(self._methods) == 1 else self._begin_all
        self._logger = logger
        self._alias = alias
        self._logged: set[tuple[str, str]] = set()

    def __bool__(self) -> bool:
        return bool(self._methods)

    def not_begun(self, error: BaseException) -> None:
        """``begin`` has raised, and its caller is handling that: logs it, or raises it again where
        it is not the observer's."""
        if not self._is_its_own(self.begin, error):
            raise error

    def not_ended(self, end: End, error: BaseException) -> None:
        """The same for what ``begin`` has returned."""
        if not self._is_its_own(end, error):
            raise error

    def ended(self, end: End, subject: Any) -> None:
        """Calls what ``begin`` has returned."""
        try:
            end(subject)
        except BaseException as error:
            self.not_ended(end, error)

    def _begin_all(self, subject: Any) -> End | None:
        ends: list[End] = []
        for begin in self._methods:
            try:
                end = begin(subject)
            except BaseException as error:
                if not self._is_its_own(begin, error):
                    subject.error = error
                    self._end_all(ends, subject)
                    raise
            else:
                if end is not None:
                    ends.append(end)
        if len(ends) < 2:
            return ends[0] if ends else None
        return functools.partial(self._end_all, ends)

    def _end_all(self, ends: Sequence[End], subject: Any) -> None:
        """All of them, the last first, whatever one of them raises."""
        passed: BaseException | None = None
        for end in reversed(ends):
            try:
                end(subject)
            except BaseException as error:
                if not self._is_its_own(end, error):
                    passed = passed or error
        if passed is not None:
            try:
                raise passed
            finally:
                del passed  # its traceback has this frame

    def _is_its_own(self, function: Any, error: BaseException) -> bool:
        """Whether the observer is to blame, which is then logged; else the error is somebody's who
        waits for it further out."""
        if struck(error):
            return False
        name = getattr(function, "__qualname__", type(function).__qualname__)
        module = getattr(function, "__module__", type(function).__module__)
        if (module, name) not in self._logged:
            self._logged.add((module, name))
            self._logger.error(
                "An observer of the cache %r failed: %s.%s raised %s. Calls go on without it; "
                "further errors of it are not logged.",
                self._alias,
                module,
                name,
                type(error).__name__,
                exc_info=error,
            )
        return True


class Plan:
    """What the driver has to know of an operation to tell of it, found out once."""

    __slots__ = ("declaration", "default", "immediate", "lookup", "place")

    def __init__(self, declaration: Declaration) -> None:
        self.declaration = declaration
        #: It may ask for a runner, for an object that lives longer than the call.
        self.immediate = declaration.immediate
        self.lookup = _lookup(declaration)
        #: Where ``default`` stands, if that is what tells hits: nearly every call is such a one,
        #: so the driver does by itself what that lookup does.
        self.place, self.default = -1, None
        if isinstance(self.lookup, by_default):
            self.place, self.default = self.lookup.place, self.lookup.value


def _lookup(declaration: Declaration) -> Lookup | None:
    if declaration.lookup is None and "keys" in declaration.keys:
        code = declaration.function.__code__
        if "keys" in code.co_varnames[: code.co_argcount]:  # and not *keys
            return listed().of(declaration.function)
    return declaration.lookup


class Observers:
    """The observers of one cache. ``calls`` and ``trips`` are those who want to know of each."""

    def __init__(
        self,
        options: CacheOptions,
        operations: Mapping[str, Declaration],
        logger: logging.Logger,
    ) -> None:
        self.all: list[Observer] = [use.build() for use in options.observers]
        self.calls = Watchers("operation", self.all, logger, options.alias)
        self.trips = Watchers("round_trip", self.all, logger, options.alias)
        self.plans = {name: Plan(one) for name, one in operations.items() if self.calls}

    def attach(self, alias: str, numbers: Callable[[], list[Number]]) -> None:
        """Tells them where the cache's numbers are."""
        for one in self.all:
            one.attached(alias, numbers)
