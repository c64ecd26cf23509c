"""A site for the tests of django-ratelimit, whose sdist has none."""

import os

AWAY = "redis://127.0.0.1:1/0"  # nobody listens there

SECRET_KEY = "-"
INSTALLED_APPS = ["django_ratelimit"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
USE_TZ = True
SILENCED_SYSTEM_CHECKS = ["django_ratelimit.E003", "django_ratelimit.W001"]
RATELIMIT_CLIENT_IP_HEADER = "REMOTE_ADDR"

_LOCMEM = "django.core.cache.backends.locmem.LocMemCache"
_BACKEND = os.environ["ECOSYSTEM_BACKEND"]
_AWAY = {"IGNORE_EXCEPTIONS": True, "SOCKET_CONNECT_TIMEOUT": 1}
if _BACKEND.startswith("django_redis_core."):
    _AWAY["IGNORE_EXCEPTIONS_FOR"] = ["add", "incr"]
CACHES = {
    "default": {"BACKEND": _LOCMEM, "LOCATION": "default"},
    # That of memcached is one of another kind: its name is not found.
    "connection-errors": {
        "BACKEND": "django.core.cache.backends.memcached.PyMemcacheCache",
        "LOCATION": "memcached.invalid:11211",
        "ECOSYSTEM_KEEP": True,
    },
    # On locmem there is nothing that could be away.
    "connection-errors-redis": {"BACKEND": _LOCMEM, "LOCATION": "default"}
    if _BACKEND == _LOCMEM
    else {"BACKEND": _BACKEND, "LOCATION": AWAY, "OPTIONS": _AWAY, "ECOSYSTEM_KEEP": True},
    "instant-expiration": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"},
}
