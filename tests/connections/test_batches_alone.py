"""Several commands for the only server: sent without a plan, and answered as with one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from django_redis_core.cache import RedisCache
from django_redis_core.commands import GET, INCRBY, MGET, PTTL, SET
from django_redis_core.commands.running import run
from django_redis_core.connections import SingleServer
from django_redis_core.exceptions import ConnectionInterrupted, ReplyError
from django_redis_core.testing.clients import PATIENCE
from django_redis_core.testing.proxy import FaultProxy
from django_redis_core.testing.servers import Server

Make = Callable[..., RedisCache]


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        yield server


def ask(cache: RedisCache, batch: list[Any]) -> list[Any]:
    """The answer in blocking code, which must be that of the whole plan."""
    execute = cache._driver.execute
    assert execute.plan.leaves(batch)
    answers: list[Any] = execute(batch)
    planned = run(execute.plan.route(batch), execute._send)
    assert [str(one) for one in planned] == [str(one) for one in answers]
    return answers


def test_values_and_times_in_the_order_of_the_commands(make_cache: Make, server: Server) -> None:
    cache = make_cache(dict(PATIENCE), LOCATION=server.url)
    assert isinstance(cache._engine.topology, SingleServer)
    with server.client() as client:
        client.mset({"a": "1", "b": "2"})
        client.set("c", "3", px=100_000)
    batch = [MGET(["a", "none", "c"]), PTTL("a"), GET("b"), MGET(["b"]), PTTL("none")]
    assert ask(cache, batch) == [[b"1", None, b"3"], -1, b"2", [b"2"], -2]


def test_an_error_is_its_commands_alone(make_cache: Make, server: Server) -> None:
    cache = make_cache(dict(PATIENCE), LOCATION=server.url)
    with server.client() as client:
        client.rpush("list", 1)
        client.set("text", "a")
    got, number, text, many = ask(
        cache, [GET("list"), INCRBY("text", 1), GET("text"), MGET(["list", "text"])]
    )
    assert isinstance(got, ReplyError)
    assert isinstance(number, ReplyError)
    assert (text, many) == (b"a", [None, b"a"])


def test_replies_may_come_in_any_pieces(make_cache: Make, server: Server) -> None:
    with FaultProxy(*server.address) as proxy, server.client() as client:
        cache = make_cache(dict(PATIENCE), LOCATION=proxy.url)
        client.set("large", "x" * 200_000)
        client.set("small", "y")
        assert ask(cache, [GET("small"), GET("large"), PTTL("small")])[1] == b"x" * 200_000
        proxy.slice(7, pause=0)
        batch = [GET("small"), PTTL("small"), MGET(["small"] * 20)]
        assert ask(cache, batch) == [b"y", -1, [b"y"] * 20]


def test_a_server_that_is_away_is_every_commands_trouble(make_cache: Make, server: Server) -> None:
    cache = make_cache({"BREAKER_FAILURES": 0}, LOCATION=server.url)
    batch = [GET("a"), PTTL("a"), MGET(["a", "b"])]
    assert ask(cache, batch) == [None, -2, [None, None]]
    server.kill()
    answers = cache._driver.execute(batch)
    assert [type(one) for one in answers] == [ConnectionInterrupted] * 3


@pytest.mark.parametrize("batch", [[SET("a", b"1"), GET("a")], [SET("a", b"1"), SET("b", b"2")]])
def test_what_may_become_one_command_has_the_whole_plan(
    make_cache: Make, server: Server, batch: list[Any]
) -> None:
    cache = make_cache(dict(PATIENCE), LOCATION=server.url)
    execute = cache._driver.execute
    assert not execute.plan.leaves(batch)
    assert execute(batch)[0] is True
