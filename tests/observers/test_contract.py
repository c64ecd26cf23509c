"""The contract finds what is wrong with an observer, and lets a right one pass."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any, ClassVar

import pytest

from django_redis_core.interfaces import Call, Observer
from django_redis_core.testing import ObserverContract
from django_redis_core.testing.fixtures import MakeCache

current: ContextVar[str] = ContextVar("current_call", default="")


class Right(Observer):
    name = "right"

    def operation(self, call: Call) -> Any:
        token = current.set(call.operation)
        return lambda call: current.reset(token)


class Leaking(Observer):
    name = "leaking"

    def operation(self, call: Call) -> None:
        current.set(call.operation)


class Keeping(Observer):
    name = "keeping"
    kept: ClassVar[list[Call]] = []

    def operation(self, call: Call) -> None:
        self.kept.append(call)


class Awaited(Observer):
    name = "awaited"

    async def operation(self, call: Call) -> None:  # type: ignore[override]
        """Nobody awaits it."""


class Idle(Observer):
    name = "idle"


def contract(plugin: type[Observer]) -> Any:
    class Of(ObserverContract):
        name = plugin.name

        @classmethod
        def plugin_class(cls) -> type[Any]:
            return plugin

    return Of()


LEAKS = "test_nothing_of_it_stays_in_the_callers_context"


@pytest.mark.parametrize(("plugin", "test"), [(Leaking, LEAKS), (Keeping, "test_it_keeps_no_call")])
def test_a_mistake_is_found(make_cache: MakeCache, plugin: type[Observer], test: str) -> None:
    getattr(contract(Right), test)(make_cache({"OBSERVERS": Right}))
    with pytest.raises(AssertionError):
        getattr(contract(plugin), test)(make_cache({"OBSERVERS": plugin}))
    Keeping.kept.clear()


@pytest.mark.parametrize("plugin", [Awaited, Idle])
def test_a_class_that_observes_nothing_is_found(plugin: type[Observer]) -> None:
    contract(Right).test_it_observes_something()
    with pytest.raises(AssertionError):
        contract(plugin).test_it_observes_something()
