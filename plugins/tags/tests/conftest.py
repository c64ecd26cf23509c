"""The kit's fixtures."""

from __future__ import annotations

pytest_plugins = ["django_redis_core.testing.fixtures"]
