"""Behind a name or an address that moves: the old primary lives on as a replica, and connections
that exist stay with it."""

from __future__ import annotations

import asyncio
import os
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from django_redis_core.cache import RedisCache
from django_redis_core.exceptions import ServerRefused
from django_redis_core.testing.busy import HeldUp
from django_redis_core.testing.clients import PATIENCE, wait_until
from django_redis_core.testing.servers import Server

from .conftest import heard, kept, listening, reads

KIND = os.environ.get("DRC_TEST_SERVER", "valkey")
LEASE = 0.6


class Moving:
    """An address that leads new connections to ``target``, and leaves those that exist."""

    def __init__(self, target: Server) -> None:
        self.target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self._listener.getsockname()[1]}/0"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self.target.address)
            except OSError:
                client.close()
                continue
            threading.Thread(target=self._relay, args=(client, server), daemon=True).start()

    def _relay(self, client: socket.socket, server: socket.socket) -> None:
        with selectors.DefaultSelector() as selector, client, server:
            selector.register(client, selectors.EVENT_READ, server)
            selector.register(server, selectors.EVENT_READ, client)
            while True:
                for key, _ in selector.select():
                    try:
                        data = key.fileobj.recv(65536)  # type: ignore[union-attr]
                        if not data:
                            return
                        key.data.sendall(data)
                    except OSError:
                        return


@pytest.fixture
def old() -> Iterator[Server]:
    with Server(KIND) as server:
        yield server


@pytest.fixture
def new(old: Server) -> Iterator[Server]:
    with Server(KIND, replica_of=old) as server:
        yield server


@pytest.fixture
def name(old: Server) -> Iterator[Moving]:
    moving = Moving(old)
    yield moving
    moving.close()


@pytest.fixture
def switch(old: Server, new: Server, name: Moving) -> Callable[[], None]:
    def switch() -> None:
        new.cli("REPLICAOF", "NO", "ONE")
        name.target = new
        old.cli("REPLICAOF", "127.0.0.1", 1)  # whose link is not up

    return switch


def on_near(name: Moving, **options: object) -> RedisCache:
    every = {"CLIENT": "near", "NEAR_TTL": 600, "NEAR_LEASE": LEASE, **options}
    return listening(RedisCache(name.url, {"OPTIONS": every}))


def in_sync(old: Server, new: Server) -> bool:
    return new.cli("GET", ":1:k") == old.cli("GET", ":1:k") is not None


def test_who_only_reads_learns_of_it(
    old: Server, new: Server, name: Moving, switch: Callable[[], None]
) -> None:
    cache = on_near(name)
    cache.set("k", "old")
    wait_until(lambda: in_sync(old, new), "the replica has it")
    wait_until(lambda: kept(cache, "k"), "a copy")
    with HeldUp() as held:
        switch()
        switched = time.monotonic()
        RedisCache(new.url, {"OPTIONS": PATIENCE}).set("k", "new")
        wait_until(lambda: reads(cache, "k", "new"), "what is stored is read", timeout=30)
        took = time.monotonic() - switched
    # A lease after the switch at the latest, and the time that connecting takes.
    assert took < LEASE + 3 + held.seconds
    wait_until(lambda: kept(cache, "k"), "copies of the new primary's")
    assert cache.get("k") == "new"
    RedisCache(new.url, {"OPTIONS": PATIENCE}).set("k", "newer")
    wait_until(lambda: reads(cache, "k", "newer"), "it is heard", timeout=30)


def test_a_replica_renews_no_lease(old: Server, new: Server, name: Moving) -> None:
    """Also where the name stays."""
    cache = on_near(name)
    cache.set("k", "old")
    wait_until(lambda: kept(cache, "k"), "a copy")
    new.cli("REPLICAOF", "NO", "ONE")
    old.cli("REPLICAOF", "127.0.0.1", 1)
    wait_until(lambda: not heard(cache), "copies are not believed", timeout=30)

    def told() -> bool:
        [trouble] = cache.client.near_info().tracking.values()
        return "only a primary knows all writes" in str(trouble)

    wait_until(told, "it is said why")


def test_a_refused_write_tells_everybody(
    old: Server, new: Server, name: Moving, switch: Callable[[], None]
) -> None:
    """The tracker, whose lease is long; a cache of other settings; redis-py's client; asyncio."""
    cache = on_near(name, NEAR_LEASE=60)
    other = RedisCache(name.url, {"OPTIONS": {"SOCKET_TIMEOUT": 7}})
    raw = other.raw_client()
    with asyncio.Runner() as runner:
        cache.set("k", "old")
        wait_until(lambda: in_sync(old, new), "the replica has it")
        wait_until(lambda: kept(cache, "k"), "a copy")
        assert runner.run(other.aget("k")) == other.get("k") == "old"
        assert raw.get(":1:k") is not None
        switch()
        RedisCache(new.url, {"OPTIONS": PATIENCE}).set("k", "new")
        with pytest.raises(ServerRefused):
            cache.set("w", 1)
        assert other.get("k") == "new"
        assert raw.get(":1:k") == new.client().get(":1:k")
        assert runner.run(asyncio.sleep(0.01, True))  # which its loop needs to hear of it
        assert runner.run(other.aget("k")) == "new"
        wait_until(lambda: reads(cache, "k", "new"), "near asks", timeout=30)


def test_several_trackers_leave_each_other_alone(name: Moving) -> None:
    """Each of them makes connections anew, and not those of the others."""
    caches = [on_near(name), on_near(name, NEAR_LEASE=LEASE * 2)]
    for cache in caches:
        cache.set("k", 1)
        cache._engine.client._only.reconnect()
    for cache in caches:
        listening(cache)
    sessions = [cache._engine.client._only.session for cache in caches]
    time.sleep(LEASE)
    assert [cache._engine.client._only.session for cache in caches] == sessions
