"""The contract of observers."""

from __future__ import annotations

from typing import Any

from django_redis_core.testing import ObserverContract


class TestPrometheus(ObserverContract):
    name = "prometheus"


class TestByFamily(ObserverContract):
    name = "prometheus"
    options: Any = {"prometheus_families": ["a*", "b*"], "prometheus_round_trips": False}
