"""Finding the servers, and going on when sentinels are in trouble."""

from __future__ import annotations

import asyncio
import gc
import itertools
import os
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed

from django_redis_core.cache import RedisCache
from django_redis_core.exceptions import ConnectionInterrupted
from django_redis_core.testing.busy import patiently, quickest, seconds
from django_redis_core.testing.clients import PATIENCE, wait_until
from django_redis_core.testing.forks import forked, status_of
from django_redis_core.testing.topologies import Sentinels
from django_redis_core_sentinel.watch import EVENTS

MakeCache = Callable[..., RedisCache]


def threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if "listening" in thread.name}


def got(cache: RedisCache, way: str) -> Any:
    return cache.get("k") if way == "blocking" else asyncio.run(cache.aget("k"))


def test_nothing_is_asked_before_the_first_command(cache_on: MakeCache) -> None:
    cache = cache_on(SENTINELS=[("127.0.0.1", 1)])
    assert cache._engine.topology.nodes() == ()
    assert cache.raw_client() is not None


def test_an_unknown_service(service: Sentinels, cache_on: MakeCache) -> None:
    cache = cache_on("redis://ordres/0", IGNORE_EXCEPTIONS=True)
    with pytest.raises(ImproperlyConfigured) as caught:
        cache.get("k")
    message = str(caught.value)
    assert message.startswith("CACHES[")
    assert "'ordres'" in message
    assert f"They know: {service.service}." in message


async def test_an_unknown_service_on_asyncio(service: Sentinels, cache_on: MakeCache) -> None:
    with pytest.raises(ImproperlyConfigured, match=f"They know: {service.service}"):
        await cache_on("redis://ordres/0").aget("k")


@pytest.mark.parametrize("way", ["blocking", "asyncio"])
def test_no_sentinel_at_the_start(cache_on: MakeCache, way: str) -> None:
    cache = cache_on(SENTINELS=[("127.0.0.1", 1), ("127.0.0.1", 2)], **dict.fromkeys(PATIENCE, 30))
    began = time.monotonic()
    with pytest.raises(ConnectionInterrupted, match="service 'Orders': no sentinel") as caught:
        got(cache, way)
    assert time.monotonic() - began < 20  # one wait would be 30
    assert all(f"redis://127.0.0.1:{port}/0: " in str(caught.value) for port in (1, 2))
    assert cache_on(SENTINELS=[("127.0.0.1", 1)], IGNORE_EXCEPTIONS=True).get("k", "no") == "no"


def test_sentinels_that_do_not_answer(service: Sentinels, cache_on: MakeCache) -> None:
    for sentinel in service.sentinels[:2]:
        sentinel.pause()
    numbers = itertools.count(900)

    def new() -> dict[str, Any]:
        """Another configuration each time, which knows nothing, and no patience of the test's."""
        number = next(numbers)
        name = {"client_name": f"silent-{number}"}
        return {"SOCKET_TIMEOUT": number / 1000, "SENTINEL_KWARGS": name}

    def found() -> float:
        cache = cache_on(KEY_PREFIX="other", **new())
        return seconds(lambda: patiently(lambda: cache.set("k", 1)))

    assert quickest(found, below=1) < 1
    service.sentinels[2].pause()

    def asked() -> None:
        cache = cache_on(**new())
        with pytest.raises(ConnectionInterrupted, match="no sentinel can say"):
            cache.get("k")

    assert quickest(lambda: seconds(asked), below=1.5) < 1.5


def test_without_sentinels_a_cache_goes_on(service: Sentinels, cache_on: MakeCache) -> None:
    cache = cache_on(**PATIENCE)
    cache.set("k", 1)
    for sentinel in service.sentinels:
        sentinel.kill()
    took = []
    until = time.monotonic() + 1.5
    cache._engine.topology.doubt()  # type: ignore[attr-defined]
    while time.monotonic() < until:
        began = time.monotonic()
        assert cache.get("k") == 1
        took.append(time.monotonic() - began)
        time.sleep(0.01)
    # Nobody waits for a sentinel. A busy machine may hold up a call by itself.
    assert sorted(took)[int(len(took) * 0.98)] < 0.3
    assert max(took) < 4  # one wait would be 5
    for sentinel in service.sentinels:
        sentinel.start()
    topology: Any = cache._engine.topology
    doubts = topology._doubts
    wait_until(lambda: topology._doubts is not doubts, "it listens again")


