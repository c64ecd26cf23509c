"""The examples do what the README says of them, run as a reader runs them: in their own process."""

from __future__ import annotations

import importlib
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from urllib.request import ProxyHandler, build_opener

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
TOUR = EXAMPLES / "tour.py"

# As strict as it gets: a warning is an error, and development mode shows what was not closed.
PYTHON = [sys.executable, "-X", "dev", "-W", "error"]
ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if name not in ("BOOKSHOP_CACHE", "DJANGO_SETTINGS_MODULE")
}


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PYTHON, *command],
        cwd=cwd,
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def complaints(text: str) -> list[str]:
    """The lines of stderr, without what asyncio's debugging says of a machine that is slow."""
    return [line for line in text.splitlines() if not line.startswith("Executing <")]


@contextmanager
def serving(*arguments: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The site and its process, which the end of the block ends if the test has not."""
    process = subprocess.Popen(
        [*PYTHON, str(TOUR), "serve", *arguments],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        yield line.partition("/ ")[0], process
    finally:
        process.kill()
        process.communicate()


def fetch(address: str) -> str:
    with build_opener(ProxyHandler({})).open(address, timeout=60) as response:
        return response.read().decode()


@pytest.fixture
def measure(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    return importlib.import_module("bookshop.measure")


@pytest.fixture
def aliases(monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, object]]:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    monkeypatch.setenv("BOOKSHOP_CACHE", "set here, so that the import leaves no trace")
    return importlib.import_module("bookshop.settings").CACHES


def test_the_tour_ends_well_wherever_it_is_started(tmp_path, aliases):
    done = run(TOUR, cwd=tmp_path)
    assert complaints(done.stderr) == []
    assert done.returncode == 0, done.stdout
    lines = done.stdout.splitlines()
    header = next(line for line in lines if line.startswith("alias "))
    assert re.split(r"  +", header) == [
        "alias",
        "plugins",
        "operation",
        "bytes stored",
        "µs a call",
    ]
    table = lines[lines.index(header) + 2 :]
    table = table[: table.index("")]
    assert [line.split()[0] for line in table if not line.startswith(" ")] == list(aliases)
    for line in table:
        assert re.search(r"  +\d+  +\d+\.\d$", line), line
    checks = [line for line in lines if line.startswith("  ok ")]
    assert len(checks) >= 10
    assert "WRONG" not in done.stdout
    assert list(tmp_path.iterdir()) == []


# A serializer that gives every tuple back as a list: what a tour must not overlook.
BROKEN = """
import pickle, sys
sys.path.insert(0, {examples!r})

from django_redis_core.interfaces import Serializer

class Forgetful(Serializer):
    name = "forgetful"
    def dumps(self, value):
        return pickle.dumps(value)
    def loads(self, data):
        value = pickle.loads(data)
        return list(value) if isinstance(value, tuple) else self.each(value)
    def each(self, value):
        if isinstance(value, dict):
            return {{key: self.loads(pickle.dumps(item)) for key, item in value.items()}}
        return value

from bookshop import settings
settings.CACHES["default"]["OPTIONS"] = {{"SERIALIZER": Forgetful}}

import tour
tour.CALLS = 2
sys.exit(tour.main([]))
"""


def test_a_value_of_another_type_makes_the_tour_fail_and_is_named(tmp_path):
    done = run("-c", BROKEN.format(examples=str(EXAMPLES)), cwd=tmp_path)
    assert done.returncode == 1
    end = done.stdout.partition("WRONG, in")[2]
    assert "default, get: ['books'] " in end
    assert "is list, not tuple" in end
    assert "api" not in end, "the other aliases are as they should be"


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        (1, True),
        (1, 1.0),
        ("1", 1),
        ((1, 2), [1, 2]),
        ([1, (2,)], [1, [2]]),
        ({"a": {"b": 1}}, {"a": {"b": "1"}}),
        ({"a": 1}, {"a": 1, "b": 2}),
        ([1], [1, 1]),
        (None, 0),
    ],
)
def test_what_is_compared_is_value_and_type(measure, expected, got):
    assert measure.difference(expected, got)
    assert not measure.difference(expected, expected)


def test_the_site_shows_the_same_live_and_ends_with_ctrl_c(aliases):
    with serving("0") as (address, process):
        page = fetch(f"{address}/")
        for alias in aliases:
            assert f"<h2>{alias}</h2>" in page
        assert re.search(r"All \d+ values came back as they were stored", page)
        assert "µs a call" in page
        assert re.search(r"<dt>hits</dt><dd>\d+</dd>", page)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
        assert process.returncode == 0
        assert "Traceback" not in errors
        assert "Warning" not in errors


def test_a_port_that_is_taken_is_said_so(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run(TOUR, "serve", port, cwd=tmp_path)
    assert done.returncode == 2
    assert f"Port {port} cannot be used" in done.stderr


def test_a_killed_server_is_started_again_by_the_next_read(tmp_path):
    done = run(TOUR, "fault", cwd=tmp_path)
    assert complaints(done.stderr) == []
    assert done.returncode == 0, done.stdout
    first, second = re.search(r"was process (\d+) and is now process (\d+)", done.stdout).groups()
    assert first != second
