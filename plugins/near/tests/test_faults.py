"""Servers that die, hang and refuse, and processes that fork: nothing is believed without them."""

from __future__ import annotations

import gc
import logging
import os
import subprocess
import sys
import threading
import time
from typing import Any

import pytest
from django.test import override_settings

from django_redis_core.cache import RedisCache
from django_redis_core.commands import Operation
from django_redis_core.exceptions import ConnectionInterrupted
from django_redis_core.testing.certificates import Authority
from django_redis_core.testing.clients import wait_until
from django_redis_core.testing.forks import in_child
from django_redis_core.testing.proxy import FaultProxy
from django_redis_core.testing.servers import Server
from django_redis_core.testing.topologies import replicated

from .conftest import Make, heard, kept, listening

#: Short, for tests in which it must pass; a busy machine only makes copies useless in them.
BRIEF = {"NEAR_TTL": 600, "NEAR_LEASE": 0.2, "SOCKET_TIMEOUT": 0.5, "BREAKER_FAILURES": 0}


def with_a_copy(cache: RedisCache) -> RedisCache:
    cache.set("k", "old", None)
    wait_until(lambda: kept(cache, "k"), "a copy")
    return cache


def trackers(server: Server) -> list[int]:
    """The ids of the connections on which the server tells of writes."""
    with server.client() as client:
        return [int(one["id"]) for one in client.client_list() if "B" in one["flags"]]


def test_writes_between_two_tracking_connections_are_not_missed(
    server: Server, make_near: Make
) -> None:
    """The connection dies in the same step in which the value is written, so nobody tells of it."""
    cache = with_a_copy(make_near({"NEAR_TTL": 600}, LOCATION=server.url))
    (first,) = trackers(server)
    with server.client() as client, client.pipeline(transaction=True) as transaction:
        transaction.client_kill_filter(_id=str(first))
        transaction.set(cache.make_key("k"), 5)
        transaction.execute()
    wait_until(lambda: trackers(server) not in ([], [first]) and heard(cache), "another one")
    assert cache.get("k") == 5
    assert cache.get_many(["k"]) == {"k": 5}


def test_nothing_is_served_while_there_is_no_connection(
    server: Server, make_near: Make, caplog: pytest.LogCaptureFixture
) -> None:
    cache = with_a_copy(make_near(BRIEF, LOCATION=server.url))
    cache.get("read-once")
    server.kill()
    wait_until(lambda: not heard(cache), "the end of the connection is seen")
    with pytest.raises(ConnectionInterrupted):
        cache.get("k")
    with pytest.raises(ConnectionInterrupted):
        cache.get_many(["k"])
    with pytest.raises(ConnectionInterrupted):
        cache.has_key("k")
    # Copies are not served first, and then it is said why.
    wait_until(lambda: "tells of no writes" in caplog.text, "it is said")
    info = cache.client.near_info()
    assert info.entries == 0
    (state,) = info.tracking.values()
    assert isinstance(state, str)
    server.start()
    assert listening(cache).get("k") is None
    with_a_copy(cache)


def test_a_server_that_hangs_is_not_believed_for_longer_than_the_lease(
    server: Server, make_near: Make
) -> None:
    cache = with_a_copy(make_near(BRIEF, LOCATION=server.url))
    server.pause()
    try:
        wait_until(lambda: not heard(cache), "the lease ends")
        with pytest.raises(ConnectionInterrupted):
            cache.get("k")
    finally:
        server.resume()
    listening(cache)
    assert cache.get("k") == "old"


@pytest.mark.parametrize("fault", ["black_hole", "reset_all"])
def test_a_network_that_loses_everything(server: Server, make_near: Make, fault: str) -> None:
    with FaultProxy(*server.address) as proxy:
        cache = with_a_copy(make_near(BRIEF, LOCATION=proxy.url))
        if fault == "black_hole":
            proxy.black_hole()
        else:
            proxy.refuse()
            proxy.reset_all()
        wait_until(lambda: not heard(cache), "the server is not heard")
        with pytest.raises(ConnectionInterrupted):
            cache.get("k")
        server.cli("SET", cache.make_key("k"), 5)
        proxy.heal()
        listening(cache)
        assert cache.get("k") == 5


def test_what_the_server_says_may_come_in_any_pieces(server: Server, make_near: Make) -> None:
    with FaultProxy(*server.address) as proxy:
        cache = make_near({"NEAR_TTL": 600}, LOCATION=proxy.url)
        keys = [f"key-{number}" for number in range(50)]
        cache.set_many(dict.fromkeys(keys, "old"))
        wait_until(lambda: all(kept(cache, key) for key in keys), "copies")
        proxy.slice(3, pause=0)
        server.cli("DEL", *map(cache.make_key, keys))
        wait_until(lambda: not any(kept(cache, key, read=False) for key in keys), "all are told")
        assert heard(cache)


# Forks


