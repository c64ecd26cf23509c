"""Nobody reads what is out of date for longer than promised, and never what this process wrote."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from redis.exceptions import OutOfMemoryError

from django_redis_core.cache import RedisCache
from django_redis_core.testing.clients import wait_until
from django_redis_core.testing.servers import Server

from .conftest import Make, kept, reads, told

#: Counts up under a key and prints each number when it is acknowledged, and the host's time then.
#: Halfway it waits for a line.
WRITER = """
import sys, time, redis
client = redis.Redis.from_url(sys.argv[1], protocol=2)
for number in range(1, int(sys.argv[3]) + 1):
    client.set(sys.argv[2], number)
    print(number, time.monotonic(), flush=True)
    time.sleep(0.001)
    if number == int(sys.argv[3]) // 2:
        sys.stdin.readline()
"""


@pytest.mark.parametrize("way", ["get", "get_many", "pipeline"])
def test_writes_of_another_process_are_seen_within_the_lease(
    make_near: Make, redis_server: Server, way: str
) -> None:
    """Copies live for ten minutes here. A read must show every write that was acknowledged a lease
    before it began; on a machine that keeps this process waiting, the lease ends sooner."""
    lease = 0.3
    cache = make_near({"NEAR_TTL": 600, "NEAR_LEASE": lease})
    key, writes = cache.make_key("counted"), 600
    cache.raw_client().set(key, 0)

    def read() -> int:
        if way == "get":
            return int(cache.get("counted"))
        if way == "get_many":
            return int(cache.get_many(["counted", "other"])["counted"])
        with cache.pipeline() as queue:
            result = queue.get("counted")
        return int(result.value)

    seen: list[tuple[float, int]] = []
    done = threading.Event()

    def reader(_: int) -> None:
        while not done.is_set():
            began = time.monotonic()
            seen.append((began, read()))
            time.sleep(0)

    with ThreadPoolExecutor(3) as threads:
        running = [threads.submit(reader, number) for number in range(3)]
        command = [sys.executable, "-c", WRITER, redis_server.url, key, str(writes)]
        pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        with subprocess.Popen(command, **pipes) as writer:
            try:
                half = writes // 2
                wait_until(lambda: seen and seen[-1][1] == half, "reads in its midst", timeout=30)
                out, _ = writer.communicate("\n", timeout=60)
                wait_until(lambda: read() == writes, "the last value", timeout=30)
            finally:
                done.set()
                writer.kill()
        for future in running:
            future.result()
    acknowledged = [float(line.split()[1]) for line in out.splitlines()]
    assert len(acknowledged) == writes
    late = [
        (began, value, due)
        for began, value in seen
        if value < (due := bisect_right(acknowledged, began - lease))
    ]
    assert not late
    assert {value for _, value in seen} > {0, writes}
    assert cache.client.near_info().hits > writes


def test_own_writes_are_seen_at_once(cache: RedisCache) -> None:
    """Also by threads that read the key all the time, and so bring its old value back."""
    done = threading.Event()

    def reader() -> None:
        while not done.is_set():
            cache.get("k")
            cache.get_many(["k"])

    threads = [threading.Thread(target=reader) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for number in range(300):
            cache.set("k", number)
            assert cache.get("k") == number
            assert cache.incr("k") == number + 1
            assert cache.get_many(["k"]) == {"k": number + 1}
            with cache.pipeline() as queue:
                queue.set("k", "in a pipeline")
                result = queue.get("k")
            assert result.value == "in a pipeline"
            cache.delete("k")
            assert not cache.has_key("k")
    finally:
        done.set()
        for thread in threads:
            thread.join()


WRITES: dict[str, Callable[[RedisCache], Any]] = {
    "set": lambda cache: cache.set("k", "new"),
    "set_many": lambda cache: cache.set_many({"k": "new"}),
    "delete": lambda cache: cache.delete("k"),
    "delete_many": lambda cache: cache.delete_many(["k"]),
    "delete_pattern": lambda cache: cache.delete_pattern("k*"),
    "incr": lambda cache: cache.incr("number"),
    "incr_version": lambda cache: cache.incr_version("k"),
    "getdel": lambda cache: cache.getdel("k"),
    "touch to nothing": lambda cache: cache.touch("k", 0),
    "expire": lambda cache: cache.expire("k", 0),
    "clear": lambda cache: cache.clear(),
    "set only if it is there": lambda cache: cache.set("k", "new", xx=True),
}


@pytest.mark.parametrize("how", WRITES)
def test_every_write_of_ones_own_drops_the_copy(
    make_near: Make, make_cache: Make, how: str
) -> None:
    cache = make_near({"NEAR_TTL": 600})
    plain = make_cache({}, KEY_PREFIX=cache.key_prefix)
    cache.set_many({"k": "old", "number": 1})
    wait_until(lambda: kept(cache, "k") and kept(cache, "number"), "copies")
    WRITES[how](cache)
    for key in ("k", "number"):
        assert cache.get(key) == plain.get(key)
        assert cache.has_key(key) == plain.has_key(key)


def test_what_one_cache_writes_another_one_sees_at_once(make_near: Make) -> None:
    """Two aliases of a process on the same keys."""
    one = make_near({"NEAR_TTL": 600}, KEY_PREFIX="near-both")
    other = make_near({"NEAR_TTL": 599}, KEY_PREFIX="near-both")
    assert one.client is not other.client
    for number in range(50):
        one.set("k", number)
        assert other.get("k") == number
        other.get("k")
        assert one.get("k") == number
        one.get("k")


@pytest.fixture
def elsewhere(cache: RedisCache) -> Iterator[Any]:
    """A client that near knows nothing of, and a copy of ``k``."""
    cache.set("k", "old")
    wait_until(lambda: kept(cache, "k"), "a copy")
    return cache.raw_client()


@pytest.mark.parametrize(
    "write",
    [
        lambda raw, key: raw.set(key, 5),
        lambda raw, key: raw.delete(key),
        lambda raw, key: raw.pexpire(key, 1),
        lambda raw, key: raw.rename(key, key + "-away"),
        lambda raw, key: raw.setrange(key, 0, b"broken"),
        lambda raw, key: raw.eval("return redis.call('SET', KEYS[1], 6)", 1, key),
        lambda raw, key: raw.pipeline().set(key, 7).execute(),
    ],
    ids="set delete expire rename damage script transaction".split(),
)
def test_whatever_is_done_elsewhere_is_heard(cache: RedisCache, elsewhere: Any, write: Any) -> None:
    write(elsewhere, cache.make_key("k"))
    wait_until(lambda: not kept(cache, "k", read=False), "the copy is dropped")
    wait_until(lambda: cache.get("k") != "old", "what is stored now")


@pytest.mark.parametrize("command", ["FLUSHDB", "FLUSHALL"])
def test_a_flush_drops_all(server: Server, make_near: Make, command: str) -> None:
    cache = make_near({"NEAR_TTL": 600}, LOCATION=server.url)
    cache.set_many({"a": 1, "b": 2})
    wait_until(lambda: kept(cache, "a") and kept(cache, "b"), "copies")
    server.cli(command)
    wait_until(lambda: not cache.client.near_info().entries, "nothing is left")
    assert cache.get_many(["a", "b"]) == {}


def test_an_evicted_entry_is_dropped(server: Server, make_near: Make) -> None:
    cache = make_near({"NEAR_TTL": 600}, LOCATION=server.url)
    cache.set("k", "value", None)
    wait_until(lambda: kept(cache, "k"), "a copy")
    server.cli("CONFIG", "SET", "maxmemory-policy", "allkeys-random")
    server.cli("CONFIG", "SET", "maxmemory", "1")
    with server.client() as raw:
        with pytest.raises(OutOfMemoryError):
            raw.set("other", 1)
        assert not raw.exists(cache.make_key("k"))
    wait_until(lambda: not kept(cache, "k", read=False), "the copy is dropped")


# A reply that an invalidation overtakes


@pytest.mark.parametrize("way", ["get", "get_many", "pipeline"])
def test_a_value_overtaken_by_its_invalidation_is_not_kept(cache: RedisCache, way: str) -> None:
    """The read is halted between the server's reply and the reader."""
    cache.set("k", "old")
    told(cache)
    cache.get("k")  # the first read; the second one would be kept
    driver, client = cache._driver, cache._engine.client
    operation = client.get("k") if way != "get_many" else client.get_many(["k"])
    request = operation.send(None)
    assert isinstance(request, list), "the value is asked for together with its time to live"
    reply = driver.execute(request)
    cache.raw_client().set(cache.make_key("k"), 5)
    wait_until(lambda: cache.make_key("k") not in client._copies, "the server's word")
    with pytest.raises(StopIteration) as stopped:
        operation.send(reply)
    assert stopped.value.value in ("old", {"k": "old"}), "it was read before it was written"
    assert not kept(cache, "k", read=False)
    assert cache.get("k") == 5


def test_a_value_overtaken_by_an_own_write_is_not_kept(cache: RedisCache) -> None:
    cache.set("k", "old")
    told(cache)
    cache.get("k")
    operation = cache._engine.client.get("k")
    reply = cache._driver.execute(operation.send(None))
    cache.set("k", "new")
    with pytest.raises(StopIteration):
        operation.send(reply)
    assert cache.get("k") == "new"


def test_a_read_during_an_own_write_keeps_nothing(cache: RedisCache) -> None:
    cache.set("k", "old")
    told(cache)
    cache.get("k")
    write = cache._driver.begin.set("k", "new")
    request = write.send(None)
    for _ in range(3):
        assert cache.get("k") == "old"
        assert not kept(cache, "k", read=False)
    reply = cache._driver.execute(request)
    with pytest.raises(StopIteration):
        write.send(reply)
    assert cache.get("k") == "new"


def test_a_write_that_was_abandoned_leaves_no_fence(cache: RedisCache) -> None:
    cache.set("k", "old")
    write = cache._driver.begin.set("k", "new")
    write.send(None)
    write.close()
    wait_until(lambda: kept(cache, "k"), "a copy")
    assert reads(cache, "k", "old")
