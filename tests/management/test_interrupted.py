"""Ctrl-C and lost servers in the middle of long work: nothing is half done, and it goes on."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import caches

from django_redis_core.interfaces import Client
from django_redis_core.testing.clients import wait_until
from django_redis_core.testing.servers import Server

from .conftest import Ran, on_disk

NEW = {"SERIALIZER": ["json", "pickle"]}
FAST = ("--rate", "1000000")
KEYS = 5_000


class Stopping(Client):
    """Calls ``stop`` when so many entries were looked at."""

    name = "stopping"
    left = 0
    stop: Callable[[], None]

    def recoded(self, key: str, data: bytes) -> bytes:
        type(self).left -= 1
        if type(self).left == 0:
            type(self).stop()
        return super().recoded(key, data)


@pytest.fixture
def stopping() -> Iterator[type[Stopping]]:
    yield Stopping
    Stopping.left = 0


@pytest.fixture
def filled(site: Callable[..., Any], own_server: Server) -> Any:
    cache = site(
        default={"LOCATION": own_server.url},
        new={"LOCATION": own_server.url, "OPTIONS": {**NEW, "CLIENT": Stopping}},
    )
    with cache.pipeline() as pipeline:
        for number in range(KEYS):
            pipeline.set(f"k{number}", f"value {number}", 500)
    return caches["new"]


def cursor_in(words: str) -> str:
    found = re.search(r"--cursor (\S+)", words)
    assert found is not None, words
    return found[1]


def pickles(server: Server) -> int:
    with server.client() as client:
        return sum(data[:1] == b"\x80" for data in client.mget(client.keys()))


def interrupt() -> None:
    raise KeyboardInterrupt


def test_an_interrupted_recode_goes_on_where_it_was(
    manage: Callable[..., Ran], filled: Any, own_server: Server, stopping: type[Stopping]
) -> None:
    stopping.left, stopping.stop = 3_333, staticmethod(interrupt)
    ran = manage("recode", "--alias", "new", "--json", *FAST)
    assert ran.code == 130
    assert ran.error.startswith("Stopped: ")
    first = ran.json
    assert (first["complete"], first["cursor"]) == (False, cursor_in(ran.error))
    assert 2_000 < first["rewritten"] < 3_333
    assert pickles(own_server) == KEYS - first["rewritten"]

    ran = manage("recode", "--alias", "new", "--json", "--cursor", first["cursor"], *FAST)
    second = ran.json
    assert ran.code == 0
    assert second["complete"] is True
    assert second["keys"] < KEYS - 1_000, "it has begun again from the start"
    assert first["rewritten"] + second["rewritten"] == KEYS
    assert pickles(own_server) == 0
    assert filled.get("k77") == "value 77"


def test_a_server_that_dies_meanwhile(
    manage: Callable[..., Ran], filled: Any, own_server: Server, stopping: type[Stopping]
) -> None:
    stopping.left, stopping.stop = 3_333, staticmethod(own_server.kill)
    ran = manage("recode", "--alias", "new", *FAST)
    assert ran.code == 1
    assert "Go on with:" in ran.error
    assert ran.error.startswith("The cache 'new': ")
    assert "--rate 1000000" in ran.error, "going on, it would be as slow as it is by default"
    cursor = cursor_in(ran.error)

    # Restarted, the server goes through its keys in another order: the cursor means nothing there.
    own_server.start()
    caches["default"].set_many({f"new{number}": "value" for number in range(500)})
    wait_until(lambda: filled.get("new0") == "value", "the breaker has closed")
    ran = manage("recode", "--alias", "new", "--cursor", cursor, *FAST)
    assert ran.code == 0
    assert "500 were rewritten" in ran.out
    assert "not there any more" in ran.out


def test_a_cursor_that_is_none_is_refused(manage: Callable[..., Ran], filled: Any) -> None:
    ran = manage("recode", "--alias", "new", "--cursor", "everything")
    assert "the text that an interrupted recode printed" in ran.error


def test_an_interrupted_deletion_says_how_much_is_gone(
    manage: Callable[..., Ran],
    filled: Any,
    own_server: Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from django_redis_core.management.output import Progress

    def interrupting(self: Any, done: int) -> None:
        self.done = done
        if done >= 2_000:
            raise KeyboardInterrupt

    monkeypatch.setattr(Progress, "__call__", interrupting)
    ran = manage("delete", "--pattern", "k*", "--no-input", "--alias", "new")
    assert ran.code == 130
    found = re.search(r"after ([\d,]+) keys or more were deleted", ran.error)
    assert found is not None
    assert KEYS - own_server.cli("DBSIZE") == int(found[1].replace(",", "")) >= 2_000


@pytest.fixture
def project(tmp_path: Path, own_server: Server) -> dict[str, str]:
    """A Django project on disk; the environment in which its commands run."""
    entry = {"LOCATION": own_server.url}
    return on_disk(tmp_path, default=entry, new={**entry, "OPTIONS": NEW})


def test_sigint_in_a_terminal(own_server: Server, project: dict[str, str]) -> None:
    """The whole way: a process, a terminal with a progress bar, a signal, an exit code."""
    with own_server.client() as client, client.pipeline() as pipeline:
        for number in range(KEYS):
            pipeline.set(f":1:k{number}", b"\x80\x04\x8c\x05value\x94.")
        pipeline.execute()
    command = [sys.executable, "-m", "django", "redis_cache", "recode", "--alias", "new"]
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [*command, "--rate", "1000"],
        env=project,
        stdin=slave,
        stdout=subprocess.PIPE,
        stderr=slave,
        text=True,
    )
    os.close(slave)
    wait_until(lambda: pickles(own_server) < KEYS - 1_500, "it is well under way", timeout=30)
    process.send_signal(signal.SIGINT)
    shown = b""
    while True:
        try:
            piece = os.read(master, 65536)
        except OSError:  # the other side has closed it
            break
        if not piece:
            break
        shown += piece
    os.close(master)
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 130
    assert out == ""
    terminal = shown.decode()
    assert re.search(r"new: recoding \[#+\.+\] +\d+%", terminal)
    assert "Interrupted: Stopped: " in terminal
    assert "Traceback" not in terminal
    left = pickles(own_server)
    assert 0 < left < KEYS

    done = subprocess.run(
        [*command, "--json", "--cursor", cursor_in(terminal), *FAST],
        env=project,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert json.loads(done.stdout)["reports"][0]["rewritten"] == left
    assert done.stderr == "", "no progress bar where nobody looks"
    assert pickles(own_server) == 0


def test_twenty_thousand_keys(
    manage: Callable[..., Ran], site: Callable[..., Any], own_server: Server
) -> None:
    cache = site(
        default={"LOCATION": own_server.url},
        new={"LOCATION": own_server.url, "OPTIONS": {**NEW, "COMPRESSOR": "zlib"}},
    )
    with cache.pipeline() as pipeline:
        for number in range(20_000):
            pipeline.set(f"user:{number}", {"number": number, "text": "x" * 50}, 500 + number)
    report = manage("recode", "--alias", "new", "--json", *FAST).json
    assert (report["keys"], report["rewritten"]) == (20_000, 20_000)
    for number in range(0, 20_000, 777):
        assert caches["new"].get(f"user:{number}") == {"number": number, "text": "x" * 50}
        assert 450 + number < caches["new"].ttl(f"user:{number}") <= 500 + number
    [stats] = manage("stats", "--alias", "new", "--json").json
    assert stats["sample"]["keys"] <= 10_500
    ran = manage("delete", "--alias", "new", "--pattern", "user:*", "--no-input", "--json")
    assert ran.json["deleted"] == 20_000
