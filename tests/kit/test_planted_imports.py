"""Plugins that work while they are imported, and one that is not there at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from ..registry.conftest import Site
from .test_broken_plugins import python

#: What a module does beside defining things, and what the kit says of it.
WORK: dict[str, tuple[str, str]] = {
    "threading": (
        "import threading\nthreading.Thread(target=print, daemon=True).start()",
        "starts a thread",
    ),
    "sleeping": ("from time import sleep\nsleep(0.01)", "sleeps"),
    "writing": (
        "import tempfile, os\nopen(os.path.join(tempfile.gettempdir(), 'planted'), 'w').close()",
        "writes the file",
    ),
    "folders": ("import tempfile\ntempfile.mkdtemp()", "makes a folder"),
    "connecting": (
        (
            "import socket\nserver = socket.create_server(('127.0.0.1', 0))\n"
            "socket.create_connection(server.getsockname()).close()"
        ),
        "connects to somewhere",
    ),
    "processes": (
        "import subprocess, sys\nsubprocess.run([sys.executable, '-c', ''])",
        "starts a process",
    ),
}

PLUGIN = """
{work}
import pickle
from django_redis_core import hookimpl
from django_redis_core.interfaces import {base}

class Busy({base}):
    name = "{name}"

    def dumps(self, value):
        return b"b:" + pickle.dumps(value)

    def loads(self, data):
        if data[:2] != b"b:":
            raise ValueError("not ours")
        return pickle.loads(data[2:])

    def topology(self, locations):
        from django_redis_core.connections import SingleServer

        return SingleServer(self.node(locations[0]))

@hookimpl
def register_{kind}():
    return Busy
"""

BASES = {"serializer": "Serializer", "client": "Client", "connection_factory": "ConnectionFactory"}


def source(name: str, kind: str, work: str) -> str:
    return PLUGIN.format(name=name, kind=kind, base=BASES[kind], work=work)


TESTS = {
    "serializer": "SerializerContract",
    "client": "ClientContract",
    "connection_factory": "ConnectionFactoryContract",
}

LATER = """
from django_redis_core import hookimpl

@hookimpl
def register_serializer():
    from .busy import Busy
    return Busy
"""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the kit says of all of them."""
    site = Site(tmp_path_factory.mktemp("busy"))
    kinds = {**dict.fromkeys(WORK, "serializer"), "on": "client", "at": "connection_factory"}
    for name, kind in kinds.items():
        work = WORK.get(name, WORK["threading"])[0]
        site.install(name, source(name, kind, work))
    site.install("later", LATER)
    busy = source("later", "serializer", WORK["sleeping"][0]).partition("@hookimpl")[0]
    (site.folder / "acme_later" / "busy.py").write_text(busy)
    (site.folder / "some_library.py").write_text("import time\ntime.sleep(0.01)\n")
    quiet = "import some_library, os, threading\nlock = threading.Lock()\nopen(os.devnull).close()"
    site.install("quiet", source("quiet", "serializer", quiet))
    tests = ["from django_redis_core.testing import *"]
    for name, kind in {**kinds, "later": "serializer", "quiet": "serializer"}.items():
        tests.append(f"class Test{name.title()}({TESTS[kind]}):\n    name = {name!r}\n")
    (site.folder / "conftest.py").write_text(
        'pytest_plugins = ["django_redis_core.testing.fixtures"]\n'
    )
    (site.folder / "test_busy.py").write_text("\n".join(tests))
    done = python(site, "pytest", "-q", "-rp", "-p", "no:asyncio", "-k", "does_nothing_else")
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout
    return done.stdout


@pytest.mark.parametrize("name", WORK)
def test_work_at_import_is_told_with_its_line(said: str, name: str) -> None:
    (line,) = [line for line in said.splitlines() if f"Error: importing '{name}' " in line]
    assert WORK[name][1] in line
    assert f"acme_{name}/__init__.py, line " in line
    assert "do that at the first call" in line


@pytest.mark.parametrize("name", ["on", "at"])
def test_plugins_on_servers_are_looked_at_too(said: str, name: str) -> None:
    assert f"importing '{name}' starts a thread" in said


def test_work_in_the_module_of_the_class(said: str) -> None:
    assert "importing 'later' sleeps" in said
    assert "acme_later/busy.py, line 3" in said


def test_what_a_library_does_and_what_is_no_work_is_not_told(said: str) -> None:
    assert said.splitlines()[-1].startswith(f"{len(WORK) + 3} failed, 1 passed")
    assert "PASSED test_busy.py::TestQuiet::" in said


MISSING = """
from django_redis_core.testing import (
    ClientContract,
    CompressorContract,
    ConnectionFactoryContract,
    SealerContract,
    SerializerContract,
)

class TestClient(ClientContract):
    name = "neer"

    def test_of_its_own(self):
        raise AssertionError("not asked for")

class TestSerializer(SerializerContract):
    name = "cbor"

class TestCompressor(CompressorContract):
    name = "brotli"

class TestSealer(SealerContract):
    name = "sodium"

class TestFactory(ConnectionFactoryContract):
    name = "consul"

class TestThere(SerializerContract):
    name = "pickle"
"""


def test_what_is_not_installed_fails_once(site: Site) -> None:
    (site.folder / "conftest.py").write_text(
        'pytest_plugins = ["django_redis_core.testing.fixtures"]'
    )
    (site.folder / "test_missing.py").write_text(MISSING)
    done = python(site, "pytest", "-q", "-p", "no:asyncio", "-k", "not There or found_by")
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "5 failed, 1 passed" in done.stdout.splitlines()[-1]
    assert "TestClient: there is no client named 'neer'. Did you mean 'near'?" in done.stdout
    assert "TestCompressor: there is no compressor named 'brotli'." in done.stdout
    assert "registered before tests are collected" in done.stdout


def test_one_of_ours_says_what_to_install(site: Site) -> None:
    (site.folder / "test_missing.py").write_text(
        "import importlib.metadata\n"
        "importlib.metadata.entry_points = lambda **about: []\n"
        "from django_redis_core._plugins import registry\n"
        "registry.registry._scan = lambda: []\n"
        "from django_redis_core.testing import CompressorContract\n"
        'class TestZstd(CompressorContract):\n    name = "zstd"\n'
    )
    done = python(site, "pytest", "-q", "-p", "no:asyncio")
    assert done.stdout.splitlines()[-1].startswith("1 failed in")
    assert "Install it with: pip install 'django-redis-core[zstd]'." in done.stdout