def test_where_no_thread_runs_the_sentinels_are_asked(
    service: Sentinels, cache_on: MakeCache
) -> None:
    cache = cache_on()
    topology: Any = cache._engine.topology

    def asked() -> bool:
        cache.get("k")
        return bool(topology.ready)

    wait_until(asked, "the threads listen, and what they have missed is known")
    topology._watch._stop.set()
    wait_until(lambda: not topology.ready, "what is known has grown old", timeout=30)
    cache.get("k")
    assert topology.ready


def test_threads_end_with_the_cache(service: Sentinels, cache_on: MakeCache) -> None:
    setting_changed.send(sender=None, setting="CACHES", value=None, enter=True)
    gc.collect()
    wait_until(lambda: not listeners(service), "those of other tests have ended")
    before = threads()  # some listen to sentinels of other tests, which are gone
    cache = cache_on()
    cache.get("k")
    assert len(threads() - before) == 3
    cache_on(KEY_PREFIX="other").get("k")
    assert len(threads() - before) == 3  # one a sentinel and process
    wait_until(lambda: listeners(service) == 3, "each sentinel is listened to")
    del cache
    setting_changed.send(sender=None, setting="CACHES", value=None, enter=True)
    gc.collect()
    wait_until(lambda: threads() <= before, "the threads have ended")
    wait_until(lambda: not listeners(service), "their connections are closed")


def listeners(service: Sentinels) -> int:
    """Connections of this user that are subscribed; the sentinels' own listen to servers."""
    return sum(
        f" sub={len(EVENTS)} " in line
        for sentinel in service.sentinels
        for line in sentinel.cli("CLIENT", "LIST").splitlines()
    )


@pytest.mark.parametrize("way", ["blocking", "asyncio"])
def test_a_forked_child(service: Sentinels, cache_on: MakeCache, way: str) -> None:
    cache = cache_on()
    cache.set("k", "parent")
    read, write = os.pipe()

    def work() -> None:
        verdict = b"raised"
        try:
            value = got(cache, way)
            deadline = time.monotonic() + 30
            topology: Any = cache._engine.topology
            while topology._watch.beat == 0 and time.monotonic() < deadline:
                time.sleep(0.01)
            verdict = f"{value} {len(threads())} {topology._watch.beat > 0}".encode()
        finally:
            os.write(write, verdict)

    child = forked(work)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        assert pipe.read() == b"parent 3 True"
    assert status_of(child) == 0
    assert cache.get("k") == "parent"


def test_a_password_of_the_sentinels_alone(service: Sentinels, cache_on: MakeCache) -> None:
    for sentinel in service.sentinels:
        sentinel.cli("ACL", "SETUSER", "site", "on", ">sentinels", "~*", "&*", "+@all")
    right = {"username": "site", "password": "sentinels"}
    cache = cache_on(SENTINEL_KWARGS=right)
    assert cache.set("k", 1)
    assert cache.get("k") == 1
    wrong = cache_on(SENTINEL_KWARGS={**right, "password": "of the servers"})
    with pytest.raises(ConnectionInterrupted, match="stand in SENTINEL_KWARGS") as caught:
        wrong.get("k")
    assert "no sentinel can say" in str(caught.value)


def test_a_wrong_password_of_the_servers(service: Sentinels, cache_on: MakeCache) -> None:
    primary = service.current_primary()
    with pytest.raises(ConnectionInterrupted, match=f":{primary.port}/0") as caught:
        cache_on(PASSWORD="wrong").get("k")
    assert "SENTINEL_KWARGS" not in str(caught.value)


def test_a_user_of_the_servers_with_few_rights(service: Sentinels, cache_on: MakeCache) -> None:
    for server in service.data.servers:
        server.cli("ACL", "SETUSER", "few", "on", ">few", "~*", "-@all", "+get", "+set")
        server.cli("ACL", "SETUSER", "few", "+@connection")
    cache = cache_on(USERNAME="few", PASSWORD="few")
    assert cache.set("k", 1)
    assert cache.get("k") == 1
