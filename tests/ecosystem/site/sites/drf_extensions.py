"""drf-extensions' test settings without the runner that they name."""

from tests_app.settings import *  # noqa: F403

INSTALLED_APPS = tuple(name for name in INSTALLED_APPS if name != "django_nose")  # noqa: F405
