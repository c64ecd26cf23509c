"""The core's whole operation suite on near, alone and outside of the other clients."""

from __future__ import annotations

from typing import Any

import pytest

from django_redis_core.testing import ClientContract
from django_redis_core.testing.caller import Caller
from django_redis_core.testing.operations.suite import Make

from .conftest import listening


class Near(ClientContract):
    """With copies from the first read on, and for longer than a test takes."""

    name = "near"
    bounded = {"NEAR_MAX_ENTRIES": 100}

    @pytest.fixture
    def options(self) -> Any:
        return {"NEAR_TTL": 600, "NEAR_LEASE": 30}

    @pytest.fixture
    def cache(self, make: Make) -> Caller:
        cache = make()
        listening(cache.cache)
        return cache


class TestNear(Near):
    pass
