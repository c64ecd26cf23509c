"""The kit's proxy: every fault, as a client of redis-py meets it."""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from django_redis_core.testing.clients import wait_until
from django_redis_core.testing.proxy import FaultProxy
from django_redis_core.testing.servers import Server

CHECKOUT = Path(__file__).parents[2]
TIMEOUT = 0.6  # seconds
VALUE = b"v" * 100
REPLY = len(b"$100\r\n") + 100 + len(b"\r\n")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture
def proxy(server: Server) -> Iterator[FaultProxy]:
    server.cli("FLUSHALL")
    server.cli("SET", "key", VALUE)
    with FaultProxy(*server.address) as proxy:
        yield proxy


@pytest.fixture
def client(proxy: FaultProxy) -> Iterator[redis.Redis]:
    """It waits for 5 seconds."""
    with proxy.client() as client:
        client.ping()
        yield client


@pytest.fixture
def hasty(proxy: FaultProxy) -> Iterator[redis.Redis]:
    """One that waits for less, for tests in which nothing comes."""
    with proxy.client(socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT) as client:
        wait_until(client.ping, "a connection")
        yield client


def timed(call: Callable[[], object]) -> tuple[object, float]:
    """What came of a call, an exception too, and the seconds that it took."""
    began = time.perf_counter()
    outcome: object
    try:
        outcome = call()
    except redis.RedisError as error:
        outcome = error
    return outcome, time.perf_counter() - began


def test_bytes_pass_unchanged_and_are_counted(proxy: FaultProxy, client: redis.Redis) -> None:
    big = os.urandom(4_000_000)

    assert client.get("key") == VALUE
    assert client.set("big", big)
    assert client.get("big") == big
    assert proxy.url == f"redis://127.0.0.1:{proxy.port}/0"
    assert (proxy.connections, proxy.accepted) == (1, 1)
    assert proxy.request_bytes > len(big)
    assert proxy.reply_bytes > len(big)


def test_a_whole_pipeline_passes_while_replies_are_not_read(proxy: FaultProxy) -> None:
    """100 MB of replies, more than all the buffers between: the proxy waits for its reader."""
    with (
        proxy.client(socket_timeout=30) as client,
        client.pipeline(transaction=False) as pipeline,
    ):
        client.set("big", b"b" * 1_000_000)
        for _ in range(100):
            pipeline.get("big")
        assert [len(reply) for reply in pipeline.execute()] == [1_000_000] * 100


def test_a_server_that_is_gone_resets_the_client() -> None:
    with Server() as server, FaultProxy(*server.address) as proxy, proxy.client() as client:
        client.ping()
        server.kill()
        for _ in range(2):
            outcome, seconds = timed(client.ping)
            assert isinstance(outcome, redis.ConnectionError)
            assert seconds < 4, "it waits for 5"
        server.start()
        assert client.ping()


def test_a_unix_socket_can_be_the_target(server: Server) -> None:
    with FaultProxy(server.unix_socket) as proxy, proxy.client() as client:
        assert client.get("key") == VALUE


def test_latency_delays_each_way(proxy: FaultProxy, client: redis.Redis) -> None:
    proxy.latency(0.1)

    value, seconds = timed(lambda: client.get("key"))
    assert value == VALUE
    assert seconds >= 0.2

    with client.pipeline(transaction=False) as pipeline:
        for _ in range(20):
            pipeline.get("key")
        values, seconds = timed(pipeline.execute)
    assert values == [VALUE] * 20
    assert 0.2 <= seconds < 3, "latency delays; it does not thin the stream"

    proxy.latency(60)
    proxy.heal()
    assert client.get("key") == VALUE, "and not after its 5 seconds"


def test_healing_releases_what_is_under_way(proxy: FaultProxy, server: Server) -> None:
    with proxy.client() as client:
        client.ping()
        proxy.latency(60.0)

        def get() -> object:
            threading.Timer(0.1, proxy.heal).start()
            return client.get("key")

        value, seconds = timed(get)

    assert value == VALUE
    assert 0.1 <= seconds < 30


def test_black_hole_swallows_what_is_sent(
    proxy: FaultProxy, hasty: redis.Redis, server: Server
) -> None:
    proxy.black_hole()
    for _ in range(2):  # on a connection that was open, and on a new one
        outcome, seconds = timed(lambda: hasty.set("key", "swallowed"))
        assert isinstance(outcome, redis.TimeoutError)
        assert seconds >= TIMEOUT
    assert server.cli("GET", "key") == VALUE.decode()
    assert proxy.connections == 2, "a good-bye is lost like any other packet"
    assert server.info("clients")["connected_clients"] == 2, "the old one, and who asks"

    proxy.heal()
    assert proxy.connections == 0
    with proxy.client() as client:
        assert client.get("key") == VALUE
    assert server.cli("GET", "key") == VALUE.decode(), "what was swallowed never comes"


