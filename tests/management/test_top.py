"""``top`` shows what servers do, once or again and again, and leaves the terminal as it was."""

from __future__ import annotations

import contextlib
import hashlib
import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import caches

from django_redis_core.testing.clients import wait_until
from django_redis_core.testing.cluster import cluster
from django_redis_core.testing.servers import Server

from .conftest import Ran, on_disk

ONCE = ("top", "--once", "--interval", "0.3")


@contextmanager
def traffic(cache: Any) -> Iterator[None]:
    """A site that reads and writes."""
    ended = threading.Event()

    def work() -> None:
        while not ended.wait(0.002):
            cache.set("k", "value", 50)
            cache.get_many(["k"])
            cache.get("nobody")

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def test_once(site: Callable[..., Any], manage: Callable[..., Ran], own_server: Server) -> None:
    cache = site(default={"LOCATION": own_server.url})
    own_server.cli("CONFIG", "SET", "maxmemory", "64mb")
    with traffic(cache):
        report = manage(*ONCE, "--json").json[0]
        text = manage(*ONCE).out
    [server] = report["servers"]
    assert server["commands"] > server["hits"] > 10
    assert 0.3 < server["hit_ratio"] < 0.7
    assert server["maxmemory"] == 64 * 1024**2
    commands = [one["command"] for one in server["slowest"]]
    assert set(commands) <= {"SET", "GET", "MGET", "CLIENT SETINFO", "PING"}
    assert "SET" in commands
    assert all(0 < one["milliseconds"] < 100 for one in server["slowest"])
    assert re.search(r"redis://127\.0\.0\.1:\d+/0 +primary +\d+", text)
    assert f"slowest of {server['name']}: " in text
    assert "64.0 MiB" in text


@pytest.fixture
def counting_server() -> Iterator[Server]:
    """One that keeps how often each key is used."""
    with Server(config={"maxmemory": "64mb", "maxmemory-policy": "allkeys-lfu"}) as server:
        yield server


def test_hot_families(
    site: Callable[..., Any], manage: Callable[..., Ran], counting_server: Server
) -> None:
    cache = site(default={"LOCATION": counting_server.url})
    for family in ("page", "user", "cart"):
        cache.set_many({f"{family}:{number}": number for number in range(40)}, 500)
    for _ in range(100):
        cache.get_many([f"page:{number}" for number in range(30)])
    for _ in range(100):
        cache.get_many(["user:1", "user:2", "nobody"])
    counted = counting_server.info("stats")
    report = manage(*ONCE, "--hot", "--json").json[0]
    hot = report["hot"]
    assert (hot["keys"], hot["untold"]) == (120, {})
    assert [one["family"] for one in hot["families"]] == ["page", "user"]
    assert hot["families"][0]["share"] > 0.7
    assert sum(one["share"] for one in hot["families"]) == pytest.approx(1, abs=0.01)
    assert hot["families"][1]["hottest"] in (cache.make_key("user:1"), cache.make_key("user:2"))
    after = counting_server.info("stats")
    assert after["keyspace_hits"] - counted["keyspace_hits"] == 240, "it looks at each key twice"
    [server] = report["servers"]
    assert (server["hits"], server["hit_ratio"]) == (0, None), "its own looks are not the site's"
    assert server["commands"] < 60, server
    assert {one["command"] for one in server["slowest"]} <= {"CLIENT SETINFO", "PING"}
    with traffic(cache):
        text = manage(*ONCE, "--hot").out
        [server] = manage(*ONCE, "--hot", "--json").json[0]["servers"]
    assert re.search(r"HOT FAMILY +SHARE +KEYS SEEN +HOTTEST KEY\n  page +\d+\.\d%", text)
    assert 0.3 < server["hit_ratio"] < 0.7


def test_a_look_at_a_cluster_is_no_hit_of_its_site(
    site: Callable[..., Any], manage: Callable[..., Ran]
) -> None:
    """Its replicas serve no reads here, and would send whoever asks them to their primaries."""
    with cluster(3, replicas=1) as group:
        for node in group.nodes:
            node.cli("CONFIG", "SET", "maxmemory-policy", "allkeys-lfu")
        urls = [node.url for node in group.nodes]
        cache = site(default={"LOCATION": urls, "OPTIONS": {"CONNECTION_FACTORY": "cluster"}})
        cache.set_many({f"page:{number}": number for number in range(200)}, 500)
        for _ in range(20):
            cache.get_many([f"page:{number}" for number in range(200)])
        [report] = manage(*ONCE, "--hot", "--json").json
    servers = [server for server in report["servers"] if "error" not in server]
    assert {server["role"] for server in servers} == {"primary", "replica"}
    assert [server["hits"] for server in servers] == [0] * len(servers)
    assert (report["hot"]["keys"], report["hot"]["families"][0]["family"]) == (200, "page")


def hashed(key: str, prefix: str, version: int) -> str:
    return f"{prefix}:{hashlib.md5(key.encode()).hexdigest()}"


