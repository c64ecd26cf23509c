"""What one thread does while another one is in the middle of something that both share."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
from django.test import override_settings

from django_redis_core._engine.assembly import engine_for
from django_redis_core.cache import RedisCache
from django_redis_core.cache.asked import _ask_for_times
from django_redis_core.connections.channels import Channels, SeveralChannels
from django_redis_core.interfaces import CacheNumbers, Client, Number
from django_redis_core.testing.clients import PATIENCE
from django_redis_core.testing.servers import Server

#: Seconds, as the last resort of what waits for another thread.
LONG = 30


@pytest.fixture
def switching() -> Iterator[None]:
    """Threads take turns as often as Python allows."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.fixture
def in_thread() -> Callable[[Callable[[], Any]], Any]:
    """Runs what it is given in another thread, to its end."""

    def run(work: Callable[[], Any]) -> Any:
        found: list[Any] = []
        # A daemon: one that never ends is to fail the test, and not to keep the run from its end.
        thread = threading.Thread(target=lambda: found.append(work()), daemon=True)
        thread.start()
        thread.join(LONG)
        assert found, "it has not ended, or has raised"
        return found[0]

    return run


@pytest.mark.usefixtures("switching")
def test_connections_are_counted_while_others_are_opened(redis_server: Server) -> None:
    cache = RedisCache(redis_server.url, {"OPTIONS": PATIENCE})
    (node,) = cache._engine.topology.nodes()
    held = [node.links.take() for _ in range(30)]
    ended = threading.Event()

    def open_and_close() -> None:
        try:
            for _ in range(200):
                node.links.take().close()
        finally:
            ended.set()

    thread = threading.Thread(target=open_and_close)
    thread.start()
    try:
        while not ended.is_set():
            assert 30 <= node.numbers()["connections_in_use"] <= 31
    finally:
        thread.join()
        for link in held:
            link.close()
    assert node.numbers()["connections_in_use"] == 0


async def test_a_loop_opens_its_own_next_connection(redis_server: Server) -> None:
    """The turn of the connections is all loops', and another one may take it on between a look and
    what follows from it."""
    cache = RedisCache(redis_server.url, {"OPTIONS": PATIENCE})
    (node,) = cache._engine.topology.nodes()
    channels = SeveralChannels(2, Channels)

    async def look() -> object:
        return channels.get()

    assert channels.get() is None
    first = await channels.open(node.config)
    assert channels.get() is None
    assert await asyncio.to_thread(asyncio.run, look()) is None
    second = await channels.open(node.config)
    assert {channels.get(), channels.get()} == {first, second}
    assert not first.closed
    await channels.close()
    assert first.closed
    assert second.closed


class UsesACache(redis.Redis):
    """A site's class that looks something up when it is made."""

    other: RedisCache

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        # A server that nobody has asked for yet.
        self.answer = RedisCache(self.other, {"OPTIONS": {"SOCKET_TIMEOUT": 29}}).get("key", "none")


def test_a_client_class_may_use_another_cache(
    redis_server: Server,
    in_thread: Callable[[Callable[[], Any]], Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(UsesACache, "other", redis_server.url, raising=False)
    options = {**PATIENCE, "REDIS_CLIENT_CLASS": UsesACache}
    cache = RedisCache(redis_server.url, {"OPTIONS": options})
    assert in_thread(lambda: cache.client.get_client()).answer == "none"


class BuildsAnother(Client):
    """A plugin that is told that its cache is forgotten, and uses a cache for what it does then."""

    name = "builds-another"

    def forgotten(self) -> None:
        engine_for("redis://localhost:1", {"KEY_PREFIX": "built meanwhile"})
        super().forgotten()


def test_a_cache_may_be_built_while_others_are_forgotten() -> None:
    """By a live server's thread, or by a plugin."""
    forgotten = RedisCache("redis://localhost:1", {"OPTIONS": {"CLIENT": BuildsAnother}})
    with override_settings(CACHES={}):
        again = RedisCache("redis://localhost:1", {"OPTIONS": {"CLIENT": BuildsAnother}})
        assert again._engine is not forgotten._engine


class Later(RedisCache):
    """Its entries stay for a thousand seconds longer."""

    def get_backend_timeout(self, timeout: Any = None) -> Any:
        return timeout + 1000


def test_times_are_asked_for_once_whoever_came_first(redis_server: Server) -> None:
    """Two threads that make the first objects of a class at the same time."""
    cache = Later(redis_server.url, {"KEY_PREFIX": "later", "OPTIONS": PATIENCE})
    _ask_for_times(cache._engine.client)  # as the second one does
    cache.set("key", 1, timeout=1000)
    assert 1900 < cache.ttl("key") <= 2000


def test_the_numbers_of_no_cache_are_lost_where_two_are_built_at_the_same_time() -> None:
    """Both look for caches that are gone."""
    numbers = CacheNumbers()
    looked: list[None] = []

    def of_one_that_is_gone() -> list[Number]:
        looked.append(None)
        if len(looked) == 1:
            numbers.remember("other", lambda: [Number("n", 2)])  # by the other thread
        return []

    numbers.remember("gone", of_one_that_is_gone)
    numbers._caches.append(("there", lambda: [Number("n", 1)]))
    numbers.remember("one", lambda: [Number("n", 3)])
    found = {alias: value for (alias, _, _), value in numbers.now().items()}
    assert found == {"there": 1, "other": 2, "one": 3}