def test_what_is_forgotten_is_silent_and_a_new_connection_is_served(
    proxy: FaultProxy, hasty: redis.Redis
) -> None:
    proxy.forget()
    outcome, seconds = timed(lambda: hasty.set("key", "lost"))
    assert isinstance(outcome, redis.TimeoutError)
    assert seconds >= TIMEOUT

    assert hasty.get("key") == VALUE  # redis-py connects anew after a timeout
    assert proxy.connections == 2
    proxy.heal()
    assert proxy.connections == 1
    assert hasty.get("key") == VALUE


def test_a_slow_line_holds_up_who_sends_much(proxy: FaultProxy, client: redis.Redis) -> None:
    assert client.get("key") == VALUE
    proxy.throttle(5_000_000)
    assert client.get("key") == VALUE, "a small request is not held up"
    outcome, seconds = timed(lambda: client.set("key", bytes(1_000_000)))
    assert outcome is True
    assert seconds >= 0.15


def test_a_surplus_comes_behind_a_reply_and_with_it(proxy: FaultProxy) -> None:
    proxy.surplus(b"+surplus\r\n", every=2)
    with socket.create_connection(proxy.address) as bare, bare.makefile("rb") as lines:
        bare.settimeout(30)
        replies = []
        for _ in range(2):
            bare.sendall(b"PING\r\n")
            replies.append(lines.readline())
        assert replies == [b"+PONG\r\n"] * 2
        assert lines.peek() == b"+surplus\r\n", "it needs no read of its own"
        proxy.heal()
        bare.sendall(b"PING\r\n")
        assert [lines.readline(), lines.readline()] == [b"+surplus\r\n", b"+PONG\r\n"]
    for wrong in ({"data": b""}, {"data": b"+surplus\r\n", "every": 0}):
        with pytest.raises(ValueError, match="some bytes"):
            proxy.surplus(**wrong)  # type: ignore[arg-type]


def test_a_connection_that_lost_nothing_outlives_the_black_hole(
    proxy: FaultProxy, client: redis.Redis
) -> None:
    proxy.black_hole()
    proxy.heal()

    assert client.get("key") == VALUE
    assert proxy.accepted == 1


def test_a_reply_that_is_under_way_is_swallowed_too(proxy: FaultProxy, server: Server) -> None:
    with socket.create_connection(proxy.address, timeout=30) as one:
        server.cli("CLIENT", "PAUSE", "60000", "WRITE")
        one.sendall(b"INCR counter\r\n")
        wait_until(lambda: proxy.request_bytes, "the request is through")
        proxy.latency(60)  # from now on
        server.cli("CLIENT", "UNPAUSE")
        wait_until(lambda: server.cli("GET", "counter") == "1", "it is answered")
        proxy.black_hole()
        proxy.latency(0)  # which lets go what was held back
        proxy.heal()
        with pytest.raises(ConnectionResetError):
            one.recv(99)


def test_refused_connections_and_open_ones(proxy: FaultProxy, client: redis.Redis) -> None:
    proxy.refuse()
    assert client.get("key") == VALUE
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(proxy.address)

    assert proxy.reset_all() == 1
    for _ in range(2):
        outcome, seconds = timed(lambda: client.get("key"))
        assert isinstance(outcome, redis.ConnectionError)
        assert seconds < 4, "it would wait for 5"

    proxy.heal()
    assert client.get("key") == VALUE


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a full queue refuses")
def test_stalled_connects_time_out(proxy: FaultProxy, client: redis.Redis) -> None:
    proxy.stall_connects()
    assert client.get("key") == VALUE
    with proxy.client(socket_connect_timeout=TIMEOUT, socket_timeout=5) as other:
        outcome, seconds = timed(other.ping)
        assert isinstance(outcome, redis.TimeoutError)
        assert seconds >= TIMEOUT
        proxy.heal()
        assert other.ping()


def test_reset_is_a_reset(proxy: FaultProxy) -> None:
    with socket.create_connection(proxy.address) as one, socket.create_connection(proxy.address):
        wait_until(lambda: proxy.connections == 2, "both are accepted")
        assert proxy.reset_all() == 2
        assert proxy.connections == 0
        with pytest.raises(ConnectionResetError):
            one.recv(1)


