"""The state of this process' caches as gauges, read when Prometheus asks.

Not where several processes are one site: the one that is asked knows nothing of the others'.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from prometheus_client import REGISTRY
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from django_redis_core.interfaces import CacheNumbers, Number

_PREFIX = "django_redis_core_"

#: Of each metric its help text and its further labels; of each number the metric, and their values.
_GAUGES: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "connections": ("Connections to a server.", ("server", "kind", "state")),
    "connections_waited_for": ("Callers that wait for a connection.", ("server",)),
    "async_replies_waited_for": ("Replies owed on event loops' connections.", ("server",)),
    "breaker_open": ("1 while calls to a server are refused at once.", ("server",)),
    "breaker_failures": ("How many calls to a server failed in a row.", ("server",)),
    "near_entries": ("Copies in the memory of this process.", ()),
    "near_bytes": ("Bytes that these copies take.", ()),
}
_COUNTERS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "near_lookups": ("Keys that were looked for among the copies.", ("result",)),
}
_NUMBERS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "connections_idle": ("connections", ("blocking", "idle")),
    "connections_in_use": ("connections", ("blocking", "in_use")),
    "async_connections": ("connections", ("asyncio", "in_use")),
    "near_hits": ("near_lookups", ("hit",)),
    "near_misses": ("near_lookups", ("miss",)),
    **{name: (name, ()) for name in _GAUGES if name != "connections"},
}

_caches = CacheNumbers()
_registered: list[bool] = []
_lock = threading.Lock()


class State(Collector):
    """What Prometheus' registry asks."""

    def collect(self) -> Iterable[Metric]:
        found = self._families()
        for (alias, server, name), value in _caches.now().items():
            if name in _NUMBERS:
                metric, labels = _NUMBERS[name]
                of_server = (server,) if server else ()
                found[metric].add_metric((alias, *of_server, *labels), value)
        return found.values()

    def describe(self) -> Iterable[Metric]:
        return self._families().values()

    def _families(self) -> dict[str, GaugeMetricFamily | CounterMetricFamily]:
        gauges = {
            name: GaugeMetricFamily(_PREFIX + name, words, labels=("alias", *labels))
            for name, (words, labels) in _GAUGES.items()
        }
        counters = {
            name: CounterMetricFamily(_PREFIX + name, words, labels=("alias", *labels))
            for name, (words, labels) in _COUNTERS.items()
        }
        return {**gauges, **counters}


def remember(alias: str, numbers: Callable[[], Sequence[Number]]) -> None:
    """A cache is built."""
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        return
    _caches.remember(alias, numbers)
    with _lock:
        if not _registered:
            REGISTRY.register(State())
            _registered.append(True)


def _after_fork() -> None:
    """Another thread of the parent may have held the lock, and it does not exist in the child."""
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
