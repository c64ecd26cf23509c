"""A node that is retired: nothing is sent to its server any more, by nobody."""

from __future__ import annotations

import asyncio
import threading

import pytest

from django_redis_core._plugins.registry import registry
from django_redis_core.cache import RedisCache
from django_redis_core.commands import GET, SET
from django_redis_core.connections import Node, node_for
from django_redis_core.exceptions import ConnectionInterrupted
from django_redis_core.testing.clients import wait_until
from django_redis_core.testing.servers import Server


@pytest.fixture
def node(redis_server: Server) -> Node:
    options = RedisCache(redis_server.url, {})._engine.options
    # Of a configuration that no other test has.
    return node_for(options.connection.server(redis_server.url, socket_timeout=7.25))


def connections(server: Server) -> int:
    listed = server.cli("CLIENT", "LIST").splitlines()
    return sum(f"laddr={server.host}:{server.port}" in line for line in listed)


def test_it_opens_no_connection_again(redis_server: Server, node: Node) -> None:
    before = connections(redis_server)

    async def on_asyncio() -> None:
        await node.acall(GET("retired"))
        assert connections(redis_server) == before + 2
        node.retire("it was ousted")
        assert node.retired
        with pytest.raises(ConnectionInterrupted, match="it was ousted") as caught:
            await node.acall(GET("retired"))
        assert caught.value.before_sending

    node.call(SET("retired", b"1"))
    asyncio.run(on_asyncio())
    with pytest.raises(ConnectionInterrupted, match="it was ousted") as caught:
        node.call(GET("retired"))
    assert caught.value.before_sending
    wait_until(lambda: connections(redis_server) == before, "its connections are closed")


def test_a_connection_in_use_is_closed_when_it_is_given_back(
    redis_server: Server, node: Node
) -> None:
    before = connections(redis_server)
    pool = node.links
    link = pool.take()
    node.retire("it was ousted")
    assert link.call((b"PING",)) == b"PONG"
    assert connections(redis_server) == before + 1
    pool.give(link)
    wait_until(lambda: connections(redis_server) == before, "it is closed")


def test_a_call_on_its_way_ends_at_once(redis_server: Server, node: Node) -> None:
    async def on_asyncio() -> None:
        await node.acall(GET("retired"))
        redis_server.pause()
        call = asyncio.ensure_future(node.acall(SET("retired", b"3", nx=True)))
        await asyncio.sleep(0.05)
        # From another thread, as a thread that listens to sentinels does.
        threading.Thread(target=node.retire, args=("it was ousted",)).start()
        with pytest.raises(ConnectionInterrupted, match="it was ousted") as caught:
            await asyncio.wait_for(call, 30)
        assert not caught.value.before_sending  # it may have been executed

    try:
        asyncio.run(on_asyncio())
    finally:
        redis_server.resume()


def test_a_new_node_takes_its_place(node: Node) -> None:
    config = node.config
    assert node_for(config) is node
    node.retire("it was ousted")
    again = node_for(config)
    assert again is not node
    again.call(SET("retired", b"4"))
    again.retire("the test is over")


def test_nodes_of_an_owner_are_not_shared_with_others(redis_server: Server) -> None:
    """A cache that is configured alike in all else keeps its connections."""
    other = RedisCache(redis_server.url, {})
    options = other._engine.options.connection
    factory = registry.plugin("connection_factory", "single", "the test")(options)
    (shared,) = other._engine.topology.nodes()
    assert factory.node(redis_server.url) is shared
    mine = factory.node(redis_server.url, owner=("mine", 1))
    assert mine is not shared
    assert factory.node(redis_server.url, owner=("mine", 1)) is mine
    assert factory.node(redis_server.url, owner=("mine", 2)) is not mine
    other.set("k", 1)
    mine.retire("it was ousted")
    assert other.get("k") == 1
    assert not shared.retired
