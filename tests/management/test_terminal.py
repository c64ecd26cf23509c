"""What a terminal shows: lines of its width, a progress bar that is in nobody's way, colours."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import caches
from django.core.management.base import OutputWrapper

from django_redis_core.management.commands.redis_cache import Command
from django_redis_core.management.output import Progress, folded, table
from django_redis_core.testing.servers import Server

from .conftest import Ran


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True

    @property
    def screen(self) -> list[str]:
        """Its lines as somebody sees them, without colours."""
        text = re.sub(r"\x1b\[[\d;]*m", "", self.getvalue())
        return [line.rpartition("\x1b[K")[2].rpartition("\r")[2] for line in text.split("\n")]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Terminal]:
    """``terminal("doctor")``: what a terminal of 80 columns shows after a command line."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("NO_COLOR", raising=False)

    def call(*args: str) -> Terminal:
        shown = Terminal()
        with monkeypatch.context() as patched:
            patched.setattr("sys.stdout", shown)
            patched.setattr("sys.stderr", shown)
            try:
                Command().run_from_argv(["manage.py", "redis_cache", *args])
            except SystemExit:
                pass
        return shown

    return call


@pytest.fixture
def every_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Progress, "_EVERY", 0.0)


@pytest.mark.parametrize("command", ["plugins", "doctor", "stats"])
def test_lines_have_the_width_of_the_terminal(
    command: str, site: Callable[..., Any], terminal: Callable[..., Terminal]
) -> None:
    cache = site(default={}, wrong={"OPTIONS": {"CLIENT": "hred"}})
    cache.set_many({f"user:{number}": number for number in range(9)})
    lines = terminal(command).screen
    long = [line for line in lines if len(line) > 80]
    # What cannot be broken, a path say, stands on a line of its own.
    assert all(" " not in line.strip() for line in long), long
    assert len(lines) > 10


def test_what_is_piped_is_not_folded(site: Callable[..., Any], manage: Callable[..., Ran]) -> None:
    site(default={})
    assert max(map(len, manage("doctor").out.splitlines())) > 120


def test_columns_that_do_not_fit_go_below() -> None:
    rows = [("NAME", "KEYS", "WHERE"), ("a", "1,000", "far away"), ("b", "20", "")]
    assert table(rows, indent=2, width=18) == [
        "  NAME   KEYS",
        "      WHERE",
        "  a     1,000",
        "      far away",
        "  b        20",
    ]
    assert table(rows, width=80) == table(rows)
    assert folded("one two", None) == ["one two"]


@pytest.mark.usefixtures("every_drawing")
def test_remarks_do_not_stand_behind_the_bar(
    site: Callable[..., Any], terminal: Callable[..., Terminal], own_server: Server
) -> None:
    site(default={"LOCATION": own_server.url}, b={"LOCATION": own_server.url, "VERSION": 2})
    caches["default"].set_many({f"k{number}": number for number in range(3_000)})
    prefix = caches["default"].key_prefix
    for number in range(5):
        own_server.cli("SET", f"{prefix}:1:bad{number}", "no pickle")
    shown = terminal("recode", "-v", "2", "--rate", "1000000")
    assert "default: recoding [#" in shown.getvalue()
    remarks = [line for line in shown.screen if "is unreadable" in line]
    assert len(remarks) == 5
    assert all(line.startswith(f"'{prefix}:1:bad") for line in remarks)


@pytest.mark.usefixtures("every_drawing")
def test_logs_do_not_stand_behind_the_bar() -> None:
    terminal = Terminal()
    handler = logging.StreamHandler(terminal)
    logger = logging.getLogger("somebody.else")
    logger.addHandler(handler)
    before = logging.getLogRecordFactory()
    try:
        with Progress(OutputWrapper(terminal), "deleting", 10) as progress:
            progress(3)
            logger.warning("a server is away")
            progress(4)
            assert terminal.screen[-1].startswith("deleting [####")
    finally:
        logger.removeHandler(handler)
    assert terminal.screen == ["a server is away", ""]
    assert logging.getLogRecordFactory() is before


def test_a_terminal_that_cannot_move_its_cursor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    terminal = Terminal()
    with Progress(OutputWrapper(terminal), "deleting", 10) as progress:
        progress(3)
    assert terminal.getvalue() == ""


def test_no_color(
    site: Callable[..., Any],
    terminal: Callable[..., Terminal],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site(default={}, wrong={"OPTIONS": {"CLIENT": "hred"}})
    assert "\x1b[" in terminal("doctor").getvalue()
    monkeypatch.setenv("NO_COLOR", "1")
    shown = terminal("doctor").getvalue()
    assert "CommandError: 1 cache not well: wrong." in shown
    assert "\x1b[" not in shown
    assert "\x1b[" in terminal("doctor", "--force-color").getvalue()
