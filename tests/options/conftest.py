"""Entries of CACHES: most are checked without a server, some used on one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from django_redis_core._engine import assembly
from django_redis_core._settings import CacheOptions, parse
from django_redis_core.cache import RedisCache
from django_redis_core.testing.servers import Server

URL = "redis://localhost:6379/0"


def parsed(
    options: Any = None, location: Any = URL, *, alias: str = "default", **entry: Any
) -> CacheOptions:
    return parse(alias, location, {"OPTIONS": options, **entry} if options is not None else entry)


def refusal(options: Any = None, location: Any = URL, **entry: Any) -> str:
    """The words of the error; every one says which cache it is about."""
    with pytest.raises(ImproperlyConfigured) as caught:
        assembly.Engine(parsed(options, location, alias="shop", **entry))
    message = str(caught.value)
    assert message.startswith("CACHES['shop']"), message
    return message


@pytest.fixture(autouse=True)
def settings() -> Iterator[Any]:
    """Django's settings, to be changed; what was built from them is forgotten afterwards."""
    with override_settings():
        from django.conf import settings

        yield settings
    assembly._engines.clear()


@pytest.fixture(scope="module")
def locked() -> Iterator[Server]:
    with Server(password="redispassword") as server:
        yield server


@dataclass(frozen=True)
class At:
    """The addresses of two servers, of which one asks for a password."""

    plain: Server
    locked: Server

    def url(self, database: int | str = 0) -> str:
        return f"redis://127.0.0.1:{self.plain.port}/{database}"

    def with_password(self, database: int | str = 0) -> str:
        return f"redis://:redispassword@127.0.0.1:{self.locked.port}/{database}"

    def asking(self, database: int | str = 0) -> str:
        return f"redis://127.0.0.1:{self.locked.port}/{database}"


@pytest.fixture
def at(redis_server: Server, locked: Server) -> At:
    return At(redis_server, locked)


def mistakes(entry: Mapping[str, Any]) -> list[str]:
    """The lines of an entry's refusal, before any I/O: none of these hosts is there."""
    given = {name: value for name, value in entry.items() if name not in ("LOCATION", "BACKEND")}
    with pytest.raises(ImproperlyConfigured) as caught:
        RedisCache(entry["LOCATION"], given).get("k")
    assert "hush" not in str(caught.value)
    return str(caught.value).split("\n")