@pytest.mark.parametrize("size", [0, 1, 4, 6, 50, REPLY - 1])
def test_a_reply_is_cut_after_so_many_bytes(proxy: FaultProxy, size: int) -> None:
    proxy.cut_after(size)
    with socket.create_connection(proxy.address, timeout=5) as one:
        one.sendall(b"GET key\r\n")
        assert received(one) == (b"$100\r\n" + VALUE + b"\r\n")[:size]

    with proxy.client() as client:
        outcome, _ = timed(lambda: client.get("key"))
        assert isinstance(outcome, redis.ConnectionError)


def test_cutting_counts_from_now_on_for_open_connections(
    proxy: FaultProxy, client: redis.Redis
) -> None:
    client.get("key")
    proxy.cut_after(REPLY + 3)

    assert client.get("key") == VALUE
    assert isinstance(timed(lambda: client.get("key"))[0], redis.ConnectionError)
    proxy.heal()
    assert client.get("key") == VALUE


def test_a_connection_that_was_not_cut_yet_is_healed_too(
    proxy: FaultProxy, client: redis.Redis
) -> None:
    proxy.cut_after(REPLY + 3)
    client.get("key")
    proxy.heal()

    assert client.get("key") == VALUE
    assert proxy.accepted == 1


def received(connection: socket.socket) -> bytes:
    """All until the end of the stream."""
    found = b""
    while chunk := connection.recv(4096):
        found += chunk
    return found


def test_replies_come_in_slices(proxy: FaultProxy, client: redis.Redis) -> None:
    proxy.slice(7)
    with socket.create_connection(proxy.address, timeout=5) as one:
        one.sendall(b"GET key\r\n")
        assert len(one.recv(4096)) == 7

    proxy.slice(1)
    assert client.get("key") == VALUE
    with client.pipeline() as pipeline:
        pipeline.get("key")
        pipeline.incr("counter")
        pipeline.mget("key", "none")
        assert pipeline.execute() == [VALUE, 1, [VALUE, None]]


def test_a_dropped_reply_leaves_the_command_done(
    proxy: FaultProxy, client: redis.Redis, server: Server
) -> None:
    proxy.drop_replies(1)
    outcome, seconds = timed(lambda: client.incr("counter"))
    assert isinstance(outcome, redis.ConnectionError)
    assert seconds < 4, "the connection is closed, not silent"
    assert server.cli("GET", "counter") == "1", "and the kit's client tries once"

    assert client.incr("counter") == 2


def test_so_many_replies_are_dropped_as_were_asked_for(proxy: FaultProxy, server: Server) -> None:
    clients = [proxy.client() for _ in range(5)]
    for client in clients:
        client.ping()
    proxy.drop_replies(3)
    outcomes = [timed(lambda c=client: c.incr("counter"))[0] for client in clients]  # type: ignore[misc]
    for client in clients:
        client.close()

    assert [isinstance(outcome, redis.ConnectionError) for outcome in outcomes] == [True] * 3 + [
        False
    ] * 2
    assert server.cli("GET", "counter") == "5"


def test_faults_add_up_until_healed(proxy: FaultProxy, client: redis.Redis) -> None:
    proxy.latency(0.03)
    proxy.slice(10)
    proxy.cut_after(REPLY + 40)

    value, seconds = timed(lambda: client.get("key"))
    assert (value, seconds > 0.06) == (VALUE, True)
    assert isinstance(timed(lambda: client.get("key"))[0], redis.ConnectionError)

    proxy.heal()
    assert timed(lambda: client.get("key"))[0] == VALUE


def test_nonsense_is_refused(proxy: FaultProxy) -> None:
    with pytest.raises(ValueError):
        proxy.slice(0)
    with pytest.raises(ValueError):
        proxy.cut_after(-1)
    with pytest.raises(RuntimeError, match="not running"):
        FaultProxy("127.0.0.1", 1).heal()


async def test_an_event_loop_is_served_as_well(proxy: FaultProxy) -> None:
    client = redis.asyncio.Redis(
        port=proxy.port, protocol=2, socket_timeout=TIMEOUT, retry=Retry(NoBackoff(), 0)
    )
    try:
        assert await client.get("key") == VALUE
        proxy.black_hole()
        with pytest.raises(redis.TimeoutError):
            await client.get("key")
        proxy.heal()
        assert await client.get("key") == VALUE
    finally:
        await client.connection_pool.disconnect()


def test_many_clients_at_once(proxy: FaultProxy) -> None:
    wrong = []

    def use(number: int) -> None:
        with proxy.client() as client:
            for count in range(100):
                client.set(f"own:{number}", count)
                if client.get(f"own:{number}") != str(count).encode():
                    wrong.append(number)

    threads = [threading.Thread(target=use, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []
    assert proxy.accepted == 20
