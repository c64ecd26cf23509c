"""Caches on herd, in both formats, and a clock that can be put forward."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from django_redis_core.cache import RedisCache
from django_redis_core_herd import entries

pytest_plugins = ["django_redis_core.testing.fixtures"]


class Clock:
    """The plugin's wall clock. Django-redis' format counts whole seconds, which tests need not
    wait for; that time passes by itself is for the conformance suite and the stampede to see."""

    ahead = 0.0

    def time(self) -> float:
        return time.time() + self.ahead

    def perf_counter(self) -> float:
        return time.perf_counter() + self.ahead


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(entries, "time", clock)
    return clock


@pytest.fixture(params=["native", "django-redis"])
def herd_format(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def cache(make_cache: Callable[..., RedisCache], herd_format: str, clock: Clock) -> RedisCache:
    # A prefix of its own: where the clock goes back between tests, so would leases.
    return make_cache(
        {"CLIENT": "herd", "HERD_FORMAT": herd_format}, KEY_PREFIX=f"herd-{uuid4().hex[:8]}"
    )


@pytest.fixture
def let_expire(clock: Clock) -> Callable[[Callable[[float], Any]], None]:
    """``let_expire(store)``: calls ``store(seconds)``; that time has passed when it returns."""

    def pass_by(store: Callable[[float], Any]) -> None:
        store(1)
        clock.ahead += 2

    return pass_by


@pytest.fixture
def raw(cache: RedisCache) -> Any:
    """A redis-py client, for a look at what is really stored."""
    return cache.raw_client()
