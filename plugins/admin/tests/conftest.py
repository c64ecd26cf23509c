"""A site with the admin and its database, whose caches are on real servers."""

from __future__ import annotations

import importlib.util
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import django
import pytest
from django.apps import apps
from django.conf import settings
from django.core.cache import caches
from django.core.management import call_command
from django.db import connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import Client, override_settings

from django_redis_core._plugins.registry import registry
from django_redis_core.cache import RedisCache
from django_redis_core.testing.servers import Server

MEMORY = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
if not settings.configured:  # where the plugin is tested alone
    settings.configure(SECRET_KEY="for tests", USE_TZ=True, DATABASES=MEMORY)

pytest_plugins = ["django_redis_core.testing.fixtures"]

BACKEND = "django_redis_core.cache.RedisCache"
APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "django_redis_core",
    "django_redis_core_admin",
]
URLS = "redis_caches_test_urls"
MIDDLEWARE = [
    f"{URLS}.strict",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
URLS = "redis_caches_test_urls"


def _urls() -> None:
    """Tests are no package, and ROOT_URLCONF is a module's name."""
    spec = importlib.util.spec_from_file_location(URLS, Path(__file__).with_name("urls.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[URLS] = module
    spec.loader.exec_module(module)


def _forget_plugin() -> None:
    """The app is a plugin of the process, and other tests ask which there are."""
    import django_redis_core_admin

    if registry.manager.is_registered(django_redis_core_admin):
        registry.manager.unregister(django_redis_core_admin)
    registry._hooked[:] = [
        one for one in registry._hooked if one.plugin is not django_redis_core_admin
    ]


@pytest.fixture(scope="module")
def database() -> Iterator[None]:
    """The admin among the apps of the process, for one file of tests, and its tables."""
    if not apps.ready:
        django.setup()
    with override_settings(
        INSTALLED_APPS=APPS,
        MIDDLEWARE=MIDDLEWARE,
        TEMPLATES=TEMPLATES,
        ROOT_URLCONF=URLS,
        ALLOWED_HOSTS=["testserver", "127.0.0.1"],
        STATIC_URL="/static/",
        LANGUAGE_CODE="en-us",
        USE_TZ=True,
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    ):
        _urls()
        BaseDatabaseWrapper.close(connection)  # sqlite's own keeps what is in memory
        call_command("migrate", verbosity=0)
        yield
        BaseDatabaseWrapper.close(connection)
    _forget_plugin()


@pytest.fixture
def db(database: None) -> Iterator[None]:
    """The tables as they were before, after each test."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.fixture
def site(request: pytest.FixtureRequest) -> Iterator[Callable[..., RedisCache]]:
    """``site(default={...}, other={...})``: the CACHES of the site; the first one is returned."""
    with ExitStack() as stack:

        def configure(**entries: dict[str, Any]) -> RedisCache:
            prefix = uuid.uuid4().hex[:8]
            for entry in entries.values():
                if "LOCATION" not in entry:
                    entry["LOCATION"] = request.getfixturevalue("redis_server").url
                entry.setdefault("BACKEND", BACKEND)
                entry.setdefault("KEY_PREFIX", prefix)
            stack.enter_context(override_settings(CACHES=entries))
            first: RedisCache = caches[next(iter(entries))]
            return first

        yield configure


@pytest.fixture
def own_server() -> Iterator[Server]:
    """A server of the test's own, to be killed or reconfigured."""
    with Server() as server:
        yield server


@pytest.fixture
def user(db: None) -> Callable[..., Any]:
    """``user("view_cache", staff=True)``: somebody with these permissions."""
    from django.contrib.auth.models import Permission, User

    def make(*permissions: str, staff: bool = True) -> Any:
        made = User.objects.create_user(uuid.uuid4().hex[:8], is_staff=staff)
        for name in permissions:
            made.user_permissions.add(
                Permission.objects.get(content_type__app_label="redis_caches", codename=name)
            )
        return made

    return make


@pytest.fixture
def visit(user: Callable[..., Any]) -> Callable[..., Client]:
    """``visit("view_cache")``: a browser in which such a user is logged in."""

    def make(*permissions: str, staff: bool = True) -> Client:
        client = Client(enforce_csrf_checks=False)
        client.force_login(user(*permissions, staff=staff))
        return client

    return make


@pytest.fixture
def looker(visit: Callable[..., Client]) -> Client:
    return visit("view_cache")


@pytest.fixture
def changer(visit: Callable[..., Client]) -> Client:
    return visit("view_cache", "change_cache")
