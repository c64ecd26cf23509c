"""Any sequence of operations does what it does in Django's own cache."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache.backends.locmem import LocMemCache
from hypothesis import HealthCheck, settings, strategies
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from django_redis_core.cache import RedisCache
from django_redis_core.testing.caller import WAYS, Caller

keys = strategies.sampled_from(["a", "b", "c", "a:b", "ü"])
several = strategies.lists(keys, max_size=4)
versions = strategies.sampled_from([None, 1, 2])
steps = strategies.sampled_from([-3, -1, 1, 2, 2**40, 2**64])
ways = strategies.sampled_from(WAYS)
values = (
    strategies.integers(-3, 3)
    | strategies.integers()
    | strategies.sampled_from([2**63 - 1, -(2**63), 0.5, None, "", "7", "text", [1, "two"]])
    | strategies.floats(-1e6, 1e6)
    | strategies.text(max_size=5)
    | strategies.binary(max_size=5)
)
data = strategies.dictionaries(keys, values, max_size=4)


class CacheMachine(RuleBasedStateMachine):
    """The same steps on both; each must return the same, or raise the same."""

    cache: RedisCache
    loop: asyncio.AbstractEventLoop

    def __init__(self) -> None:
        super().__init__()
        self.cache.clear()
        self.model = LocMemCache(uuid.uuid4().hex, {})

    def both(self, way: str, name: str, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
        caller = Caller(self.cache, way, self.loop)
        return (
            outcome(lambda: getattr(caller, name)(*args, **kwargs)),
            outcome(lambda: getattr(self.model, name)(*args, **kwargs)),
        )

    def same(self, way: str, name: str, *args: Any, **kwargs: Any) -> None:
        ours, theirs = self.both(way, name, *args, **kwargs)
        assert ours == theirs, (way, name, args, kwargs)
        assert type(ours) is type(theirs)

    @rule(way=ways, key=keys, version=versions)
    def get(self, way: str, key: str, version: int | None) -> None:
        self.same(way, "get", key, "default", version=version)

    @rule(way=ways, key=keys, value=values, version=versions)
    def set(self, way: str, key: str, value: Any, version: int | None) -> None:
        assert self.both(way, "set", key, value, version=version) == (True, None)

    @rule(way=ways, key=keys, value=values, version=versions)
    def add(self, way: str, key: str, value: Any, version: int | None) -> None:
        self.same(way, "add", key, value, version=version)

    @rule(way=ways, key=keys, value=values, version=versions)
    def get_or_set(self, way: str, key: str, value: Any, version: int | None) -> None:
        self.same(way, "get_or_set", key, value, version=version)
        self.same(way, "get_or_set", key, lambda: value, version=version)

    @rule(way=ways, key=keys, delta=steps, version=versions)
    def incr(self, way: str, key: str, delta: int, version: int | None) -> None:
        self.same(way, "incr", key, delta, version=version)
        self.same(way, "decr", key, delta, version=version)
        self.same(way, "incr", key, version=version)

    # Not 0 or less: LocMem keeps such an entry until it looks, and says that it deleted it.
    @rule(way=ways, key=keys, timeout=strategies.sampled_from([None, 100]))
    def touch(self, way: str, key: str, timeout: int | None) -> None:
        self.same(way, "touch", key, timeout)

    @rule(way=ways, key=keys, version=versions)
    def delete(self, way: str, key: str, version: int | None) -> None:
        self.same(way, "delete", key, version=version)

    @rule(way=ways, key=keys, version=versions)
    def has_key(self, way: str, key: str, version: int | None) -> None:
        self.same(way, "has_key", key, version=version)
        assert (key in self.cache) == (key in self.model)

    @rule(way=ways, keys=several, version=versions)
    def get_many(self, way: str, keys: list[str], version: int | None) -> None:
        self.same(way, "get_many", keys, version=version)

    @rule(way=ways, data=data, version=versions)
    def set_many(self, way: str, data: dict[str, Any], version: int | None) -> None:
        self.same(way, "set_many", data, version=version)

    @rule(way=ways, keys=several, version=versions)
    def delete_many(self, way: str, keys: list[str], version: int | None) -> None:
        self.both(way, "delete_many", keys, version=version)

    @rule(way=ways, key=keys, delta=strategies.sampled_from([-1, 1, 2]), version=versions)
    def incr_version(self, way: str, key: str, delta: int, version: int | None) -> None:
        self.same(way, "incr_version", key, delta, version=version)

    def teardown(self) -> None:
        for key in ("a", "b", "c", "a:b", "ü"):
            for version in range(-2, 6):
                self.same("blocking", "get", key, "default", version=version)


def outcome(function: Callable[[], Any]) -> Any:
    """What ``function`` returns, or which of Django's documented errors it raises."""
    try:
        return function()
    except (ValueError, TypeError) as error:
        return ValueError if isinstance(error, ValueError) else TypeError


@pytest.mark.filterwarnings("error")
def test_it_does_what_djangos_cache_does(
    make_cache: Callable[..., RedisCache], cache_loop: asyncio.AbstractEventLoop
) -> None:
    machine = type("Machine", (CacheMachine,), {"cache": make_cache(), "loop": cache_loop})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=30,
            stateful_step_count=30,
            deadline=None,
            database=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
