"""The file is rewritten while threads and tasks read and write."""

import asyncio
import json
import logging
import os
import threading
import time

import pytest

from django_redis_core.cache import RedisCache
from django_redis_core.exceptions import ConnectionInterrupted
from django_redis_core.testing.proxy import FaultProxy
from django_redis_core.testing.servers import Server
from django_redis_core.testing.topologies import replicated

#: Seconds; the README promises that a site follows within this and a call.
INTERVAL = 0.3


class File:
    """The file, which is replaced as a whole."""

    def __init__(self, path):
        self.path = path
        self.location = f"jsonfile://{path}"

    def names(self, primary, replicas=()):
        text = {"primary": primary.url, "replicas": [server.url for server in replicas]}
        self.holds(json.dumps(text))

    def holds(self, text):
        new = self.path.with_suffix(".new")
        new.write_text(text)
        os.replace(new, self.path)

    def cache(self, **options):
        return RedisCache(self.location, {"OPTIONS": {"JSONFILE_INTERVAL": INTERVAL, **options}})


@pytest.fixture
def file(tmp_path):
    return File(tmp_path / "cache.json")


@pytest.fixture(scope="module")
def servers():
    with Server() as first, Server() as second:
        yield first, second


def connections(server):
    """How many clients a server has beside the one that asks."""
    with server.client() as client:
        return len(client.client_list()) - 1


def eventually(is_so, seconds=5.0):
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until, "it did not come to be so"
        time.sleep(0.01)


class Traffic:
    """Threads and asyncio tasks that write and read back until the block ends."""

    def __init__(self, cache):
        self.cache = cache
        self.ended = threading.Event()
        self.errors = []
        self.calls = 0
        bodies = [self.in_a_thread] * 3 + [lambda: asyncio.run(self.in_tasks())]
        self.threads = [threading.Thread(target=self.caught, args=(body,)) for body in bodies]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *error):
        self.ended.set()
        for thread in self.threads:
            thread.join()
        assert self.errors == []

    def caught(self, body):
        try:
            body()
        except BaseException as error:
            self.errors.append(error)
            self.ended.set()

    def in_a_thread(self):
        while not self.ended.is_set():
            self.cache.set("thread", 1)
            self.cache.get_many(["thread", "task"])
            self.calls += 1

    async def in_tasks(self):
        async def one():
            while not self.ended.is_set():
                await self.cache.aset("task", 1)
                await self.cache.aget("task")
                self.calls += 1

        await asyncio.gather(*[one() for _ in range(5)])

    def goes_on(self):
        calls = self.calls
        eventually(lambda: self.calls > calls + 20)


def test_threads_and_tasks_follow_and_the_old_connections_are_closed(file, servers):
    old, new = servers
    file.names(old)
    cache = file.cache()
    with Traffic(cache) as traffic:
        traffic.goes_on()
        assert connections(old) > 1
        assert connections(new) == 0
        file.names(new)
        began = time.monotonic()
        eventually(lambda: connections(new) > 1 and connections(old) == 0)
        assert time.monotonic() - began < INTERVAL + 1
        with old.client() as client:
            before = client.info("commandstats").get("cmdstat_set", {}).get("calls", 0)
            traffic.goes_on()
            assert client.info("commandstats").get("cmdstat_set", {}).get("calls", 0) == before
    with new.client() as client:
        assert client.get(cache.make_key("thread")) == client.get(cache.make_key("task")) == b"1"


def test_a_server_that_dies_is_left_as_soon_as_the_file_names_another(file):
    with Server() as old, Server() as new:
        file.names(old)
        cache = file.cache(JSONFILE_INTERVAL=1000)
        assert cache.set("k", 1)
        old.kill()
        file.names(new)
        time.sleep(0.2)  # since the look at the file before
        assert cache.set("k", 2), "the failed command itself"
        assert cache.get("k") == 2


