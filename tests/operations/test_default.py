"""The default client on one server keeps every promise.

In all four ways wherever it runs: the other plugins' suites may run in some of them, where what
differs between the ways is the core's (``DRC_TEST_WAYS``).
"""

from __future__ import annotations

import pytest

from django_redis_core.testing import ClientContract
from django_redis_core.testing.caller import WAYS


class TestDefault(ClientContract):
    name = "default"

    @pytest.fixture(params=WAYS)
    def way(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)
