"""The whole operation suite on a ring: blocking, asyncio and both kinds of pipeline."""

from __future__ import annotations

from typing import Any

import pytest

from django_redis_core.testing import ClientContract
from django_redis_core.testing.servers import Server
from django_redis_core_shard.topology import REMEMBERED


class TestShard(ClientContract):
    name = "shard"
    remembered = REMEMBERED
    round_trips = {"iter_keys": 3, "keys": 3}  # each of four servers is asked, one after the other

    @pytest.fixture
    def location(self, four_servers: list[Server]) -> Any:
        return [server.url for server in four_servers]
