"""How Django keeps caches: a backend object a thread, closed at the end of a request."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.cache import cache, caches, close_caches
from django.core.signals import request_finished
from django.test import override_settings

from django_redis_core.cache import RedisCache
from django_redis_core.testing.clients import wait_until
from django_redis_core.testing.servers import Server


@pytest.fixture
def settings(redis_server: Server) -> Iterator[dict[str, Any]]:
    entry = {"BACKEND": "django_redis_core.cache.RedisCache", "LOCATION": redis_server.url}
    entries = {
        "default": {**entry, "KEY_PREFIX": "test-default"},
        "other": {**entry, "KEY_PREFIX": "test-other", "TIMEOUT": 10},
        "closing": {**entry, "OPTIONS": {"CLOSE_CONNECTION": True, "SOCKET_TIMEOUT": 1.5}},
    }
    with override_settings(CACHES=entries):
        yield entries
        caches["default"].clear()
        caches["other"].clear()


@pytest.fixture
def request_ends() -> Callable[[], None]:
    """What Django does to caches when a request has been served."""
    assert close_caches in [receiver[1]() for receiver in request_finished.receivers]
    return close_caches


@pytest.mark.usefixtures("settings")
class TestCaches:
    def test_caches_gives_the_backend_under_its_alias(self) -> None:
        assert isinstance(caches["default"], RedisCache)
        assert caches["default"].alias == "default"
        assert caches["other"].alias == "other"
        assert caches["other"].default_timeout == 10
        assert caches["other"].key_prefix == "test-other"
        cache.set("k", 1)
        assert caches["default"].get("k") == 1
        assert caches["other"].get("k") is None

    def test_all_gives_the_caches_that_are_in_use(self) -> None:
        assert caches.all(initialized_only=True) == []
        first = caches["other"]
        assert caches.all(initialized_only=True) == [first]
        assert [found.alias for found in caches.all()] == ["default", "other", "closing"]

    def test_each_thread_has_its_own_object_and_all_share_what_is_behind_it(self) -> None:
        with ThreadPoolExecutor(1) as threads:
            theirs = threads.submit(lambda: caches["default"]).result()
        mine = caches["default"]
        assert theirs is not mine
        assert theirs._engine is mine._engine
        theirs.version = 2
        assert mine.version == 1

    def test_changed_objects_share_the_connections(self) -> None:
        mine, changed = caches["default"], caches.create_connection("default")
        changed.key_prefix = "test-changed"
        [one], [two] = mine._engine.topology.nodes(), changed._engine.topology.nodes()
        assert one is two

    def test_the_end_of_a_request_keeps_the_connections(
        self, redis_server: Server, request_ends: Callable[[], None]
    ) -> None:
        cache.set("k", 1)
        before = identities(redis_server)
        request_ends()
        assert cache.get("k") == 1
        assert before <= identities(redis_server)

    def test_close_connection_closes_them(
        self, redis_server: Server, request_ends: Callable[[], None]
    ) -> None:
        before = identities(redis_server)
        closing = caches["closing"]
        closing.set("test-k", 1)
        [mine] = identities(redis_server) - before
        request_ends()
        wait_until(lambda: mine not in identities(redis_server), "it is closed")
        assert closing.delete("test-k") is True

    async def test_aclose_does_the_same(self, redis_server: Server) -> None:
        before = identities(redis_server)
        caches["closing"].set("test-k", 1)
        [mine] = identities(redis_server) - before
        await caches["closing"].aclose()
        wait_until(lambda: mine not in identities(redis_server), "it is closed")
        assert await caches["closing"].adelete("test-k") is True

    def test_a_backend_is_made_without_asking_the_server(self, settings: dict[str, Any]) -> None:
        nobody = {**settings["default"], "LOCATION": "redis://127.0.0.1:1/0"}
        with override_settings(CACHES={"default": nobody}):
            assert caches["default"].make_key("k") == "test-default:1:k"
            caches["default"].close()


def identities(server: Server) -> set[str]:
    """The ids of the connections of others, by the server's own list."""
    lines = [line.split() for line in server.cli("CLIENT", "LIST").splitlines()]
    return {words[0] for words in lines if not any("cmd=client" in word for word in words)}
