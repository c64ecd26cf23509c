"""Caches with the observer, and what the registry counted since a moment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from prometheus_client import REGISTRY

from django_redis_core.cache import RedisCache

pytest_plugins = ["django_redis_core.testing.fixtures"]

MakeCache = Callable[..., RedisCache]


def samples() -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for metric in REGISTRY.collect()
        for sample in metric.samples
        if sample.name.startswith("django_redis_core_")
    }


class Counted:
    """What was counted since it was made, or since the last look."""

    def __init__(self) -> None:
        self._before = samples()

    def __call__(self, name: str, *by: str, **labels: str) -> dict[Any, float]:
        """The growth of a metric by the values of labels, of the series that have ``labels``."""
        found: dict[Any, float] = {}
        for (metric, given), value in samples().items():
            grown = value - self._before.get((metric, given), 0)
            has = dict(given)
            if metric != f"django_redis_core_{name}" or not labels.items() <= has.items():
                continue
            key = tuple(has[label] for label in by)
            if grown:
                found[key if len(key) != 1 else key[0]] = (
                    found.get(key if len(key) != 1 else key[0], 0) + grown
                )
        return found

    def now(self, name: str, *by: str) -> dict[Any, float]:
        """The values of a gauge."""
        return {
            tuple(dict(given)[label] for label in by): value
            for (metric, given), value in samples().items()
            if metric == f"django_redis_core_{name}"
        }


@pytest.fixture
def measured(make_cache: MakeCache) -> MakeCache:
    """``measured(options, **entry)``: a cache with the observer."""

    def make(options: Any = None, **entry: Any) -> RedisCache:
        return make_cache({"OBSERVERS": "prometheus", **(options or {})}, **entry)

    return make


@pytest.fixture
def counted(measured: MakeCache) -> Counted:
    measured().get("nothing")  # the registry has the metrics of whoever is there
    return Counted()
