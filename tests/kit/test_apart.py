"""A plugin that ends Python fails a test by name, and the run goes on to its summary."""

from __future__ import annotations

import ctypes
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from django_redis_core.testing import apart as module
from django_redis_core.testing.apart import Apart, Ended, apart, in_a_child, survived

from ..registry.conftest import Site
from .test_broken_plugins import python


def crash() -> None:
    ctypes.string_at(0)


def test_what_the_work_returns_comes_back() -> None:
    here = os.getpid()
    pid, value = apart(lambda: (os.getpid(), {"a": [1, b"x" * 200_000]}), "it")
    assert pid != here
    assert value == {"a": [1, b"x" * 200_000]}


def test_what_the_work_raises_is_told_with_its_traceback() -> None:
    def fails() -> None:
        assert "".join(["a", "b"]) == "ba"

    with pytest.raises(Apart) as caught:
        apart(fails, "it")
    assert not isinstance(caught.value, Ended)
    assert "in fails" in str(caught.value)
    assert "AssertionError" in str(caught.value)
    assert survived(fails)


def test_a_signal_is_named_with_where_python_was() -> None:
    with pytest.raises(Ended) as caught:
        apart(crash, "the plugin")
    said = str(caught.value)
    assert said.startswith("the plugin ended Python by SIGSEGV (Segmentation fault).")
    assert "in crash" in said
    assert not survived(crash)


@pytest.mark.parametrize("code", [0, 3])
def test_an_exit_is_no_success(code: int) -> None:
    with pytest.raises(Ended, match=f"it ended Python by the exit code {code}"):
        apart(lambda: os._exit(code), "it")


def test_a_hang_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.2)
    children: list[int] = []
    fork = os.fork
    monkeypatch.setattr(os, "fork", lambda: children.append(fork()) or children[-1])
    began = time.monotonic()
    with pytest.raises(Ended, match="it did not come to an end within"):
        apart(lambda: time.sleep(60), "it")
    assert time.monotonic() - began < 10
    with pytest.raises(ChildProcessError):
        os.waitpid(children[0], os.WNOHANG)  # it is not left behind


def test_other_threads_are_no_matter() -> None:
    free = threading.Event()
    thread = threading.Thread(target=free.wait)
    thread.start()
    try:
        assert apart(lambda: 5, "it") == 5  # the warning of Python 3.12 and up would be an error
    finally:
        free.set()
        thread.join()


def test_without_a_fork_or_under_a_debugger_it_runs_here(monkeypatch: pytest.MonkeyPatch) -> None:
    here = os.getpid()
    sys.settrace(lambda *event: None)
    try:
        assert apart(os.getpid, "it") == here
    finally:
        sys.settrace(None)
    monkeypatch.delattr(os, "fork")
    assert apart(os.getpid, "it") == here


def test_a_test_says_its_name() -> None:
    class TestPlugin:
        @in_a_child
        def test_it(self, depth: int) -> None:
            crash()

    with pytest.raises(AssertionError, match=r"^test_it: the plugin ended Python by SIGSEGV"):
        TestPlugin().test_it(depth=3)


#: As a library in C may do: too deep a value, or a truncated frame, has it read from nowhere.
CRASHING = """
import ctypes, pickle, zlib
from django_redis_core import hookimpl
from django_redis_core.exceptions import CompressorError
from django_redis_core.interfaces import Compressor, Serializer


class CrashingSerializer(Serializer):
    name = "crashing"

    def dumps(self, value):
        inner, depth = value, 0
        while type(inner) is list and inner:
            inner, depth = inner[0], depth + 1
        if depth > 1000 or type(value) is complex:
            ctypes.string_at(0)
        return pickle.dumps(value)

    def loads(self, data):
        return pickle.loads(data)

    def recognises(self, data):
        return data.endswith(pickle.STOP)


class CrashingCompressor(Compressor):
    name = "crashing"
    magic = (b"\\x78",)

    def compress(self, data):
        return zlib.compress(data)

    def decompress(self, data):
        stream = zlib.decompressobj()
        try:
            plain = stream.decompress(data, self.max_length + 1)
        except zlib.error as error:
            raise CompressorError(str(error)) from error
        if not stream.eof:
            ctypes.string_at(0)
        if len(plain) > self.max_length or stream.unused_data:
            raise CompressorError("too long")
        return plain


@hookimpl
def register_serializer():
    return CrashingSerializer


@hookimpl
def register_compressor():
    return CrashingCompressor
"""


@pytest.fixture(scope="module")
def crashing(tmp_path_factory: pytest.TempPathFactory) -> Site:
    site = Site(tmp_path_factory.mktemp("crashing"))
    site.install("crashing", CRASHING)
    return site


def run(site: Site, folder: Path, *arguments: str) -> Any:
    done = python(
        site, "django_redis_core.testing", "crashing", "-q", "-rf", *arguments, cwd=folder
    )
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert " passed" in done.stdout.splitlines()[-1]
    return done


def test_the_kit_names_the_test_and_the_signal(crashing: Site, tmp_path: Path) -> None:
    done = run(crashing, tmp_path, "--kind", "serializer", "-k", "deep or kept or found_by")
    failed = [line for line in done.stdout.splitlines() if line.startswith("FAILED")]
    assert [line.partition(" - ")[0].rpartition("::")[2] for line in failed] == [
        "test_what_is_kept_changed_or_refused[complex]",
        "test_a_deep_value_is_kept_or_refused[10000]",
        "test_a_deep_value_is_kept_or_refused[100000]",
    ]
    assert "the plugin ended Python by SIGSEGV (Segmentation fault)" in done.stdout
    assert "in dumps" in done.stdout
    # What it keeps is listed as far as it can be found out.
    assert "  keeps    Decimal, None key" in done.stdout
    assert "Segmentation fault" not in done.stderr


def test_damage_that_ends_python_is_found_too(crashing: Site, tmp_path: Path) -> None:
    done = run(crashing, tmp_path, "--kind", "compressor", "-k", "truncated or damaged or found_by")
    assert "test_a_truncated_frame_is_refused_at_every_offset" in done.stdout
    assert "the plugin ended Python by SIGSEGV (Segmentation fault)" in done.stdout
    assert list(tmp_path.iterdir()) == []
