"""Metrics for Prometheus: an observer plugin for django-redis-core."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django_redis_core import hookimpl

if TYPE_CHECKING:
    from django_redis_core.interfaces import Observer


@hookimpl
def register_observer() -> type[Observer]:
    from .observer import PrometheusObserver

    return PrometheusObserver