def test_what_may_have_run_is_not_sent_to_the_new_server(file, servers):
    """An incr whose answer is lost may have counted."""
    old, new = servers
    with FaultProxy(*old.address) as proxy:
        file.names(proxy)
        cache = file.cache(JSONFILE_INTERVAL=1000)
        cache.set("n", 1)
        file.names(new)
        time.sleep(0.2)
        proxy.drop_replies(1)
        with pytest.raises(ConnectionInterrupted):
            cache.incr("n")
        assert cache.set("n", 5), "but the next command goes there"
        assert cache.incr("n") == 6


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", r"is no JSON \(line 1, column 1\)"),
        ("[]", "must be an object with"),
        ('{"primary": 7}', 'must be an object with "primary"'),
        ('{"primary": "redis://h", "replicas": "redis://r"}', "must have a list of URLs"),
        ('{"primary": "redis://h", "standby": []}', "and not standby"),
        ('{"primary": "http://:secret@h"}', "this connection factory takes redis://"),
        (None, "cannot be read: No such file or directory"),
    ],
)
def test_a_wrong_file_is_trouble_and_then_the_old_servers_are_used(
    file, servers, caplog, text, words
):
    def spoil():
        file.path.unlink(missing_ok=True)
        if text is not None:
            file.holds(text)

    spoil()
    cache = file.cache()
    with pytest.raises(ConnectionInterrupted, match=words) as caught:
        cache.get("k")
    assert file.location in str(caught.value)
    with pytest.raises(ConnectionInterrupted, match=words):
        asyncio.run(cache.aget("k"))
    assert file.cache(IGNORE_EXCEPTIONS=True).get("k", "default") == "default"
    file.names(servers[0])
    assert cache.set("k", "value")
    caplog.clear()
    spoil()
    until = time.monotonic() + 3 * INTERVAL
    with caplog.at_level(logging.WARNING):
        while time.monotonic() < until:
            assert cache.get("k") == "value"
    (line,) = caplog.records
    assert line.getMessage().startswith(file.location)
    assert "secret" not in caplog.text
    file.names(servers[1])
    eventually(lambda: cache.get("k") is None)


def test_replicas_answer_reads_and_the_primary_when_they_are_gone(file):
    with replicated(1) as found:
        file.names(found.primary, found.replicas)
        cache = file.cache(READ_FROM="replicas")
        cache.set("k", 1)
        eventually(lambda: cache.get("k") == 1)
        with found.replicas[0].client() as client:
            assert client.info("commandstats")["cmdstat_get"]["calls"] > 0
        found.replicas[0].kill()
        assert cache.get("k") == 1


def test_another_cache_on_the_old_server_keeps_its_connections(file, servers):
    """Its node is not the file's, although all options are the same."""
    old, new = servers
    other = RedisCache(old.url, {})
    other.set("other", 1)
    file.names(old)
    cache = file.cache()
    cache.set("k", 1)
    with old.client() as client:
        mine = {each["id"] for each in client.client_list()}
    file.names(new)
    time.sleep(INTERVAL)
    cache.set("k", 1)
    assert other.get("other") == 1
    with old.client() as client:
        assert len({each["id"] for each in client.client_list()} & mine) == 1


def test_two_caches_of_one_file_follow_at_their_own_pace(file, servers):
    old, new = servers
    file.names(old)
    quick, slow = file.cache(), file.cache(JSONFILE_INTERVAL=1000)
    quick.set("k", 1)
    assert slow.get("k") == 1
    file.names(new)
    time.sleep(INTERVAL)
    quick.set("k", 2)
    time.sleep(0.2)
    assert slow.get("k") == 2, "its connection is closed, so it looks"
    file.names(old)
    time.sleep(INTERVAL)
    quick.set("k", 3)
    assert slow.get("k") == 3


def test_a_raw_client_is_of_the_server_that_is_named_now(file, servers):
    old, new = servers
    file.names(new)
    cache = file.cache()
    port = cache.raw_client().connection_pool.connection_kwargs["port"]
    assert port == new.port, "before any operation"

    async def of_asyncio():
        client = cache.async_raw_client()
        return (await client.ping()), client.connection_pool.connection_kwargs["port"]

    assert asyncio.run(of_asyncio()) == (True, new.port)
    file.names(old)
    time.sleep(INTERVAL)
    assert cache.raw_client().connection_pool.connection_kwargs["port"] == old.port
