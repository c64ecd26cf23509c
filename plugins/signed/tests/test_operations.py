"""Every operation of the cache on signed values.

Not in every way of calling: a sealer is given the same bytes in each.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from django_redis_core.testing import ClientContract


class TestOperations(ClientContract):
    name = "default"

    @pytest.fixture
    def options(self) -> Mapping[str, Any]:
        return {"SEALER": "signed"}

    @pytest.fixture(params=["blocking", "async-pipeline"])
    def way(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)
