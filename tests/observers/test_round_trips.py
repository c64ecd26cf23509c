"""Observers of round trips: each exchange with each server, whatever has asked for it."""

from __future__ import annotations

import asyncio

import pytest
import redis

from django_redis_core.exceptions import ConnectionInterrupted, WrongTypeError
from django_redis_core.testing.proxy import FaultProxy
from django_redis_core.testing.servers import Server

from .conftest import MakeObserved, TripsOnly

NOWHERE = "redis://127.0.0.1:1/0"


def test_bytes_are_those_of_the_wire(observed: MakeObserved) -> None:
    with Server() as server:
        cache, notes = observed(kind=TripsOnly, LOCATION=server.url)

        def work() -> None:
            cache.set("k", "x" * 1000)
            cache.get("k")
            cache.get("none")
            cache.set_many({"a": 1, "b": "two"})
            cache.get_many(["a", "b", "none"])
            cache.has_key("a")
            cache.incr("a")
            cache.ttl("k")
            cache.hset("h", mapping={"f": 1, "g": "two"})
            cache.hgetall("h")
            cache.sadd("s", 1, 2)
            cache.smembers("s")
            cache.zadd("z", {"m": 1, "n": 2})
            cache.zrange("z", 0, -1, withscores=True)
            cache.add("k", 1)
            with pytest.raises(WrongTypeError):
                cache.get("h")
            list(cache.iter_keys("*"))
            with cache.pipeline() as pipe:
                pipe.get("k")
                pipe.set("l", 1)
                pipe.delete("l")

        work()  # connects, and scripts and buffers are there
        with redis.Redis(port=server.port) as client:
            client.ping()
            stats = client.info("stats")
            notes.trips.clear()
            work()
            after = client.info("stats")
        sent = after["total_net_input_bytes"] - stats["total_net_input_bytes"]
        own = len(b"*2\r\n$4\r\nINFO\r\n$5\r\nstats\r\n")
        assert sum(trip.bytes_sent for trip in notes.trips) == sent - own
        got = after["total_net_output_bytes"] - stats["total_net_output_bytes"]
        own = got - sum(trip.bytes_received for trip in notes.trips)
        with redis.Redis(port=server.port) as client:
            client.ping()
            first = client.info("stats")["total_net_output_bytes"]
            reply = client.info("stats")["total_net_output_bytes"] - first
        assert abs(own - reply) <= 20  # the reply of INFO itself, whose numbers grow


def test_a_trip_says_where_it_goes(observed: MakeObserved, redis_server: Server) -> None:
    url = f"redis://user-name:pass-word@{redis_server.host}:{redis_server.port}/3"
    cache, notes = observed(kind=TripsOnly, LOCATION=NOWHERE.replace("//", "//u:pass-word@"))
    with pytest.raises(ConnectionInterrupted):
        cache.get("k")
    (trip,) = notes.trips
    assert (trip.host, trip.port, trip.database, trip.role) == ("127.0.0.1", 1, 0, "primary")
    assert "pass-word" not in f"{trip.server}{trip!r}{url.partition('@')[2]}"
    assert isinstance(trip.error, ConnectionInterrupted)
    assert trip.new_connection
    assert trip.bytes_received == 0
    cache, notes = observed(kind=TripsOnly)
    cache.get("k")
    (trip,) = notes.trips
    assert (trip.host, trip.port, trip.database) == ("127.0.0.1", redis_server.port, 0)
    assert trip.commands == ("GET",)
    assert trip.arguments == ((b"GET", cache.make_key("k")),)
    assert (trip.error, trip.asynchronous, trip.second_try) == (None, False, False)
    assert 0 < trip.seconds < 5


def test_new_connections_and_second_tries(observed: MakeObserved) -> None:
    with Server() as server, FaultProxy(*server.address) as proxy:
        cache, notes = observed(kind=TripsOnly, LOCATION=proxy.url)

        def flags() -> list[tuple[bool, bool]]:
            trips, notes.trips = notes.trips, []
            return [(trip.new_connection, trip.second_try) for trip in trips]

        cache.get("k")
        cache.get("k")
        assert flags() == [(True, False), (False, False)]
        proxy.drop_replies(1)
        cache.get("k")
        cache.get_many(["k"])
        assert flags() == [(True, True), (False, False)]

        async def go() -> None:
            await cache.aget("k")
            await cache.aget("k")
            assert flags() == [(True, False), (False, False)]
            await asyncio.to_thread(proxy.drop_replies, 1)
            await cache.aget("k")
            assert flags() == [(True, True)]

        asyncio.run(go())


def test_pages_of_a_scan_and_scripts_are_trips(observed: MakeObserved) -> None:
    cache, notes = observed(kind=TripsOnly)
    cache.set_many(dict.fromkeys(map(str, range(30)), 1))
    notes.travelled()
    assert len(set(cache.iter_keys("*", itersize=10))) == 30
    pages = notes.travelled()
    assert len(pages) >= 2
    assert set(pages) == {("SCAN",)}
    with cache.pipeline() as pipe:
        pipe.get("1")
        pipe.get("2")
    assert notes.travelled() == [("GET", "GET")]


def test_each_shard_is_a_trip(observed: MakeObserved, redis_server: Server) -> None:
    location = [f"{redis_server.url[:-1]}{database}" for database in (4, 5)]
    cache, notes = observed({"CLIENT": "shard"}, kind=TripsOnly, LOCATION=location)
    keys = [f"key{number}" for number in range(20)]
    cache.set_many(dict.fromkeys(keys, 1))  # a server without MSETEX says so once
    notes.trips.clear()
    assert cache.set_many(dict.fromkeys(keys, 1)) == []
    assert sorted(trip.database for trip in notes.trips) == [4, 5]
    notes.trips.clear()
    assert len(cache.get_many(keys)) == 20
    assert sorted((trip.database, trip.role) for trip in notes.trips) == [
        (4, "primary"),
        (5, "primary"),
    ]
    notes.trips.clear()
    assert len(asyncio.run(cache.aget_many(keys))) == 20
    assert sorted(trip.database for trip in notes.trips) == [4, 5]


def test_replicas_by_their_role(observed: MakeObserved, redis_server: Server) -> None:
    location = [redis_server.url, f"{redis_server.url[:-1]}6"]
    cache, notes = observed(kind=TripsOnly, LOCATION=location)
    cache.set("k", 1)
    cache.get("k")
    assert [(trip.role, trip.database) for trip in notes.trips] == [("primary", 0), ("replica", 6)]
