"""What making a connection takes."""

from __future__ import annotations

import importlib.metadata
import re
from typing import Any

import pytest

from django_redis_core.testing.fixtures import MakeCache


def names(connection: Any) -> list[str]:
    """How it has named itself to the server."""
    connection.send_command("CLIENT", "LIST")
    rows: str = connection.read_response().decode()
    connection.disconnect()
    row = next(row for row in rows.splitlines() if re.search(r"cmd=client(\|list)? ", row))
    return re.findall(r"lib-\w+=\S*", row)


def test_a_connection_names_itself_and_does_not_look_for_its_version_again(
    make_cache: MakeCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """redis-py reads it from the disk for each, in most of the time that it takes to make one; a
    time limit that strikes there is lost."""
    config = make_cache()._engine.topology.primaries()[0].config
    config.connected().disconnect()
    plain = config.connection_class(**config.kwargs)
    plain.connect()

    def asked(name: str) -> str:
        raise AssertionError(f"the version of {name} is looked for")

    monkeypatch.setattr(importlib.metadata, "version", asked)
    assert names(config.connected()) == names(plain)


async def test_nor_does_one_of_asyncio(
    make_cache: MakeCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = make_cache()._engine.topology.primaries()[0].config
    await (await config.async_connected()).disconnect()
    monkeypatch.setattr(importlib.metadata, "version", lambda name: pytest.fail("looked for"))
    await (await config.async_connected()).disconnect()
