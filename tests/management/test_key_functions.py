"""A KEY_FUNCTION of the site's that no pattern is known for: each command says so."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from .conftest import Ran, advice, one, problems


def padded(key: str, prefix: str, version: int) -> str:
    """Fails with anything but a number as the version."""
    return f"{prefix}:{version:03d}:{hashlib.md5(key.encode()).hexdigest()}"


def patterns(pattern: str, prefix: str, version: Any) -> str:
    return f"{prefix}:{version if version == '*' else format(version, '03d')}:*"


Site = Callable[..., Any]
Manage = Callable[..., Ran]


@pytest.mark.parametrize(
    "command",
    [
        ("recode", "--alias", "default"),
        ("recode", "--alias", "default", "--dry-run"),
        ("stats",),
        ("clear", "--alias", "default", "--no-input"),
        ("clear", "--alias", "default", "--prefix", "--no-input"),
        ("delete", "--alias", "default", "--pattern", "*", "--no-input"),
    ],
    ids=" ".join,
)
def test_it_is_refused_in_words(site: Site, manage: Manage, command: tuple[str, ...]) -> None:
    cache = site(default={"KEY_FUNCTION": padded})
    cache.set("k", 1)
    ran = manage(*command)
    assert ran.code == 1
    assert "KEY_PATTERN_FUNCTION" in ran.error + ran.out
    assert "CACHES['default']: KEY_FUNCTION" in ran.error + ran.out
    assert "0 keys" not in ran.out
    assert cache.get("k") == 1


def test_the_doctor_says_so_and_blames_no_server(site: Site, manage: Manage) -> None:
    site(default={"KEY_FUNCTION": padded})
    [report] = manage("doctor", "--json").json
    assert report["ok"] is False
    [text] = problems(report)
    assert "KEY_PATTERN_FUNCTION" in text
    assert report["servers"][0]["reachable"] is True
    assert report["servers"][0]["refused"] == []


def test_where_clear_empties_the_database_it_is_advice(site: Site, manage: Manage) -> None:
    site(default={"KEY_FUNCTION": padded, "KEY_PREFIX": ""})
    [report] = manage("doctor", "--json").json
    assert report["ok"] is True
    assert "KEY_FUNCTION" in one(advice(report), "KEY_PATTERN_FUNCTION")


def test_with_a_pattern_function_all_work(site: Site, manage: Manage) -> None:
    cache = site(default={"KEY_FUNCTION": padded, "KEY_PATTERN_FUNCTION": patterns})
    cache.set_many({str(number): [number] for number in range(5)})
    [report] = manage("doctor", "--json").json
    assert report["ok"] is True
    assert manage("stats", "--json").json[0]["keys"] == 5
    assert "5 keys looked at" in manage("recode", "--alias", "default").out
    assert "5 keys" in manage("clear", "--alias", "default", "--prefix", "--no-input").out
    assert cache.get("1") is None


def test_a_version_of_the_command_line_is_the_number_that_sites_write(
    site: Site, manage: Manage
) -> None:
    cache = site(default={"KEY_FUNCTION": padded})
    cache.set("k", "second", version=2)
    assert "second" in manage("get", "--alias", "default", "k", "--key-version", "2").out
    assert cache.delete("k", version=2) is True
