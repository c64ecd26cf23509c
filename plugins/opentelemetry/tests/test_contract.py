"""The contract of observers, with an SDK that takes everything."""

from __future__ import annotations

from typing import Any

import pytest

from django_redis_core.testing import ObserverContract


@pytest.mark.usefixtures("spans", "measured")
class TestOpenTelemetry(ObserverContract):
    name = "opentelemetry"


@pytest.mark.usefixtures("spans", "measured")
class TestWithKeys(ObserverContract):
    name = "opentelemetry"
    options: Any = {"opentelemetry_keys": "hashed"}
