"""The whole operation suite on a service: blocking, asyncio and both kinds of pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from django_redis_core.testing import ConnectionFactoryContract
from django_redis_core.testing.topologies import Sentinels


class TestSentinel(ConnectionFactoryContract):
    name = "sentinel"

    @pytest.fixture
    def location(self, group: Sentinels) -> Any:
        return f"redis://{group.service}/0"

    @pytest.fixture
    def options(self, on_group: Mapping[str, Any]) -> Mapping[str, Any]:
        return on_group
