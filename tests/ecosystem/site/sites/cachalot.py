"""django-cachalot's test settings with a second SQLite for the databases to be installed."""

from settings import *  # noqa: F403

_ONE = DATABASES["default"]  # noqa: F405
DATABASES = {
    "default": _ONE,
    "second": {**_ONE, "NAME": "second.sqlite3", "TEST": {"NAME": "test_second.sqlite3"}},
}
