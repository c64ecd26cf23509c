"""Caches on real servers, and ``manage.py redis_cache`` on them as a shell would call it."""

from __future__ import annotations

import io
import json
import os
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import caches
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import override_settings

from django_redis_core.cache import RedisCache
from django_redis_core.management.commands.redis_cache import Command
from django_redis_core.testing.clients import PATIENCE
from django_redis_core.testing.servers import Server

#: The commands that make one report.
OF_ONE = (
    *("plugins", "get", "ttl", "delete", "clear", "recode", "copy", "compare"),
    *("keys", "set", "touch", "expire"),
)
BACKEND = "django_redis_core.cache.RedisCache"


@dataclass
class Ran:
    """What a command wrote, and how it ended."""

    out: str
    err: str
    error: str = ""
    code: int = 0

    @property
    def json(self) -> Any:
        """The reports of a command on several caches, the report of one on one."""
        shape = json.loads(self.out)
        assert (shape["version"], set(shape)) == (1, {"version", "command", "reports"})
        reports = shape["reports"]
        if shape["command"] not in OF_ONE:
            return reports
        [report] = reports
        return report


@pytest.fixture
def manage(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    """``manage("get", "key", answer="yes")``: the command, and what is typed into its terminal."""

    def call(*args: str, answer: str = "") -> Ran:
        out, err = io.StringIO(), io.StringIO()
        monkeypatch.setattr("sys.stdin", io.StringIO(answer))
        try:
            call_command(Command(), *args, stdout=out, stderr=err)
        except CommandError as error:
            return Ran(out.getvalue(), err.getvalue(), str(error), error.returncode)
        return Ran(out.getvalue(), err.getvalue())

    return call


@pytest.fixture
def site(request: pytest.FixtureRequest) -> Iterator[Callable[..., RedisCache]]:
    """``site(default={...}, other={...})``: the CACHES of a site, each with what its entry needs
    added; the first one is returned. Without LOCATION it is on ``redis_server``."""
    with ExitStack() as stack:

        def configure(**entries: dict[str, Any]) -> RedisCache:
            prefix = uuid.uuid4().hex[:8]
            for entry in entries.values():
                if "LOCATION" not in entry:
                    entry["LOCATION"] = request.getfixturevalue("redis_server").url
                entry.setdefault("BACKEND", BACKEND)
                entry.setdefault("KEY_PREFIX", prefix)
                entry.update(patient(entry))
            stack.enter_context(override_settings(CACHES=entries))
            first: RedisCache = caches[next(iter(entries))]
            return first

        yield configure


@pytest.fixture
def own_server() -> Iterator[Server]:
    """A server of the test's own, to be killed, filled or reconfigured."""
    with Server() as server:
        yield server


def problems(report: dict[str, Any]) -> list[str]:
    return [finding["text"] for finding in report["findings"] if finding["level"] == "problem"]


def advice(report: dict[str, Any]) -> list[str]:
    return [finding["text"] for finding in report["findings"] if finding["level"] == "advice"]


def one(texts: Sequence[str], words: str) -> str:
    """The one text with ``words`` in it."""
    [found] = [text for text in texts if words in text]
    return found


@pytest.fixture
def settings() -> Iterator[Callable[..., None]]:
    """``settings(NAME=value)``: global settings, for one test."""
    with ExitStack() as stack:
        yield lambda **values: stack.enter_context(override_settings(**values))


def patient(entry: dict[str, Any]) -> dict[str, Any]:
    """The OPTIONS of ``entry`` where none of them is a time to wait: a machine may be busy."""
    options = entry.get("OPTIONS", {})
    if entry["BACKEND"] != BACKEND or any(name.startswith("SOCKET_") for name in options):
        return {}
    return {"OPTIONS": {**PATIENCE, **options}}


def on_disk(folder: Path, **entries: Any) -> dict[str, str]:
    """A Django project in ``folder`` with these caches; the environment in which its commands run
    in a terminal."""
    every = {alias: {"BACKEND": BACKEND, **entry} for alias, entry in entries.items()}
    caches = {alias: {**entry, **patient(entry)} for alias, entry in every.items()}
    (folder / "drc_settings.py").write_text(
        f"INSTALLED_APPS = ['django_redis_core']\nCACHES = {caches!r}\nSECRET_KEY = 'x'\n"
    )
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "drc_settings",
        "PYTHONPATH": str(folder),
        "PYTHONWARNINGS": "error",
        "TERM": "xterm",
    }
