"""herd keeps what ``get_or_set`` promises where a write is refused or a lock is held."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from django_redis_core.cache import RedisCache
from django_redis_core.testing.servers import Server

FORMATS = ["native", "django-redis"]


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as own:
        yield own


def herd_on(server: Server, herd_format: str) -> RedisCache:
    options = {"CLIENT": "herd", "HERD_FORMAT": herd_format, "IGNORE_EXCEPTIONS": True}
    return RedisCache(server.url, {"OPTIONS": options})


@pytest.mark.parametrize("herd_format", FORMATS)
def test_what_was_computed_and_could_not_be_stored_is_not_computed_again(
    server: Server, herd_format: str
) -> None:
    cache = herd_on(server, herd_format)
    calls: list[int] = []

    def compute() -> str:
        server.cli("REPLICAOF", "127.0.0.1", "1")  # from here on it refuses writes
        calls.append(1)
        return "computed"

    assert cache.get_or_set("key", compute) == "computed"
    assert len(calls) == 1


@pytest.mark.parametrize("herd_format", FORMATS)
def test_get_or_set_leaves_a_lock_that_is_held(server: Server, herd_format: str) -> None:
    cache = herd_on(server, herd_format)
    with cache.lock("key", timeout=5) as held:
        assert cache.get_or_set("key", lambda: "computed") == "computed"
        assert held.owned()