def test_hot_families_are_told_by_no_other_policy(
    site: Callable[..., Any],
    manage: Callable[..., Ran],
    own_server: Server,
    counting_server: Server,
) -> None:
    counting_server.cli("ACL", "SETUSER", "site", "on", ">word", "~*", "+@all", "-object")
    refusing = counting_server.url.replace("redis://", "redis://site:word@")
    cache = site(
        default={"LOCATION": own_server.url},
        refused={"LOCATION": refusing},
        hidden={"LOCATION": counting_server.url, "KEY_FUNCTION": hashed},
    )
    cache.set("a", 1)
    caches["refused"].set("a", 1)
    text = manage(*ONCE, "--hot").out
    assert "hot families: not told, maxmemory-policy noeviction" in text
    assert "hot families: not told, OBJECT FREQ is refused" in text
    assert "hot families: not told, CACHES['hidden']: KEY_FUNCTION" in text
    assert manage(*ONCE, "--hot", "--json").json[0]["hot"]["families"] == []
    assert "hot" not in manage(*ONCE, "--json").json[0]
    counting_server.cli("FLUSHALL")
    assert "no key was used of late" in manage(*ONCE, "--hot", "--alias", "refused").out


def test_a_server_that_is_away(site: Callable[..., Any], manage: Callable[..., Ran]) -> None:
    site(
        default={},
        away={"LOCATION": "redis://u:secret@127.0.0.1:1/0"},
        wrong={"OPTIONS": {"CLIENT": "hred"}},
    )
    ran = manage("top", "--once", "--interval", "0.01")
    assert (ran.code, ran.error) == (1, "Not all servers could be asked: away, wrong.")
    assert "Connection refused" in ran.out
    assert "secret" not in ran.out


@pytest.fixture
def project(tmp_path: Path, own_server: Server) -> dict[str, str]:
    """A Django project on disk; the environment in which its commands run."""
    in_a_terminal = on_disk(tmp_path, default={"LOCATION": own_server.url})
    return in_a_terminal | {"COLUMNS": "80", "LINES": "24"}


@pytest.mark.parametrize("end", ["q", "Ctrl-C"])
def test_live_in_a_terminal(end: str, project: dict[str, str]) -> None:
    master, slave = pty.openpty()
    before = termios.tcgetattr(slave)
    process = subprocess.Popen(
        [sys.executable, "-m", "django", "redis_cache", "top", "--interval", "0.1"],
        env=project,
        stdin=slave,
        stdout=slave,
        stderr=slave,
    )
    shown = bytearray()

    def frames() -> int:
        shown.extend(os.read(master, 65536))
        return shown.count(b"(q: quit)")

    wait_until(lambda: frames() > 3, "it was drawn some times", timeout=30)
    if end == "q":
        os.write(master, b"xq")
    else:
        process.send_signal(signal.SIGINT)
    assert process.wait(timeout=120) == 0
    assert termios.tcgetattr(slave) == before
    while select.select([master], [], [], 0)[0]:
        shown += os.read(master, 65536)
    os.close(slave)
    os.close(master)
    text = shown.decode()
    assert text.startswith("\x1b[?1049h\x1b[?25l")
    assert text.endswith("\x1b[?25h\x1b[?1049l")
    assert "Traceback" not in text
    frame = text.split("\x1b[H")[-1]
    lines = re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", frame).splitlines()
    assert any("redis://127.0.0.1:" in line for line in lines)
    assert all(len(line) <= 80 for line in lines), lines
    assert len(lines) <= 24


def test_it_is_left_while_a_server_hangs(tmp_path: Path, own_server: Server) -> None:
    hangs = {"LOCATION": own_server.url, "OPTIONS": {"SOCKET_TIMEOUT": 60}}
    environment = on_disk(tmp_path, default=hangs)
    own_server.pause()
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "django", "redis_cache", "top"],
        env=environment,
        stdin=slave,
        stdout=slave,
        stderr=slave,
    )
    shown = bytearray()
    while b"counting" not in shown:
        assert select.select([master], [], [], 30)[0], "it waits for the server, and draws nothing"
        shown += os.read(master, 65536)
    assert _interrupted(process) == 0
    while select.select([master], [], [], 0)[0]:
        shown += os.read(master, 65536)
    os.close(slave)
    os.close(master)
    # Behind it Python may tell of a socket that the interrupt has left half made.
    assert b"\x1b[?25h\x1b[?1049l" in shown, shown


def _interrupted(process: subprocess.Popen[bytes]) -> int:
    """Its exit code. Ctrl-C is pressed again where nothing happens: Python loses what strikes in a
    finalizer."""
    for _ in range(5):
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(timeout=10)
    process.kill()
    process.wait()
    raise AssertionError("it goes on waiting for its server")


def test_a_pipe_has_one_look(project: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "django", "redis_cache", "top", "--interval", "0.1"],
        env=project,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert done.stdout.startswith("default: ")
    assert "\x1b" not in done.stdout
