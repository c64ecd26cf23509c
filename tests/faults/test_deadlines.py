"""``SOCKET_TIMEOUT`` is an operation's time, however its reply comes and wherever it goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from django_redis_core.cache import RedisCache
from django_redis_core.exceptions import ServerTimeout
from django_redis_core.testing.busy import patiently, quickest, seconds

from .scripted import Answer, Scripted, bulk

#: An operation's time, what a part of a reply takes, and what is less than two parts. Seconds.
TIMEOUT, LATE, BOUND = 0.6, 0.5, 0.95

#: No call is spared for what another one has met.
OPTIONS: dict[str, Any] = {"SOCKET_TIMEOUT": TIMEOUT, "BREAKER_FAILURES": 0}

#: A call's name and arguments, made by blocking code or on asyncio.
Do = Callable[..., Any]


@pytest.fixture(params=["blocking", "asyncio"])
def do(request: pytest.FixtureRequest) -> Iterator[Do]:
    if request.param == "blocking":
        yield lambda cache, name, *args: getattr(cache, name)(*args)
        return
    with asyncio.Runner() as runner:

        async def call(cache: RedisCache, name: str, *args: Any) -> Any:
            return await getattr(cache, f"a{name}")(*args)

        yield lambda *args: runner.run(call(*args))


def least(do: Callable[[], Any]) -> float:
    """The seconds until ServerTimeout, of several calls."""

    def call() -> None:
        with pytest.raises(ServerTimeout):
            do()

    return quickest(lambda: seconds(call), below=BOUND)


@pytest.mark.parametrize("name", ["get", "get_many"])
def test_a_reply_in_drops_has_no_more_time_than_one_that_does_not_come(do: Do, name: str) -> None:
    def drops(args: list[bytes]) -> Answer:
        whole = bulk(b"12345") if args[0] == b"GET" else b"*1\r\n" + bulk(b"12345")
        return [(LATE, whole[:1]), (LATE, whole[1:5]), (LATE, whole[5:])]

    with Scripted(drops) as server:
        cache = RedisCache(server.url, {"OPTIONS": OPTIONS})
        keys = "k" if name == "get" else ["k"]
        assert least(lambda: do(cache, name, keys)) < BOUND


def test_a_batch_in_drops_has_no_more_time_either() -> None:
    with Scripted(lambda args: [(LATE, b"$5"), (LATE, b"\r\n12"), (LATE, b"345\r\n")]) as server:
        cache = RedisCache(server.url, {"OPTIONS": OPTIONS})

        def execute() -> None:
            pipeline = cache.pipeline()
            pipeline.get("a")
            pipeline.get("b")
            pipeline.execute()

        assert least(execute) < BOUND


def test_a_value_that_keeps_coming_is_not_cut_off(do: Do) -> None:
    value = b'"%b"' % (b"x" * 200_000)
    whole = bulk(value)

    def steady(args: list[bytes]) -> Answer:
        return [(0.1, whole[at : at + 12_000]) for at in range(0, len(whole), 12_000)]

    def get() -> None:
        assert do(cache, "get", "k") == "x" * 200_000

    with Scripted(steady) as server:
        cache = RedisCache(server.url, {"OPTIONS": {**OPTIONS, "SERIALIZER": "json"}})
        took = patiently(lambda: seconds(get))
        assert took > 2 * TIMEOUT, "it came fast, so nothing was tested"


def test_servers_that_are_silent_at_one_time_are_waited_for_at_one_time(do: Do) -> None:
    with ExitStack() as stack:
        urls = [stack.enter_context(Scripted(lambda args: b"")).url for _ in range(3)]
        cache = RedisCache(urls, {"OPTIONS": {**OPTIONS, "CLIENT": "shard"}})
        assert least(lambda: do(cache, "get_many", [f"k{n}" for n in range(40)])) < BOUND


def port_of(server: Scripted) -> int:
    return int(server.url.rpartition(":")[2].partition("/")[0])


def cluster_of(first: Scripted) -> bytes:
    """CLUSTER SLOTS of one node that has all of them."""
    node = b"*3\r\n%b:%d\r\n%b" % (bulk(b"127.0.0.1"), port_of(first), bulk(b"id"))
    return b"*1\r\n*3\r\n:0\r\n:16383\r\n" + node


def test_a_redirection_is_followed_within_the_operations_time(do: Do) -> None:
    """Each of the two nodes answers in time."""

    def moved(args: list[bytes]) -> Answer:
        if args[0] == b"CLUSTER":
            return cluster_of(first)
        return [(LATE, b"-MOVED 1 127.0.0.1:%d\r\n" % port)]

    def value(args: list[bytes]) -> Answer:
        return cluster_of(first) if args[0] == b"CLUSTER" else [(LATE, bulk(b"1"))]

    with Scripted(moved) as first, Scripted(value) as second:
        port = port_of(second)
        cache = RedisCache(first.url, {"OPTIONS": {**OPTIONS, "CONNECTION_FACTORY": "cluster"}})
        assert least(lambda: do(cache, "get", "k")) < BOUND
