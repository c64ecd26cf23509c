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
from ..interfaces import Call, Number, Observer

End = Callable[[Any], object]


class Watchers:
    """Those of a cache's observers that override one of the methods, or its ``…_ended``, in their
    order.

    ``end`` is whom to call when a call or a trip has ended. None where somebody wants to know of
    the beginning: then ``begin`` tells of that and returns whom to call at the end, or None. Of one
    observer each is the method itself, so that no call is made but that.
    """

    begin: Callable[[Any], End | None]
    end: End | None = None

    def __init__(
        self, method: str, observers: Iterable[Observer], logger: logging.Logger, alias: str
    ) -> None:
        watching = [
            (_overridden(one, method), _overridden(one, f"{method}_ended")) for one in observers
        ]
        self._watching = watching = [pair for pair in watching if any(pair)]
        ends = [end for begin, end in watching if end is not None and begin is None]
        self.begin = self._begin_all
        if len(ends) == len(watching):
            self.end = ends[0] if len(ends) == 1 else functools.partial(self._end_all, ends)
        elif len(watching) == 1 and watching[0][1] is None and watching[0][0] is not None:
            self.begin = watching[0][0]
        self._logger = logger
        self._alias = alias
        self._logged: set[tuple[str, str]] = set()

    def __bool__(self) -> bool:
        return bool(self._watching)

    def begun(self, subject: Any) -> End | None:
        """Tells of the beginning where somebody wants to know; whom to call at the end."""
        if self.end is not None:
            return self.end
        try:
            return self.begin(subject)
        except BaseException as error:
            self.not_begun(error)
        return None

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
        for begin, ended in self._watching:
            if ended is not None:
                ends.append(ended)
            if begin is None:
                continue
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


def _overridden(observer: Observer, method: str) -> Callable[[Any], Any] | None:
    if getattr(type(observer), method) is getattr(Observer, method):
        return None
    return getattr(observer, method)  # type: ignore[no-any-return]


class Plans(dict[str, "Plan"]):
    """For each operation that was called in one ``way``, the ``Plan`` of it."""

    def __init__(self, alias: str, way: str, operations: Mapping[str, Declaration]) -> None:
        self._alias = alias
        self._way = way
        self._operations = operations

    def __missing__(self, name: str) -> Plan:
        declaration = self._operations.get(name)
        self[name] = plan = Plan(
            Call.called(name, self._way, self._alias, declaration), declaration
        )
        return plan


class Plan:
    """What the driver has to know of an operation to tell of it, found out once. What is no
    operation of the client (a lock's, a pipeline's) has no ``declaration``."""

    __slots__ = ("call", "default", "immediate", "lookup", "place")

    def __init__(self, call: type[Call], declaration: Declaration | None) -> None:
        self.call = call
        #: It may ask for a runner, for an object that lives longer than the call.
        self.immediate = declaration is not None and declaration.immediate
        self.lookup = None if declaration is None else _lookup(declaration)
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

    def __init__(self, options: CacheOptions, logger: logging.Logger) -> None:
        self.all: list[Observer] = [use.build() for use in options.observers]
        self.calls = Watchers("operation", self.all, logger, options.alias)
        self.trips = Watchers("round_trip", self.all, logger, options.alias)

    def attach(self, alias: str, numbers: Callable[[], list[Number]]) -> None:
        """Tells them where the cache's numbers are."""
        for one in self.all:
            one.attached(alias, numbers)
