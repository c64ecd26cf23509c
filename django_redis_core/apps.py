"""For INSTALLED_APPS: the system checks and the management commands."""

from __future__ import annotations

from django.apps import AppConfig


class DjangoRedisCoreConfig(AppConfig):
    """Not needed for the cache itself, which ``CACHES`` alone names."""

    name = "django_redis_core"
    verbose_name = "Redis cache"

    def ready(self) -> None:
        from . import checks  # noqa: F401  # importing registers them
