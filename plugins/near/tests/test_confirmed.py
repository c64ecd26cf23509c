"""Where servers take each other's place: copies are believed while those who decide say which one
is the primary. Here the test decides; for sentinels and clusters see tests/composition."""

from __future__ import annotations

import gc
import io
import logging
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import override_settings

from django_redis_core.cache import RedisCache
from django_redis_core.commands import Command, Operation
from django_redis_core.connections import Confirmed, Node, Topology, revoke
from django_redis_core.exceptions import ConnectionInterrupted
from django_redis_core.interfaces import ConnectionFactory
from django_redis_core.management.commands.redis_cache import Command as RedisCacheCommand
from django_redis_core.testing.clients import wait_until
from django_redis_core.testing.forks import in_child
from django_redis_core.testing.servers import Server

from .conftest import Make, heard, kept, listening, told
from .test_faults import trackers, with_a_copy

KIND = os.environ.get("DRC_TEST_SERVER", "valkey")


class Told(Topology):
    """The test says which server is the primary, and of what, or why that is in doubt."""

    confirms = True

    def __init__(self, nodes: list[Node]) -> None:
        self.servers = nodes
        self.primary = nodes[0]
        self.said: Any = 1

    def route(self, command: Command) -> Node:
        return self.primary

    def primaries(self) -> tuple[Node, ...]:
        return (self.primary,)

    def confirm(self, seconds: float) -> Operation[Confirmed]:
        yield from ()
        if isinstance(self.said, ValueError | ImproperlyConfigured):
            raise self.said
        return {self.primary: self.said}


class ToldFactory(ConnectionFactory):
    name = "told"

    def topology(self, locations: Any) -> Topology:
        return Told([self.node(url) for url in locations])


@pytest.fixture
def other() -> Iterator[Server]:
    with Server(KIND) as server:
        yield server


@pytest.fixture
def make(make_cache: Make, server: Server) -> Callable[..., RedisCache]:
    def make(*others: Server, lease: float = 30) -> RedisCache:
        options = {
            "CLIENT": "near",
            "CONNECTION_FACTORY": ToldFactory,
            "NEAR_TTL": 600,
            "NEAR_LEASE": lease,
        }
        return make_cache(options, LOCATION=[server.url, *(each.url for each in others)])

    return make


def topology_of(cache: RedisCache) -> Told:
    topology = cache._engine.topology
    assert isinstance(topology, Told)
    return topology


def tracking(cache: RedisCache) -> dict[str, Any]:
    return cache.client.near_info().tracking


def test_nothing_is_kept_before_it_is_confirmed(make: Any, server: Server) -> None:
    cache = make()
    topology = topology_of(cache)
    topology.said = ConnectionInterrupted("the council", "nobody has answered")
    assert tracking(cache) == {"its primary": "it is not known yet"}
    cache.set("k", "value")

    def said() -> bool:
        assert not kept(cache, "k")
        return tracking(cache) == {server.url: "Redis server the council: nobody has answered"}

    wait_until(said, "it is said why")

    def listened_to() -> bool:
        assert not kept(cache, "k")
        return bool(trackers(server))

    wait_until(listened_to, "the server tells of writes all the same")
    assert not kept(cache, "k")
    topology.said = 1
    with_a_copy(cache)
    assert heard(cache)


def test_copies_end_with_the_lease_where_nobody_confirms(make: Any, server: Server) -> None:
    cache = with_a_copy(listening(make(lease=0.3)))
    topology, before = topology_of(cache), trackers(server)
    topology.said = ConnectionInterrupted("the council", "nobody has answered")
    wait_until(lambda: not heard(cache), "the lease ends")
    assert not kept(cache, "k")
    assert cache.get("k") == "old", "of the server"
    assert "nobody has answered" in str(tracking(cache))
    topology.said = 1
    wait_until(lambda: kept(cache, "k"), "copies again")
    assert trackers(server) == before, "on the same connection"


def test_what_was_kept_of_another_part_ends(make: Any, server: Server) -> None:
    """A slot has moved away and back, or an epoch has passed: not all writes were told."""
    cache = with_a_copy(listening(make(lease=1.5)))
    copy, before = cache._engine.client._copies[cache.make_key("k")], trackers(server)
    topology_of(cache).said = 2
    wait_until(lambda: copy.session.lease < 0, "its session ends")
    assert not kept(cache, "k", read=False)
    with_a_copy(listening(cache))
    assert trackers(server) == before, "on the same connection"


def test_another_primary_is_listened_to_and_the_old_one_is_left(
    make: Any, server: Server, other: Server
) -> None:
    cache = with_a_copy(listening(make(other, lease=0.3)))
    topology = topology_of(cache)
    other.cli("SET", cache.make_key("k"), 5)
    topology.primary = topology.servers[1]
    wait_until(lambda: cache.get("k") == 5, "the copy of the old primary's ends")
    wait_until(lambda: kept(cache, "k"), "copies of the new one's")
    assert list(tracking(cache)) == [other.url]
    wait_until(lambda: trackers(server) == [], "the old one tells nobody")
    other.cli("SET", cache.make_key("k"), 6)
    wait_until(lambda: cache.get("k") == 6, "the new one tells")


