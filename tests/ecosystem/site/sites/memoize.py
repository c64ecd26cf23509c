"""A site with the two caches that django-cache-memoize's tests use."""

_LOCMEM = "django.core.cache.backends.locmem.LocMemCache"

SECRET_KEY = "-"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
USE_TZ = True
CACHES = {alias: {"BACKEND": _LOCMEM, "LOCATION": alias} for alias in ("default", "other")}
