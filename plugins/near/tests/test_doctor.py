"""What ``manage.py redis_cache`` says of a cache with copies."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import override_settings

from django_redis_core.cache import RedisCache
from django_redis_core.management.commands.redis_cache import Command
from django_redis_core.testing.servers import Server

Run = Callable[..., str]


@pytest.fixture
def command() -> Run:
    """``command(url, "doctor", …)``: what it prints for a cache on near there."""

    def call(url: str, *args: str) -> str:
        entry = {
            "BACKEND": f"{RedisCache.__module__}.RedisCache",
            "LOCATION": url,
            "OPTIONS": {"CLIENT": "near", "NEAR_LEASE": 30},
        }
        out = io.StringIO()
        with override_settings(CACHES={"default": entry}):
            try:
                call_command(Command(), *args, stdout=out, stderr=io.StringIO())
            except CommandError:
                assert args[0] == "doctor", "which says so in its exit code"
        return out.getvalue()

    return call


def findings(command: Run, url: str, level: str) -> list[str]:
    (report,) = json.loads(command(url, "doctor", "--json"))
    found: list[dict[str, Any]] = report["findings"]
    assert report["ok"] is not any(finding["level"] == "problem" for finding in found)
    return [one["text"] for one in found if one["level"] == level and "near" in one["text"]]


def test_doctor_says_that_the_server_is_heard(command: Run, server: Server) -> None:
    said = f'{server.url} tells of writes, so "near" keeps copies of what it reads.'
    assert findings(command, server.url, "note") == [said]
    assert findings(command, server.url, "problem") == []
    text = command(server.url, "doctor")
    assert f"note      {said}\n" in text
    assert text.startswith("default: well\n")


def test_doctor_says_why_it_is_not(command: Run) -> None:
    users = {"reader": "on >secret ~* +@all -client|tracking"}
    with Server(os.environ.get("DRC_TEST_SERVER", "valkey"), users=users) as server:
        url = f"redis://reader:secret@{server.host}:{server.port}/0"
        (said,) = findings(command, url, "problem")
        assert said.startswith(f'{server.url} tells of no writes, so "near" keeps nothing: ')
        assert "NOPERM" in said
        assert "secret" not in said


def test_doctor_does_not_repeat_that_a_server_is_down(command: Run, server: Server) -> None:
    server.kill()
    assert findings(command, server.url, "problem") == []
    assert "not well" in command(server.url, "doctor")


def test_the_other_commands_work(command: Run, server: Server) -> None:
    with server.client() as client:
        client.set(":1:k", 5)
    assert "near" in command(server.url, "plugins", "--alias", "default")
    assert "1 key" in command(server.url, "stats")
    assert command(server.url, "get", "k").startswith("5\n")
