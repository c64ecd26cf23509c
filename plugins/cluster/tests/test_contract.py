"""The whole operation suite on a cluster: blocking, asyncio and both kinds of pipeline."""

from __future__ import annotations

from typing import Any

import pytest

from django_redis_core.testing import ConnectionFactoryContract
from django_redis_core.testing.cluster import Cluster


class TestCluster(ConnectionFactoryContract):
    name = "cluster"

    @pytest.fixture
    def location(self, cluster_of_six: Cluster) -> Any:
        return cluster_of_six.urls[0]
