"""The default connection factory keeps every promise, here over a Unix socket."""

from __future__ import annotations

from typing import Any

import pytest

from django_redis_core.testing import ConnectionFactoryContract
from django_redis_core.testing.servers import Server


class TestSingle(ConnectionFactoryContract):
    name = "single"

    @pytest.fixture
    def location(self, redis_server: Server) -> Any:
        return redis_server.unix_url

    @pytest.fixture(params=["blocking", "async-pipeline"])
    def way(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)
