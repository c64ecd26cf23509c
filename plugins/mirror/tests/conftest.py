"""The kit's fixtures, and mirrors that each have an old cache of their own, on another server."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import caches
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from django_redis_core.cache import RedisCache
from django_redis_core.exceptions import ConnectionInterrupted
from django_redis_core.testing.clients import PATIENCE
from django_redis_core.testing.servers import Server
from django_redis_core_mirror import switch
from django_redis_core_mirror.phases import Phase

from .processes import Process

pytest_plugins = ["django_redis_core.testing.fixtures"]

BACKEND = "django_redis_core.cache.RedisCache"
KIND = os.environ.get("DRC_TEST_SERVER", "valkey")

MakeCache = Callable[..., RedisCache]

_numbers = itertools.count()


@pytest.fixture(scope="session")
def old_server() -> Iterator[Server]:
    """The server that is moved away from."""
    with Server(KIND) as server:
        yield server


@pytest.fixture
def phase() -> Phase:
    """The phase that caches of a test are in at first."""
    return Phase.BOTH


@pytest.fixture(autouse=True)
def first_phase(phase: Phase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(switch, "FIRST", phase)


@pytest.fixture
def make_cache(
    make_cache: MakeCache, old_server: Server, request: pytest.FixtureRequest
) -> Iterator[MakeCache]:
    """The kit's. ``{"CLIENT": "mirror"}`` alone has an old cache with the same entry."""
    made: list[RedisCache] = []

    def make(options: Mapping[str, Any] | None = None, **entry: Any) -> RedisCache:
        ours = {**PATIENCE, **(options or {})}
        if "mirror" not in ours.get("CLIENT", ()) or "MIRROR_OF" in ours:
            return make_cache(ours, **entry)
        number = next(_numbers)
        entry.setdefault("KEY_PREFIX", f"mirrored-{number}")
        if "LOCATION" not in entry:
            entry["LOCATION"] = request.getfixturevalue("redis_server").url
        theirs = {name: value for name, value in ours.items() if name in _SHARED}
        # The same name for the same entry, of which a test may make several.
        same = repr((sorted(entry.items(), key=str), sorted(ours.items(), key=str)))
        alias = _names.setdefault(same, f"old-{number}")
        ours["MIRROR_OF"] = alias
        add(alias, {**entry, "LOCATION": old_server.url, "OPTIONS": theirs})
        add(f"{alias}-mirror", {**entry, "OPTIONS": ours})
        old = caches[alias]
        assert isinstance(old, RedisCache)
        made.append(old)
        return make_cache(ours, **entry)

    with override_settings(CACHES={"default": {"BACKEND": BACKEND, "LOCATION": old_server.url}}):
        yield make
        for cache in made:
            with suppress(ConnectionInterrupted, ImproperlyConfigured):
                cache.clear()


_names: dict[str, str] = {}


def add(alias: str, entry: Mapping[str, Any]) -> None:
    """An entry of CACHES more."""
    settings.CACHES[alias] = caches.settings[alias] = {"BACKEND": BACKEND, **entry}


#: What the old cache has of the mirror's OPTIONS: all that says how entries are stored.
_SHARED = {
    *("SERIALIZER", "COMPRESSOR", "SEALER", "KEY_PATTERN_FUNCTION", "REVERSE_KEY_FUNCTION"),
    *("SOCKET_TIMEOUT", "SOCKET_CONNECT_TIMEOUT", "CLEAR", "MAX_DECOMPRESSED_SIZE"),
    *("IGNORE_EXCEPTIONS", "DELETE_UNREADABLE"),
}


@pytest.fixture
def cache(make_cache: MakeCache) -> RedisCache:
    """A mirror."""
    return make_cache({"CLIENT": "mirror"})


@pytest.fixture
def old(cache: RedisCache) -> RedisCache:
    """The old cache of ``cache``."""
    return old_of(cache)


def old_of(cache: RedisCache) -> RedisCache:
    """The old cache of a mirror."""
    found = caches[cache.built.client.mirror_of]  # type: ignore[attr-defined]
    assert isinstance(found, RedisCache)
    return found


@pytest.fixture
def pair(make_cache: MakeCache) -> tuple[Process, Process]:
    one = make_cache({"CLIENT": "mirror"}, KEY_PREFIX="interleaved")
    of = one.built.client.mirror_of  # type: ignore[attr-defined]
    two = make_cache(
        {"CLIENT": "mirror", "MIRROR_OF": of, "LOGGER": "another"}, KEY_PREFIX="interleaved"
    )
    assert one._engine is not two._engine
    return Process(one), Process(two)


@pytest.fixture
def there() -> Iterator[Server]:
    """The old cache's server, which the test may do anything to."""
    with Server(KIND) as server:
        yield server


@pytest.fixture
def here() -> Iterator[Server]:
    """As ``there``, the new cache's."""
    with Server(KIND) as server:
        yield server
