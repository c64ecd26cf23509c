"""The whole operation suite on a ring: blocking, asyncio and both kinds of pipeline."""

from __future__ import annotations

from typing import Any

import pytest

from django_redis_core.testing import ClientContract
from django_redis_core.testing.servers import Server


class TestShard(ClientContract):
    name = "shard"

    @pytest.fixture
    def location(self, four_servers: list[Server]) -> Any:
        return [server.url for server in four_servers]
