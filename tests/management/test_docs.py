"""``docs/operating.md`` knows every subcommand and option."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from django_redis_core.management.commands.redis_cache import Command

PAGE = (Path(__file__).parents[2] / "docs" / "operating.md").read_text(encoding="utf-8")


def subcommands() -> Iterator[tuple[str, argparse.ArgumentParser]]:
    for action in Command().create_parser("manage.py", "redis_cache")._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from action.choices.items()


def test_every_subcommand_has_its_place() -> None:
    found = [name for name, _ in subcommands()]
    assert len(found) == 17
    for name in found:
        assert f"manage.py redis_cache {name}" in PAGE, name


def test_every_option_is_told() -> None:
    for name, parser in subcommands():
        for action in parser._actions:
            if action.option_strings and action.help != argparse.SUPPRESS and action.dest != "help":
                assert any(option in PAGE for option in action.option_strings), (name, action.dest)