def test_a_forked_child_begins_without_copies(server: Server, make_near: Make) -> None:
    cache = with_a_copy(make_near({"NEAR_TTL": 600}, LOCATION=server.url))
    before = trackers(server)

    def work() -> None:
        assert not heard(cache)
        assert cache.client.near_info().entries == 0
        server.cli("SET", cache.make_key("k"), "5")
        assert cache.get("k") == 5
        listening(cache)
        wait_until(lambda: kept(cache, "k"), "a copy of its own")
        assert len(trackers(server)) == 2
        server.cli("SET", cache.make_key("k"), "6")
        wait_until(lambda: cache.get("k") == 6, "its own connection tells of the write")

    assert in_child(work) == 0
    wait_until(lambda: trackers(server) == before, "the child's connection ends with it")
    assert heard(cache), "and the parent's goes on"
    wait_until(lambda: cache.get("k") == 6, "what the child wrote")
    with_a_copy(cache)
    server.cli("SET", cache.make_key("k"), "7")
    wait_until(lambda: cache.get("k") == 7, "the parent's connection tells of the write")


def test_a_fork_in_the_middle_of_a_flush(server: Server, make_near: Make) -> None:
    """The parent's flush is nobody's in the child, where its generator may be collected later."""
    cache = with_a_copy(make_near({"NEAR_TTL": 600}, LOCATION=server.url, KEY_PREFIX=""))
    driver = cache._driver

    def flushing() -> Operation[bool]:
        """A flush that is about to be sent."""
        flush = driver.begin.clear()
        (command,) = flush.send(driver.execute(flush.send(None)))
        assert command.kind.name == b"FLUSHDB"
        return flush

    flush = flushing()

    def work() -> None:
        flush.close()
        with_a_copy(listening(cache))
        own = flushing()
        for _ in range(3):
            cache.get("k")
        assert not kept(cache, "k", read=False), "while it is being flushed"
        own.close()

    assert in_child(work) == 0
    flush.close()
    with_a_copy(cache)


def test_a_fork_while_threads_read_and_write(server: Server, make_near: Make) -> None:
    cache = make_near({"NEAR_TTL": 600}, LOCATION=server.url)
    done = threading.Event()

    def busy(key: str) -> None:
        while not done.is_set():
            cache.set(key, 1)
            cache.get_many(["a", "b", "c"])

    threads = [threading.Thread(target=busy, args=[key]) for key in "abc"]
    for thread in threads:
        thread.start()

    def work() -> None:
        for number in range(20):
            cache.set("mine", number)
            assert cache.get("mine") == number
            assert cache.get("mine") == number

    try:
        assert [in_child(work) for _ in range(5)] == [0] * 5
    finally:
        done.set()
        for thread in threads:
            thread.join()


# Servers that do not tell


def test_what_a_user_must_be_allowed(make_near: Make) -> None:
    """As the README says, beside what a cache without near uses."""
    rules = "on >secret ~* +get +mget +set +del +unlink +pttl +info +scan"
    users = {"reader": f"{rules} +client|tracking +hello +ping"}
    with Server(os.environ.get("DRC_TEST_SERVER", "valkey"), users=users) as server:
        url = f"redis://reader:secret@{server.host}:{server.port}/0"
        cache = with_a_copy(make_near({"NEAR_TTL": 600}, LOCATION=url))
        server.cli("SET", cache.make_key("k"), 5)
        wait_until(lambda: cache.get("k") == 5, "the server's word")


def test_a_user_who_may_not_track_reads_from_the_server(
    make_cache: Make, caplog: pytest.LogCaptureFixture
) -> None:
    users = {"reader": "on >secret ~* +@all -client|tracking"}
    with Server(os.environ.get("DRC_TEST_SERVER", "valkey"), users=users) as server:
        url = f"redis://reader:secret@{server.host}:{server.port}/0"
        cache = make_cache({"CLIENT": "near"}, LOCATION=url)
        cache.set("k", "value")

        def refused() -> bool:
            assert cache.get("k") == "value"
            (state,) = cache.client.near_info().tracking.values()
            return "NOPERM" in str(state)

        with caplog.at_level(logging.WARNING):
            wait_until(refused, "why nothing is kept")
        assert cache.client.near_info().hits == 0
        assert "NOPERM" in caplog.text
        assert "secret" not in caplog.text


def test_a_connection_on_which_the_server_would_be_silent(server: Server, make_cache: Make) -> None:
    """In RESP2 the server tracks as it was asked to, answers PING, and tells of nothing."""

    def quiet(connection: Any) -> None:
        connection._parser.on_connect(connection)

    kwargs = {"redis_connect_func": quiet}
    cache = make_cache(
        {"CLIENT": "near", "NEAR_TTL": 600, "CONNECTION_POOL_KWARGS": kwargs}, LOCATION=server.url
    )
    cache.set("k", "old", None)
    wait_until(lambda: kept(cache, "k"), "a copy")
    server.cli("SET", cache.make_key("k"), 5)
    wait_until(lambda: cache.get("k") == 5, "the server's word")


