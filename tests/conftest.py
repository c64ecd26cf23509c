"""Django as the project's own tests need it, and the fixtures of the kit."""

from __future__ import annotations

import django
from django.conf import settings

pytest_plugins = ["django_redis_core.testing.fixtures"]

if not settings.configured:
    settings.configure(
        SECRET_KEY="for tests",
        USE_TZ=True,
        ALLOWED_HOSTS=["testserver"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        INSTALLED_APPS=["django.contrib.sessions"],
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
        ROOT_URLCONF="",
    )
    django.setup()
