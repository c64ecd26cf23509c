"""The kit's proxy with TLS, and how it ends."""

from __future__ import annotations

import gc
import os
import socket
import ssl
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from django_redis_core.testing.certificates import Authority, local_certificate
from django_redis_core.testing.clients import wait_until
from django_redis_core.testing.proxy import FaultProxy
from django_redis_core.testing.servers import Server

CHECKOUT = Path(__file__).parents[2]
TIMEOUT = 0.6  # seconds
VALUE = b"v" * 100


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as server:
        server.cli("SET", "key", VALUE)
        yield server


def timed(call: Callable[[], object]) -> tuple[object, float]:
    """What came of a call, an exception too, and the seconds that it took."""
    began = time.perf_counter()
    outcome: object
    try:
        outcome = call()
    except redis.RedisError as error:
        outcome = error
    return outcome, time.perf_counter() - began


def test_tls_ends_at_the_proxy(server: Server) -> None:
    with FaultProxy(*server.address, tls=local_certificate()) as proxy:
        with proxy.client(socket_timeout=TIMEOUT) as client:
            assert proxy.url.startswith("rediss://")
            assert client.get("key") == VALUE
            proxy.slice(3)
            assert client.get("key") == VALUE
            proxy.heal()
            proxy.cut_after(50)
            assert isinstance(timed(lambda: client.get("key"))[0], redis.ConnectionError)
            proxy.heal()
            proxy.black_hole()
            outcome, seconds = timed(lambda: client.get("key"))
            assert isinstance(outcome, redis.TimeoutError)
            assert TIMEOUT <= seconds < 30
            context = ssl.create_default_context(cafile=local_certificate().ca_file)
            with (
                socket.create_connection(proxy.address, timeout=TIMEOUT) as one,
                pytest.raises(TimeoutError, match="handshake"),
            ):
                context.wrap_socket(one, server_hostname="localhost")
            proxy.heal()
            assert client.get("key") == VALUE
            assert proxy.reset_all() == 1
        with (
            proxy.client(ssl_ca_certs=Authority().ca_file) as stranger,
            pytest.raises(redis.ConnectionError, match=r"(?i)certificate"),
        ):
            stranger.ping()


def test_tls_can_want_a_clients_certificate(server: Server) -> None:
    own = local_certificate()
    with FaultProxy(*server.address, tls=own, require_client=True) as proxy:
        with proxy.client() as client, pytest.raises(redis.ConnectionError):
            client.ping()
        with proxy.client(ssl_certfile=own.certfile, ssl_keyfile=own.keyfile) as client:
            assert client.ping()


# The end


def open_files() -> int:
    return len(os.listdir("/proc/self/fd")) if os.path.exists("/proc/self/fd") else 0


def test_closing_leaves_no_thread_and_no_socket(server: Server) -> None:
    gc.collect()  # what earlier tests left
    threads, files = threading.active_count(), open_files()
    for tls in (None, local_certificate()):
        with (
            FaultProxy(*server.address, tls=tls) as proxy,
            proxy.client(socket_timeout=0.1) as client,
        ):
            wait_until(client.ping, "a connection")
            proxy.latency(30.0)
            timed(client.ping)  # left under way
            proxy.black_hole()
            timed(client.ping)
            with socket.create_connection(proxy.address):  # half a handshake with TLS
                proxy.refuse()
                proxy.stall_connects()
    proxy.close()  # twice is once

    gc.collect()
    assert threading.active_count() == threads
    assert open_files() == files


def test_a_fork_does_not_hold_connections_open(server: Server) -> None:
    script = f"""
        import os, socket, time
        from django_redis_core.testing.proxy import FaultProxy
        with FaultProxy("127.0.0.1", {server.port}) as proxy:
            with socket.create_connection(proxy.address, timeout=5) as one:
                one.sendall(b"PING\\r\\n")
                assert one.recv(99)
                reader, writer = os.pipe()
                child = os.fork()
                if child == 0:
                    os.write(writer, b"forked")
                    time.sleep(60)
                    os._exit(0)
                os.read(reader, 99)
                try:
                    proxy.refuse()
                    try:
                        socket.create_connection(proxy.address, timeout=5)
                    except ConnectionRefusedError:
                        print("refused")
                    proxy.cut_after(0)
                    one.sendall(b"PING\\r\\n")
                    assert one.recv(99) == b""
                    print("cut")
                finally:
                    os.kill(child, 9)
                    os.waitpid(child, 0)
        """
    done = subprocess.run(
        [
            *(sys.executable, "-W", "error", "-W", "ignore::DeprecationWarning"),
            *("-c", textwrap.dedent(script)),
        ],
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert (done.stdout, done.stderr, done.returncode) == ("refused\ncut\n", "", 0)
