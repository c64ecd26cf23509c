"""The default client on one server keeps every promise."""

from __future__ import annotations

from django_redis_core.testing import ClientContract


class TestDefault(ClientContract):
    name = "default"
