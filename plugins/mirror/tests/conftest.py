"""The kit's fixtures, and mirrors of a cache ``old`` in every phase."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.cache import caches
from django.test import override_settings

from django_redis_core.cache import RedisCache
from django_redis_core.testing.servers import Server
from django_redis_core_mirror import switch
from django_redis_core_mirror.phases import Phase

pytest_plugins = ["django_redis_core.testing.fixtures"]

PATIENT = {"SOCKET_TIMEOUT": 5, "SOCKET_CONNECT_TIMEOUT": 5}

_numbers = itertools.count()


@pytest.fixture(scope="session")
def old_server() -> Iterator[Server]:
    """The server that is moved away from."""
    with Server() as server:
        yield server


@pytest.fixture
def old_options() -> dict[str, Any]:
    """OPTIONS of the old cache."""
    return {}


@pytest.fixture(autouse=True)
def old(old_server: Server, old_options: dict[str, Any]) -> Iterator[RedisCache]:
    """The old cache, in CACHES."""
    entry = {
        "BACKEND": "django_redis_core.cache.RedisCache",
        "LOCATION": old_server.url,
        "KEY_PREFIX": f"old-{next(_numbers)}",
        "OPTIONS": {**PATIENT, **old_options},
    }
    with override_settings(CACHES={"default": entry, "old": entry}):
        cache = caches["old"]
        assert isinstance(cache, RedisCache)
        yield cache
        if old_server.running:
            cache.clear()


@pytest.fixture
def phase() -> Phase:
    """The phase that caches of a test are in at first."""
    return Phase.BOTH


@pytest.fixture(autouse=True)
def first_phase(phase: Phase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(switch, "FIRST", phase)


@pytest.fixture
def cache(make_cache: Callable[..., RedisCache]) -> RedisCache:
    """A mirror of ``old``."""
    return make_cache({"CLIENT": "mirror", "MIRROR_OF": "old"})
