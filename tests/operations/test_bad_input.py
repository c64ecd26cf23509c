"""Bad input is refused before any I/O: here the server cannot even be reached."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from django_redis_core.cache import RedisCache
from django_redis_core.exceptions import (
    ConnectionInterrupted,
    InvalidCacheKey,
    SerializationError,
)
from django_redis_core.testing.caller import Caller
from django_redis_core.testing.operations.naming import ON_KEYS
from django_redis_core.testing.operations.timeouts import EVERY

Use = Callable[[Caller, Any], Any]


@pytest.fixture(params=["blocking", "async"])
def cache(request: pytest.FixtureRequest, cache_loop: asyncio.AbstractEventLoop) -> Caller:
    nobody = RedisCache("redis://127.0.0.1:1/0", {"OPTIONS": {"BREAKER_FAILURES": 0}})
    return Caller(nobody, request.param, cache_loop)


def test_the_server_cannot_be_reached(cache: Caller) -> None:
    with pytest.raises(ConnectionInterrupted):
        cache.get("k")


@pytest.mark.parametrize("use", ON_KEYS.values(), ids=ON_KEYS)
def test_a_key_that_is_no_text(cache: Caller, use: Use) -> None:
    with pytest.raises(InvalidCacheKey):
        use(cache, "\udc80")


@pytest.mark.parametrize("name", ["keys", "iter_keys", "delete_pattern"])
def test_a_pattern_that_is_no_text(cache: Caller, name: str) -> None:
    with pytest.raises(InvalidCacheKey):
        list(getattr(cache, name)("\udc80*"))


@pytest.mark.parametrize("change", EVERY.values(), ids=EVERY)
@pytest.mark.parametrize(
    ("timeout", "error"),
    [
        (float("nan"), ValueError),
        (float("inf"), ValueError),
        (1e30, ValueError),
        ("soon", TypeError),
    ],
    ids=str,
)
def test_a_timeout_that_is_none(
    cache: Caller, change: Use, timeout: Any, error: type[Exception]
) -> None:
    with pytest.raises(error):
        change(cache, timeout)


def test_conditions_that_exclude_each_other(cache: Caller) -> None:
    with pytest.raises(ValueError, match="exclude each other"):
        cache.set("k", 1, nx=True, xx=True)


def test_a_value_that_cannot_be_stored(cache: Caller) -> None:
    for value in (10**5000, lambda: None):
        with pytest.raises(SerializationError):
            cache.set("k", value)
        with pytest.raises(SerializationError):
            cache.set_many({"a": 1, "k": value})


def test_nothing_to_do_needs_no_server(cache: Caller) -> None:
    assert cache.get_many([]) == {}
    assert cache.set_many({}) == []
    assert cache.delete_many([]) is None


def test_a_wrong_argument_is_an_error_of_its_line() -> None:
    cache = RedisCache("redis://127.0.0.1:1/0", {})
    with pytest.raises(TypeError, match="colour"):
        cache.get("k", colour="red")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="colour"):
        cache.pipeline().get("k", colour="red")  # type: ignore[call-arg]


@pytest.mark.parametrize("name", ["get", "set_many", "incr"])
async def test_in_a_pipeline_only_the_bad_one_fails(make_cache: Any, name: str) -> None:
    cache = make_cache()
    arguments = {"get": ("\ud800",), "set_many": ({"\ud800": 1},), "incr": ("\ud800",)}[name]
    for pipeline in (cache.pipeline(), cache.apipeline()):
        before = pipeline.set("k", 1)
        bad = getattr(pipeline, name)(*arguments)
        after = pipeline.get("k")
        executed = pipeline.execute(raise_on_error=False)
        values = await executed if asyncio.iscoroutine(executed) else executed
        assert (before.value, after.value) == (True, 1)
        with pytest.raises(InvalidCacheKey):
            _ = bad.value
        assert isinstance(values[1], InvalidCacheKey)
