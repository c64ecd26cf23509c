"""The kit's fixtures, and caches on tags."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import django
import pytest
from django.apps import apps
from django.core.cache import caches
from django.test import override_settings

from django_redis_core.cache import RedisCache
from django_redis_core.testing.servers import Server

pytest_plugins = ["django_redis_core.testing.fixtures"]


@pytest.fixture
def cache(make_cache: Callable[..., RedisCache]) -> Any:
    """A cache on tags, whose added operations type checkers do not know."""
    return make_cache({"CLIENT": "tags"})


@pytest.fixture
def raw(cache: RedisCache) -> Any:
    """A redis-py client, for a look at what is really stored."""
    return cache.raw_client()


@pytest.fixture(scope="session")
def ready() -> None:
    """Django, where nobody has set it up."""
    if not apps.ready:
        django.setup()


@pytest.fixture
def site(redis_server: Server, ready: None) -> Iterator[Any]:
    """The default cache of a site, and another one without tags, ``plain``."""
    entry: dict[str, Any] = {
        "BACKEND": "django_redis_core.cache.RedisCache",
        "LOCATION": redis_server.url,
        "KEY_PREFIX": "test-tags-of-a-site",
        "OPTIONS": {"CLIENT": "tags"},
    }
    plain = {**entry, "OPTIONS": {}}
    with override_settings(CACHES={"default": entry, "plain": plain}, ALLOWED_HOSTS=["testserver"]):
        yield caches["default"]
        caches["default"].clear()
