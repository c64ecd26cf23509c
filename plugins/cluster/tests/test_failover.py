"""Nodes that die under load, and what the cache does until another one serves their slots."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import pytest
from redis.exceptions import ResponseError

from django_redis_core import signals
from django_redis_core.cache import RedisCache
from django_redis_core.exceptions import CircuitOpen, ConnectionInterrupted, ServerRefused
from django_redis_core.testing.busy import HeldUp, quickest, seconds
from django_redis_core.testing.clients import wait_until
from django_redis_core.testing.cluster import Cluster, slot_of
from django_redis_core.testing.proxy import FaultProxy
from django_redis_core.testing.servers import Server
from django_redis_core.testing.topologies import in_sync

CacheOn = Callable[..., RedisCache]
KeysOf = Callable[..., dict[Server, list[str]]]
Proxies = dict[tuple[str, int], FaultProxy]

#: Seconds before a primary's death in which what it acknowledged may not have left it.
UNSENT = 0.05


@dataclass
class Call:
    of: str
    key: str
    value: int
    began: float
    took: float
    error: Exception | None


class Load:
    """Eight threads and fifty tasks that write rising numbers, each to keys of its own."""

    def __init__(self, cache: RedisCache, keys: list[str]) -> None:
        self.cache = cache
        self.calls: list[Call] = []
        self._keys = keys
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._blocking, args=(n,)) for n in range(8)]
        self._threads.append(threading.Thread(target=lambda: asyncio.run(self._tasks())))

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _blocking(self, number: int) -> None:
        mine, value = self._keys[number::58], 0
        while not self._stop.is_set():
            value += 1
            key, began, trouble = random.choice(mine), time.monotonic(), None
            try:
                self.cache.set(key, value, timeout=None)
            except Exception as error:
                trouble = error
            took = time.monotonic() - began
            self.calls.append(Call("threads", key, value, began, took, trouble))
            time.sleep(0.002)

    async def _tasks(self) -> None:
        await asyncio.gather(*[self._native(number) for number in range(8, 58)])

    async def _native(self, number: int) -> None:
        mine, value = self._keys[number::58], 0
        while not self._stop.is_set():
            value += 1
            key, began, trouble = random.choice(mine), time.monotonic(), None
            try:
                await self.cache.aset(key, value, timeout=None)
            except Exception as error:
                trouble = error
            took = time.monotonic() - began
            self.calls.append(Call("tasks", key, value, began, took, trouble))
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("end", ["kill", "pause"])
def test_a_primary_dies_under_load(
    cache_on: CacheOn, nodes: Cluster, keys_of: KeysOf, end: str
) -> None:
    cache = cache_on(nodes.urls[0])
    found = keys_of(cache, 200)
    victim = next(iter(found))
    lost = set(found[victim])
    every = [key for keys in zip(*found.values(), strict=True) for key in keys]
    with HeldUp() as held, Load(cache, every) as load:
        time.sleep(0.5)
        died = time.monotonic()
        getattr(victim, end)()
        nodes.wait_failover(victim)
        taken_over = time.monotonic()
        time.sleep(1.2)

    healthy = [call for call in load.calls if call.key not in lost]
    assert [call.error for call in healthy if call.error] == []
    # Whoever waited for the dead server would wait for seconds. A busy machine may hold up a call
    # or two out of thousands by itself.
    took = sorted(call.took for call in healthy)
    assert took[int(len(took) * 0.99)] < 0.5 + held.seconds
    assert took[-1] < 2 + held.seconds

    failed = [call for call in load.calls if call.error]
    assert failed, "the death was not felt, so nothing was tested"
    assert all(isinstance(call.error, ConnectionInterrupted) for call in failed)
    assert max(call.began + call.took for call in failed) < taken_over + 1 + held.seconds
    assert max(call.took for call in failed) < 2 + held.seconds

    stored = cache.get_many(list({call.key for call in load.calls}))

    def lacks(calls: list[Call]) -> set[str]:
        kept = {call.key: call.value for call in calls if not call.error}
        return {key for key, value in kept.items() if stored.get(key, 0) < value}

    report(end, load, lost, died, taken_over, lacks(load.calls))
    unsent = UNSENT + held.seconds
    sent = [call for call in load.calls if not abs(call.began + call.took - died) < unsent]
    assert lacks(sent) == set()


def report(
    end: str, load: Load, lost: set[str], died: float, taken_over: float, lost_writes: set[str]
) -> None:
    """Prints the figures of docs/cluster.md: ``pytest -rP`` shows them."""
    for of in ("threads", "tasks"):
        calls = [call for call in load.calls if call.of == of]
        healthy = [call for call in calls if call.key not in lost]
        failed = [call for call in calls if call.error]
        until = max((call.began + call.took for call in failed), default=died) - died
        print(  # noqa: T201  # figures for a reader
            f"{end}, {of}: {len(calls)} calls, {sum(bool(call.error) for call in healthy)} failed "
            f"on healthy slots, the slowest there {max(call.took for call in healthy):.3f} s; "
            f"{len(failed)} failed on lost slots, until {until:.2f} s after the death, the cluster "
            f"took {taken_over - died:.2f} s; the slowest {max(one.took for one in calls):.2f} s; "
            f"{len(lost_writes & {call.key for call in calls})} keys lost an acknowledged write"
        )


def test_what_may_have_been_executed_is_not_sent_again(
    through_proxies: RedisCache, proxies: Proxies, nodes: Cluster
) -> None:
    cache = through_proxies
    cache.set("counter", 0)
    assert cache.incr("counter") == 1
    proxy = proxies[nodes.owner(slot_of(cache.make_key("counter"))).address]
    proxy.drop_replies(1)
    with pytest.raises(ConnectionInterrupted):
        cache.incr("counter")
    assert cache.get("counter") == 2

    proxy.drop_replies(1)
    assert cache.set("counter", 9)  # the same again leaves the same
    assert cache.get("counter") == 9


async def test_nor_on_asyncio(
    through_proxies: RedisCache, proxies: Proxies, nodes: Cluster
) -> None:
    cache = through_proxies
    await cache.aset("counter", 0)
    assert await cache.aincr("counter") == 1
    proxies[nodes.owner(slot_of(cache.make_key("counter"))).address].drop_replies(1)
    with pytest.raises(ConnectionInterrupted):
        await cache.aincr("counter")
    assert await cache.aget("counter") == 2


def test_a_shard_without_any_node_fails_its_own_keys_only(
    cache_on: CacheOn, nodes: Cluster, keys_of: KeysOf
) -> None:
    cache = cache_on(nodes.urls[0], SOCKET_TIMEOUT=3, BREAKER_INTERVAL=60)
    found = keys_of(cache, 20)
    data = {
        key: number for number, key in enumerate(key for keys in found.values() for key in keys)
    }
    cache.set_many(data)
    dead, *alive = found
    served = {key: data[key] for node in alive for key in found[node]}
    for node in (*nodes.replicas_of(dead), dead):
        node.kill()

    reported: list[str] = []

    def report(sender: object, keys: list[str], **kwargs: object) -> None:
        reported.extend(keys)

    signals.partial_failure.connect(report)
    try:
        assert cache.get_many(list(data)) == served  # the first one waits for the lost slots

        def again() -> None:
            assert cache.get_many(list(data)) == served
            assert sorted(cache.set_many(data)) == sorted(found[dead])
            for key in served:
                assert cache.get(key) == data[key]
            with pytest.raises(CircuitOpen):
                cache.get(found[dead][0])

        # Who waits does so for nearly three seconds.
        assert quickest(lambda: seconds(again), below=2.7) < 2.7
    finally:
        signals.partial_failure.disconnect(report)
    assert set(reported) == {cache.make_key(key) for key in found[dead]}


@contextmanager
def nobody_serves(owner: Server, *slots: int) -> Iterator[None]:
    owner.cli("CLUSTER", "DELSLOTS", *slots)
    try:
        yield
    finally:
        for slot in slots:
            with suppress(ResponseError):  # it has the slot again already
                owner.cli("CLUSTER", "ADDSLOTS", slot)


def test_a_slot_that_nobody_serves_is_waited_for_and_then_not_again(
    cache_on: CacheOn, nodes: Cluster
) -> None:
    cache = cache_on(nodes.urls)
    slot = slot_of(cache.make_key("k"))
    owner = nodes.owner(slot)
    cache.set("k", "value")
    cache.delete("k")
    with nobody_serves(owner, slot):
        began = time.monotonic()
        with pytest.raises(ServerRefused, match="CLUSTERDOWN"):
            cache.get("k")
        assert 0.8 < time.monotonic() - began < 30

        def again() -> None:
            with pytest.raises(ServerRefused, match="CLUSTERDOWN"):
                cache.get("k")

        # Who waits does so for nearly a second.
        assert quickest(lambda: seconds(again), below=0.8) < 0.8
        time.sleep(1)  # from now on it is waited for again
        later = threading.Timer(0.05, owner.cli, ["CLUSTER", "ADDSLOTS", slot])
        later.start()
        assert cache.set("k", "value")
        later.join()


async def test_nodes_that_do_not_know_that_nobody_serves_it_do_not_shorten_the_wait(
    cache_on: CacheOn, nodes: Cluster, keys_of: KeysOf
) -> None:
    """The owner knows that it has given up the slots, the others go on naming it."""
    cache = cache_on(nodes.urls)
    owner, keys = next(iter(keys_of(cache, 20).items()))
    await cache.aset_many(dict.fromkeys(keys, "value"))
    await cache.adelete_many(keys)
    took: list[float] = []

    async def read(key: str) -> None:
        began = time.monotonic()
        with pytest.raises(ServerRefused, match="CLUSTERDOWN"):
            await cache.aget(key)
        took.append(time.monotonic() - began)

    with nobody_serves(owner, *{slot_of(cache.make_key(key)) for key in keys}):
        await asyncio.gather(*map(read, keys))
    assert min(took) > 0.8


def gets(node: Server) -> int:
    stats = node.info("commandstats")
    return sum(int(stats.get(f"cmdstat_{name}", {}).get("calls", 0)) for name in ("get", "mget"))


@pytest.mark.parametrize("read_from", ["replicas", "nearest"])
def test_replicas_answer_reads_and_one_that_dies_is_not_missed(
    nodes: Cluster, cache_on: CacheOn, keys_of: KeysOf, read_from: str
) -> None:
    cache = cache_on(nodes.nodes[0].url, READ_FROM=read_from)
    found = keys_of(cache, 5)
    keys = [key for of_node in found.values() for key in of_node]
    cache.set_many(dict.fromkeys(keys, 1))
    wait_until(
        lambda: all(in_sync(primary, nodes.replicas_of(primary)) for primary in found),
        "the replicas have it",
    )
    for node in nodes.nodes:
        node.cli("CONFIG", "RESETSTAT")
    for _ in range(5):
        assert [cache.get(key) for key in keys] == [1] * 15
        assert asyncio.run(cache.aget_many(keys)) == dict.fromkeys(keys, 1)
    asked = {node: gets(node) for node in nodes.nodes if gets(node)}
    if read_from == "replicas":
        assert not set(asked) & set(found)
    assert sum(asked.values()) >= 80

    killed = nodes.replicas_of(next(iter(found)))[0]
    killed.kill()
    for _ in range(5):
        assert [cache.get(key) for key in keys] == [1] * 15
        assert cache.get_many(keys) == dict.fromkeys(keys, 1)


def test_what_must_see_the_last_write_is_asked_of_the_primary(
    nodes: Cluster, cache_on: CacheOn, primaries: Callable[[], list[Server]]
) -> None:
    # Nodes of its own, so that no breaker is open because of what another test did.
    cache = cache_on(nodes.nodes[0].url, READ_FROM="replicas", BREAKER_FAILURES=5)
    for node in nodes.nodes:
        node.cli("CONFIG", "RESETSTAT")
    for number in range(20):
        assert cache.get_or_set(f"key{number}", number) == number
    assert sum(map(gets, primaries())) == 20