def test_a_server_without_resp3(make_cache: Make, caplog: pytest.LogCaptureFixture) -> None:
    kind = os.environ.get("DRC_TEST_SERVER", "valkey")
    with Server(kind, config={"rename-command": 'HELLO ""'}) as server:
        cache = make_cache({"CLIENT": "near"}, LOCATION=server.url)
        cache.set("k", "value")

        def refused() -> bool:
            assert cache.get("k") == "value"
            (state,) = cache.client.near_info().tracking.values()
            return "unknown command" in str(state)

        wait_until(refused, "why nothing is kept")
        assert cache.client.near_info().hits == 0


def test_over_tls(server: Server, make_near: Make) -> None:
    certificate = Authority().issue()
    with FaultProxy(server.host, server.port, tls=certificate) as proxy:
        options = {"CONNECTION_POOL_KWARGS": {"ssl_ca_certs": certificate.ca_file}}
        url = f"rediss://127.0.0.1:{proxy.port}/0"
        cache = with_a_copy(make_near({"NEAR_TTL": 600, **options}, LOCATION=url))
        before = trackers(server)
        keys = [f"key-{number}" for number in range(200)]
        cache.set_many(dict.fromkeys(keys, "old"))
        wait_until(lambda: all(kept(cache, key) for key in keys), "copies")
        server.cli("DEL", *map(cache.make_key, keys))
        wait_until(lambda: not any(kept(cache, key, read=False) for key in keys), "all are told")
        assert trackers(server) == before, "on one connection"


def test_the_connection_ends_with_the_caches_that_need_it(server: Server) -> None:
    def cache(prefix: str) -> RedisCache:
        options = {"CLIENT": "near", "NEAR_LEASE": 30}
        return RedisCache(server.url, {"KEY_PREFIX": prefix, "OPTIONS": options})

    made = [listening(cache(prefix)) for prefix in ("one", "one", "two")]
    assert len(trackers(server)) == 2, "one for each prefix"
    del made
    with override_settings(CACHES={"default": {"BACKEND": "django_redis_core.cache.RedisCache"}}):
        gc.collect()  # engines of settings that are no more
    wait_until(lambda: trackers(server) == [], "the connections are closed")


# Replicas


def test_what_is_kept_was_read_from_the_primary(make_near: Make) -> None:
    kind = os.environ.get("DRC_TEST_SERVER", "valkey")
    with replicated(1, kind=kind) as group:
        cache = make_near({**BRIEF, "NEAR_LEASE": 30}, LOCATION=group.urls)
        key = cache.make_key("k")
        cache.set("k", "old", None)
        group.wait_in_sync()
        (replica,) = group.replicas
        replica.cli("REPLICAOF", "NO", "ONE")
        replica.cli("SET", key, "5")  # what the primary does not tell of
        wait_until(lambda: kept(cache, "k"), "a copy")
        assert cache.get("k") == "old"
        group.primary.kill()
        wait_until(lambda: not heard(cache), "the primary is gone")
        assert cache.get("k") == 5, "replicas serve reads as ever"


def test_a_primary_that_hangs_is_waited_for_by_nobody_once_the_lease_has_ended(
    make_near: Make,
) -> None:
    """Only copies need the primary, and without a lease there are none: a replica answers."""
    kind = os.environ.get("DRC_TEST_SERVER", "valkey")
    with replicated(1, kind=kind) as group:
        options = {"NEAR_TTL": 600, "NEAR_LEASE": 1, "SOCKET_TIMEOUT": 30}
        cache = make_near(options, LOCATION=group.urls)
        cache.set("k", "value", None)
        group.wait_in_sync()
        wait_until(lambda: kept(cache, "k"), "a copy")
        group.primary.pause()
        try:
            wait_until(lambda: not heard(cache), "the lease ends")
            began = time.monotonic()
            assert cache.get("k") == "value"
            assert time.monotonic() - began < 12
        finally:
            group.primary.resume()


# Greenlets

GREENLETS = """
from gevent import monkey
monkey.patch_all()
import sys, gevent
from django.conf import settings
settings.configure()
from django_redis_core.cache import RedisCache
cache = RedisCache(sys.argv[1], {"OPTIONS": {"CLIENT": "near", "NEAR_TTL": 600}})
def alive():
    cache.get("nothing")
    return all(state is True for state in cache.client.near_info().tracking.values())
with gevent.Timeout(30):
    while not alive():
        gevent.sleep(0.01)
    raw = cache.raw_client()
    for number in range(20):
        raw.set(cache.make_key("k"), number)
        while cache.get("k") != number:
            gevent.sleep(0)
        jobs = [gevent.spawn(cache.get, "k") for _ in range(20)]
        assert {job.get() for job in jobs} == {number}
        before = cache.client.near_info().hits
        while cache.client.near_info().hits < before + 10:
            assert cache.get("k") == number
            gevent.sleep(0)
print(cache.client.near_info().hits)
"""


def test_greenlets(redis_server: Server) -> None:
    command = [sys.executable, "-c", GREENLETS, redis_server.url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 200