def test_a_primary_that_is_retired_takes_its_copies_along(make: Any, other: Server) -> None:
    cache = with_a_copy(listening(make(other)))
    topology = topology_of(cache)
    topology.primary, old = topology.servers[1], topology.primary
    old.retire("it was ousted")
    assert not kept(cache, "k", read=False), "at once, and not at the end of a long lease"
    assert cache.get("k") is None


def test_who_learns_of_a_move_ends_copies_at_once(make: Any, server: Server) -> None:
    cache = with_a_copy(listening(make()))
    before = trackers(server)
    revoke(topology_of(cache).primary.config)
    assert not kept(cache, "k", read=False)
    wait_until(lambda: kept(cache, "k"), "copies again, long before the lease's third")
    assert trackers(server) == before


@pytest.mark.parametrize("way", ["get", "get_many"])
@pytest.mark.parametrize("keys", [True, False], ids=["the key", "all"])
def test_what_another_server_has_answered_is_not_kept(make: Any, way: str, keys: bool) -> None:
    """The read is halted between the reply and the reader, and was sent on by ASK or MOVED."""
    cache = listening(make())
    cache.set("k", "old", None)
    told(cache)
    cache.get("k")  # the first read; the second one would be kept
    driver, client = cache._driver, cache._engine.client
    operation = client.get("k") if way == "get" else client.get_many(["k"])
    request = operation.send(None)
    assert isinstance(request, list), "the value is asked for together with its time to live"
    reply = driver.execute(request)
    revoke(topology_of(cache).primary.config, [cache.make_key("k")] if keys else None)
    with pytest.raises(StopIteration) as stopped:
        operation.send(reply)
    assert stopped.value.value in ("old", {"k": "old"})
    assert not kept(cache, "k", read=False)


@pytest.mark.parametrize("error", [ValueError("strange"), ImproperlyConfigured("strange")])
def test_who_cannot_tell_at_all(
    make: Any, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    cache = make(lease=0.3)
    topology_of(cache).said = error
    cache.set("k", "value")

    def said() -> bool:
        assert cache.get("k") == "value"
        return tracking(cache) == {"its primary": "strange"}

    with caplog.at_level(logging.WARNING):
        wait_until(said, "it is said why nothing is kept")
        assert not heard(cache)
        topology_of(cache).said = 1
        with_a_copy(listening(cache))
    assert caplog.text.count("nobody says who the primaries are: strange") == 1


def test_a_forked_child_asks_by_itself(make: Any, server: Server) -> None:
    cache = with_a_copy(listening(make()))

    def work() -> None:
        assert not heard(cache)
        assert cache.get("k") == "old"
        with_a_copy(listening(cache))
        server.cli("SET", cache.make_key("k"), "6")
        wait_until(lambda: cache.get("k") == 6, "its own connection tells of the write")

    assert in_child(work) == 0
    wait_until(lambda: cache.get("k") == 6, "and the parent's goes on")
    assert heard(cache)


def test_it_ends_with_the_cache(server: Server) -> None:
    options = {"CLIENT": "near", "CONNECTION_FACTORY": ToldFactory, "NEAR_LEASE": 30}
    cache = listening(RedisCache([server.url], {"OPTIONS": options}))
    [thread] = [cache._engine.client._council._thread]
    assert len(trackers(server)) == 1
    del cache
    with override_settings(CACHES={"default": {"BACKEND": "django_redis_core.cache.RedisCache"}}):
        gc.collect()
    wait_until(lambda: trackers(server) == [], "the connection is closed")
    wait_until(lambda: not thread.is_alive(), "the thread ends")


class Strange(ToldFactory):
    def topology(self, locations: Any) -> Topology:
        topology = super().topology(locations)
        assert isinstance(topology, Told)
        topology.said = ValueError("strange")
        return topology


@pytest.mark.parametrize("subcommand", ["near", "doctor"])
def test_operators_are_told_that_the_primaries_are_not_known(
    server: Server, subcommand: str
) -> None:
    entry = {
        "BACKEND": "django_redis_core.cache.RedisCache",
        "LOCATION": [server.url],
        "OPTIONS": {"CLIENT": "near", "CONNECTION_FACTORY": Strange},
    }
    out = io.StringIO()
    with override_settings(CACHES={"default": entry}), pytest.raises(CommandError):
        call_command(RedisCacheCommand(), subcommand, stdout=out, stderr=io.StringIO())
    assert {
        "near": "its primary tells of no writes: strange",
        "doctor": 'Of its primary "near" keeps nothing: strange',
    }[subcommand] in out.getvalue()
