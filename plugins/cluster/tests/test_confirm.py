"""Which primaries a majority of them knows, and with which slots."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from redis.connection import Connection

from django_redis_core.cache import RedisCache
from django_redis_core.commands import SET
from django_redis_core.connections import Node, ServerConfig, carry_out, hold, node_for
from django_redis_core.exceptions import ConnectionInterrupted
from django_redis_core.testing.clients import wait_until
from django_redis_core.testing.cluster import Cluster, slot_of
from django_redis_core.testing.servers import Server
from django_redis_core_cluster import majority
from django_redis_core_cluster.majority import judged, view

Primaries = Callable[[], list[Server]]


def confirmed(cache: RedisCache) -> dict[int, Any]:
    """What is said of each primary, by its port."""
    found = carry_out(cache._engine.topology.confirm(5))
    return {node.config.kwargs["port"]: said for node, said in found.items()}


def of_port(found: dict[int, Any], server: Server) -> Any:
    return found[server.port]


def test_all_primaries_are_confirmed_before_anything_was_asked(
    cache: RedisCache, primaries: Primaries
) -> None:
    found = confirmed(cache)
    assert set(found) == {node.port for node in primaries()}
    assert not any(isinstance(said, Exception) for said in found.values())
    assert len(set(found.values())) == 3
    assert confirmed(cache) == found, "equal while nothing changes"


def test_a_moved_slot_changes_what_is_said_of_both_ends(
    cache: RedisCache, nodes: Cluster, primaries: Primaries
) -> None:
    slot = slot_of(cache.make_key("k"))
    home = nodes.owner(slot)
    target, other = (node for node in primaries() if node is not home)
    before = confirmed(cache)
    with nodes.moving(slot, target):
        assert confirmed(cache) == before, "it is its own until it has moved"

    def agreed() -> bool:
        return not any(isinstance(said, Exception) for said in confirmed(cache).values())

    wait_until(agreed, "all have heard of it")
    after = confirmed(cache)
    assert [of_port(before, node) == of_port(after, node) for node in (home, target, other)] == [
        False,
        False,
        True,
    ]
    nodes.move_slot(slot, home)
    wait_until(agreed, "all have heard of it")
    assert of_port(confirmed(cache), home) != of_port(before, home), "another node had it"


def test_who_does_not_answer_is_in_doubt_and_the_others_are_not(
    cache: RedisCache, nodes: Cluster, primaries: Primaries
) -> None:
    confirmed(cache)
    gone, *others = primaries()
    gone.pause()
    try:
        found = confirmed(cache)
    finally:
        gone.resume()
    assert isinstance(of_port(found, gone), ConnectionInterrupted)
    assert not any(isinstance(of_port(found, node), Exception) for node in others)
    nodes.wait_ok()


class Keeper:
    """Is told when a server answers no longer for all that it answered for."""

    def __init__(self, node: Node) -> None:
        self.config = node.config
        self.told: list[Any] = []
        hold(self)

    def reconnect(self) -> None:
        pass

    def revoke(self, keys: Any) -> None:
        self.told.append(keys)


def test_who_is_asked_no_more_has_no_connection_left(cache: RedisCache) -> None:
    """A primary that was replaced is well, perhaps, and closes none by itself."""
    confirmed(cache)
    left, *others = cache._engine.topology.primaries()
    asked = majority.Primaries()
    carry_out(asked.confirm([left, *others], 5))
    asker = asked._askers[left]
    assert asker.numbers()["connections_idle"] == 1
    carry_out(asked.confirm(others, 5))
    assert asker.numbers()["connections_idle"] == 0


def test_redirections_are_told_to_who_keeps_what_the_server_said(
    cache: RedisCache, nodes: Cluster, primaries: Primaries
) -> None:
    cache.set("k", "value")
    full = cache.make_key("k")
    home = nodes.owner_of(full)
    target = next(node for node in primaries() if node is not home)
    keeper = Keeper(cache._engine.topology.route(SET(full, b"")))
    with nodes.moving(slot_of(full), target) as move:
        move.migrate(10)
        assert cache.get("k") == "value"
        assert keeper.told == [(full,)], "ASK"
        assert cache.get_many(["k"]) == {"k": "value"}
        assert keeper.told == [(full,), (full,)]
    del keeper.told[:]
    assert cache.get("k") == "value"
    assert None in keeper.told, "MOVED"
    nodes.move_slot(slot_of(full), home)


def said(own: str, *primaries: str) -> bytes:
    """CLUSTER NODES of ``own``: each of ``primaries`` is "id epoch slots"; a replica besides."""
    lines = []
    for primary in primaries:
        name, epoch, *slots = primary.split(" ")
        flags = "myself,master" if name == own else "master"
        about = [name, "127.0.0.1:7000@17000", flags, "-", "0", "1", epoch, "connected", *slots]
        lines.append(" ".join(about))
    lines.append("r 127.0.0.1:7009@17009 slave b 0 1 2 connected")
    return "\n".join(lines).encode()


A, B, C = "a 1 0-5000", "b 2 5001-9999 12000", "c 3 10000-11999 12001-16383"


@pytest.mark.parametrize(
    ("views", "sure"),
    [
        ({"a": [A, B, C], "b": [A, B, C], "c": [A, B, C]}, "abc"),
        ({"a": [f"{A} [77->-b]", B, C], "b": [A, B, C], "c": [A, B, C]}, "abc"),
        ({"a": [A, B, C], "b": [A, B, C]}, "ab"),
        ({"a": [A, B, C]}, ""),
        # Another one has taken over, and it does not know it.
        ({"a": [A, B, C], "d": ["d 4 0-5000", B, C], "b": ["d 4 0-5000", B, C]}, "db"),
        # A slot has moved from b to a, which one has not heard of.
        ({"a": ["a 5 0-5001", "b 2 5002-9999 12000", C], "b": [A, B, C], "c": [A, B, C]}, "bc"),
        # One that was there before says the same of its slots in another epoch.
        ({"a": ["a 6 0-5000", B, C], "b": [A, B, C], "c": [A, B, C]}, "bc"),
        # Of a primary without slots no vote counts.
        ({"a": [A, B, C], "e": [A, B, C, "e 9"], "f": [A, B, C, "f 8"]}, ""),
    ],
)
def test_a_majority_decides(views: dict[str, list[str]], sure: str) -> None:
    nodes = {name: node_of(name) for name in views}
    seen = {nodes[name]: view(said(name, *primaries)) for name, primaries in views.items()}
    found = {name: judged(node, seen) for name, node in nodes.items()}
    assert {name for name, part in found.items() if not isinstance(part, Exception)} == set(sure)


def node_of(name: str) -> Node:
    kwargs = {"host": name, "port": 7000}
    return node_for(ServerConfig(connection_class=Connection, kwargs=kwargs, timeout=1))
