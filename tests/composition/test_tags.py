"""``["near", "tags", "herd", "shard"]`` with a serializer, a compressor and a sealer: the whole
operation suite once, and what only tags together with the others can do wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from django_redis_core.testing.caller import Caller
from django_redis_core.testing.operations import Operations
from django_redis_core.testing.operations.strings import VALUES
from django_redis_core.testing.servers import Server

STACK = {
    "CLIENT": ["near", "tags", "herd", "shard"],
    "SERIALIZER": "msgpack",
    "COMPRESSOR": "zstd",
    "SEALER": "signed",
}

#: What msgpack has no type for.
NOT_OF_MSGPACK = {"int subclass", "tuple", "set", "datetime", "decimal"}


class TestTheStack(Operations):
    """In blocking code alone: its operations are the ones of every way."""

    name = "tags"
    limits = {"test_expire_at_takes_a_moment": "MessagePack has no type for datetime"}

    @pytest.fixture(params=["blocking"])
    def way(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)

    @pytest.fixture
    def location(self, four_servers: list[Server]) -> Any:
        return [server.url for server in four_servers]

    @pytest.fixture
    def options(self) -> Mapping[str, Any]:
        return STACK

    @pytest.mark.parametrize("name", [name for name in VALUES if name not in NOT_OF_MSGPACK])
    def test_a_value_comes_back_equal_and_of_its_type(self, cache: Caller, name: str) -> None:
        super().test_a_value_comes_back_equal_and_of_its_type(cache, VALUES[name])
