"""For INSTALLED_APPS: the pages, the table of samples, and ``redis_cache sample``."""

from __future__ import annotations

from django.apps import AppConfig


class RedisCachesConfig(AppConfig):
    """``django.contrib.admin`` finds the pages by itself."""

    name = "django_redis_core_admin"
    label = "redis_caches"
    verbose_name = "Redis caches"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # Who has the app has the subcommand too, without a word in DJANGO_REDIS_PLUGINS.
        import django_redis_core_admin
        from django_redis_core import register
        from django_redis_core.exceptions import PluginConflict

        try:
            register(django_redis_core_admin, "django-redis-core-admin")
        except PluginConflict:  # it is there already: somebody asked for plugins before
            pass
