"""Finding the cluster: start nodes that are down, and addresses that must be translated."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

from django_redis_core.cache import RedisCache
from django_redis_core.exceptions import ConnectionInterrupted, ReplyError
from django_redis_core.testing.busy import quickest, seconds
from django_redis_core.testing.clients import PATIENCE
from django_redis_core.testing.cluster import Cluster, cluster, slot_of
from django_redis_core.testing.processes import free_port
from django_redis_core.testing.proxy import FaultProxy
from django_redis_core.testing.servers import Server

CacheOn = Callable[..., RedisCache]

pytestmark = pytest.mark.usefixtures("patient_nodes")
Primaries = Callable[[], list[Server]]

DATA = {f"key{number}": number for number in range(60)}


def nobody() -> str:
    return f"redis://127.0.0.1:{free_port()}"


def test_a_dead_start_node_is_passed_over(nodes: Cluster, cache_on: CacheOn) -> None:
    cache = cache_on([nobody(), nobody(), nodes.urls[-1]])
    assert cache.set_many(DATA) == []
    assert asyncio.run(cache.aget_many(list(DATA))) == DATA


def test_one_that_never_answers_costs_one_timeout(nodes: Cluster, cache_on: CacheOn) -> None:
    def cost() -> float:
        with FaultProxy(*nodes.nodes[0].address) as proxy:
            proxy.black_hole()
            cache = cache_on([proxy.url, nodes.urls[1]], SOCKET_TIMEOUT=1)
            took = seconds(lambda: cache.set("k", 1))
            assert quickest(lambda: seconds(lambda: cache.get("k")), below=0.8) < 0.8
        return took

    assert 0.8 < quickest(cost, below=1.9) < 1.9


def test_without_any_it_says_which_were_asked(cache_on: CacheOn) -> None:
    first, second = nobody(), nobody()
    cache = cache_on([first, second])
    with pytest.raises(ConnectionInterrupted, match="no node says who serves") as caught:
        cache.get("k")
    assert first in str(caught.value)
    assert second in str(caught.value)
    with pytest.raises(ConnectionInterrupted):
        asyncio.run(cache.aget_many(["a", "b"]))
    with pytest.raises(ConnectionInterrupted):
        cache.lock("k").acquire()
    ignoring = cache_on([first, second], IGNORE_EXCEPTIONS=True)
    assert ignoring.get("k", "default") == "default"
    assert ignoring.get_many(["a", "b"]) == {}
    assert ignoring.keys("*") == []


def test_it_is_found_as_soon_as_a_start_node_is_up(nodes: Cluster, cache_on: CacheOn) -> None:
    with FaultProxy(*nodes.nodes[0].address) as proxy:
        proxy.refuse()
        cache = cache_on(proxy.url, **PATIENCE, BREAKER_INTERVAL=0.1)
        with pytest.raises(ConnectionInterrupted):
            cache.set("k", 1)
        proxy.heal()
        time.sleep(0.15)
        assert cache.set("k", 1)


def test_a_server_that_is_in_no_cluster_says_so(redis_server: Server, cache_on: CacheOn) -> None:
    with pytest.raises(ReplyError, match="cluster support disabled"):
        cache_on(redis_server.url).get("k")


def test_all_goes_by_the_translated_addresses(
    through_proxies: RedisCache, proxies: dict[Any, FaultProxy], nodes: Cluster
) -> None:
    cache = through_proxies
    assert cache.set_many(DATA) == []
    assert cache.get_many(list(DATA)) == DATA
    names = {node.name for node in cache._engine.topology.nodes()}
    assert names == {proxy.url for proxy in proxies.values()}
    with cache.lock("held", timeout=10):
        assert cache.has_key("held")


def test_a_function_may_translate(
    nodes: Cluster,
    proxies: dict[Any, FaultProxy],
    cache_on: CacheOn,
    primaries: Primaries,
) -> None:
    def remap(address: tuple[str, int]) -> tuple[str, int]:
        return proxies[address].address if address in proxies else address

    cache = cache_on(nodes.urls[0], ADDRESS_REMAP=remap)
    cache.set_many(DATA)
    assert all(proxies[node.address].accepted for node in primaries())


def test_redirections_are_translated_too(
    through_proxies: RedisCache,
    proxies: dict[Any, FaultProxy],
    nodes: Cluster,
    primaries: Primaries,
) -> None:
    cache = through_proxies
    cache.set("{tag}", 1)
    slot = slot_of(cache.make_key("{tag}"))
    home = nodes.owner(slot)
    target = next(node for node in primaries() if node is not home)
    nodes.move_slot(slot, target)
    before = proxies[target.address].request_bytes
    assert cache.get("{tag}") == 1
    assert proxies[target.address].request_bytes > before
    nodes.move_slot(slot, home)


@pytest.mark.parametrize("endpoint", ["unknown-endpoint", "hostname"])
def test_nodes_that_do_not_tell_their_host_are_on_the_one_that_was_asked(
    nodes: Cluster, cache_on: CacheOn, primaries: Primaries, endpoint: str
) -> None:
    """``hostname`` where none is announced is ``?``."""
    for node in nodes.nodes:
        node.cli("CONFIG", "SET", "cluster-preferred-endpoint-type", endpoint)
    try:
        cache = cache_on(nodes.urls[0])
        assert cache.set_many(DATA) == []
        assert cache.get_many(list(DATA)) == DATA
        slot = slot_of(cache.make_key("key1"))
        home = nodes.owner(slot)
        nodes.move_slot(slot, next(node for node in primaries() if node is not home))
        assert cache.get("key1") == 1
        nodes.move_slot(slot, home)
        assert cache.get("key1") == 1
        assert all("?" not in node.name for node in cache._engine.topology.nodes())
    finally:
        for node in nodes.nodes:
            node.cli("CONFIG", "SET", "cluster-preferred-endpoint-type", "ip")


def test_passwords_reach_every_node_and_no_message() -> None:
    with cluster(primaries=3, replicas=0, password="sesame") as nodes:
        cache = RedisCache(
            nodes.urls[0], {"OPTIONS": {**PATIENCE, "CONNECTION_FACTORY": "cluster"}}
        )
        assert cache.set_many(DATA) == []
        assert asyncio.run(cache.aget_many(list(DATA))) == DATA
        with cache.lock("held", timeout=10):
            pass
        assert "sesame" not in repr(cache._engine.topology.nodes())
        wrong = RedisCache(
            nodes.urls[0].replace("sesame", "wrongword"),
            {"OPTIONS": {"CONNECTION_FACTORY": "cluster"}},
        )
        with pytest.raises(ConnectionInterrupted) as caught:
            wrong.get("k")
        assert "wrongword" not in str(caught.value)
        cache._engine.close_idle()
