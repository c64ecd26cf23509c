"""The promise: once a cache is made, its calls import nothing, not even the first one.

A signal that raises in the middle of an import can leave the import's lock taken for ever (Python
3.11), and with it every thread that comes there afterwards. An import is also milliseconds that a
visitor waits.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .conftest import Place
from .test_table import TOPOLOGIES, codecs

CLIENTS = ["herd", "near", ["near", "herd"]]
#: Every serializer, compressor and sealer.
CODECS = [options for way, options in codecs() if way == "blocking"]


def imported(location: Any, options: dict[str, Any]) -> list[str]:
    """The modules that the calls of a new process import."""
    entry = {
        "BACKEND": "django_redis_core.cache.RedisCache",
        "LOCATION": location,
        "KEY_PREFIX": "first",
        "OPTIONS": options,
    }
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("first_calls.py")), json.dumps(entry)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    names: list[str] = json.loads(done.stdout)
    return names


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_calls_import_nothing_on_any_topology(
    request: pytest.FixtureRequest, topology: str
) -> None:
    place: Place = request.getfixturevalue(TOPOLOGIES[topology])
    options = dict(place.options)
    if place.alone is None:
        options["CLIENT"] = "shard"
    if "READ_FROM" in options:
        options["READ_YOUR_WRITES"] = 30  # a replica may not have heard of them yet
    assert imported(place.alone or place.sharded, options) == []


@pytest.mark.parametrize("client", CLIENTS, ids=str)
def test_calls_import_nothing_with_any_client(one_server: Place, client: Any) -> None:
    assert imported(one_server.alone, {"CLIENT": client}) == []


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: "-".join(codec.values()))
def test_calls_import_nothing_with_any_codec(one_server: Place, codec: dict[str, str]) -> None:
    assert imported(one_server.alone, codec) == []
