"""Every operation of the cache on signed values."""

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
