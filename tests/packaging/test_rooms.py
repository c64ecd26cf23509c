"""The core's rooms: what is public can be told from the tree, and the maps agree with it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import django_redis_core

CORE = Path(django_redis_core.__file__).parent
ROOT = Path(__file__).parents[2]

#: What Django finds by its name, or by the one that settings give; nothing for a plugin's import.
CONVENTIONS = {"apps", "checks", "management", "middleware"}


def rooms() -> set[str]:
    """The modules and packages at the top of the core."""
    return {
        path.stem
        for path in CORE.iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    } - {"__init__"}


def contracts() -> dict[str, dict[str, Any]]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    return {contract["id"]: contract for contract in settings["contracts"]}


def test_plugins_may_import_what_has_no_underscore() -> None:
    public = {room for room in rooms() - CONVENTIONS if not room.startswith("_")}
    lines = " ".join(contracts()["public"]["ignore_imports"])
    allowed = re.findall(r"\*\* -> django_redis_core\.(\w+)", lines)
    assert set(allowed) == public


def test_no_room_is_outside_of_the_layers() -> None:
    layers = contracts()["layers"]
    assert layers["exhaustive"] is True
    named = set(re.findall(r"\w+", " ".join(layers["layers"])))
    assert named == rooms()


def test_the_map_of_contributing_is_the_tree() -> None:
    """Each room has its line there, and each line is of a room."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    shown = text.partition("## The map")[2].partition("\n## ")[0]
    named = set(re.findall(r"^\| `(\w+)(?:\.py|/)[^`]*`", shown, re.M))
    assert named == rooms() | {"docs", "plugins", "release"}
