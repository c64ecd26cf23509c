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
    (report,) = json.loads(command(url, "doctor", "--json"))["reports"]
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


def test_the_subcommand_tells_who_hears_which_server(
    command: Run, server: Server, make_near: Callable[..., RedisCache]
) -> None:
    [told] = json.loads(command(server.url, "near", "--json"))["reports"]
    [one] = told["report"]["servers"]
    assert (one["heard"], one["listeners"]) == (True, 0)
    assert told["report"]["limits"] == {"entries": 10_000, "bytes": 64 * 1024**2, "ttl": 5}
    make_near({}, LOCATION=server.url)
    text = command(server.url, "near")
    name = f"redis://127.0.0.1:{server.port}/0"
    assert f"default:\n  {name} tells of writes; connections that listen: 1\n" in text
    assert "a process keeps at most 10,000 copies of 67,108,864 bytes, each for 5 s" in text


def test_the_subcommand_of_a_server_that_is_deaf(command: Run) -> None:
    with Server(users={"shop": "on >shop ~* &* +@all -client|tracking"}) as server:
        url = f"redis://shop:shop@127.0.0.1:{server.port}/0"
        out = io.StringIO()
        entry = {
            "BACKEND": "django_redis_core.cache.RedisCache",
            "LOCATION": url,
            "OPTIONS": {"CLIENT": "near"},
        }
        with (
            override_settings(CACHES={"default": entry}),
            pytest.raises(CommandError, match="nothing is kept of what is read from") as caught,
        ):
            call_command(Command(), "near", stdout=out, stderr=io.StringIO())
        assert caught.value.returncode == 1
        assert "tells of no writes:" in out.getvalue()


def test_stats_has_a_column_of_who_listens(
    command: Run, server: Server, make_near: Callable[..., RedisCache]
) -> None:
    make_near({}, LOCATION=server.url)
    [report] = json.loads(command(server.url, "stats", "--json"))["reports"]
    [one] = report["servers"]
    assert one["columns"]["django-redis-core-near"]["listeners"] >= 1


def test_the_caches_of_this_process_that_are_on_near(server: Server) -> None:
    from django.core.cache import caches

    from django_redis_core_near import near_infos

    backend = {"BACKEND": "django_redis_core.cache.RedisCache", "LOCATION": server.url}
    entries = {
        "a": {**backend, "OPTIONS": {"CLIENT": "near", "NEAR_LEASE": 30}},
        "b": {**backend, "OPTIONS": {"CLIENT": ["near", "default"]}},
        "plain": backend,
        "unused": {**backend, "OPTIONS": {"CLIENT": "near", "NEAR_TTL": 1}},
    }
    with override_settings(CACHES=entries):
        for alias in ("plain", "a", "b"):
            caches[alias].get("k")
        assert sorted(near_infos()) == ["a", "b"]
        assert near_infos()["a"].misses == 1
    with override_settings(CACHES={"a": backend}):
        caches["a"].get("k")
        assert near_infos() == {}
