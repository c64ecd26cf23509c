"""A backend subclass that makes keys itself, with clients that keep or change entries."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from django_redis_core.cache import RedisCache
from django_redis_core.interfaces import Client, always, operation
from django_redis_core.testing.servers import Server


class TenantCache(RedisCache):
    tenant = "a"

    def make_key(self, key: Any, version: Any = None) -> str:
        return super().make_key(f"{self.tenant}:{key}", version)


class Adding(Client):
    name = "adding"

    @operation(fallback=always(int))
    def double(self, key: Any, version: Any = None) -> Any:
        """Twice the number under ``key``."""
        value = yield from self.get(key, 0, version)
        return value * 2


@pytest.mark.parametrize("client", ["near", "herd", Adding])
def test_clients_have_the_keys_of_the_object(redis_server: Server, client: Any) -> None:
    entry = {"OPTIONS": {"CLIENT": client}, "TIMEOUT": 60, "KEY_PREFIX": "own-keys"}
    a, b = (TenantCache(redis_server.url, entry) for _ in range(2))
    b.tenant = "b"
    a.set("k", 4)
    for _ in range(3):
        assert a.get("k") == 4
        assert b.get("k") is None
        assert a.get_many(["k"]) == {"k": 4}
        assert b.get_many(["k"]) == {}
    if client is Adding:
        assert (a.double("k"), b.double("k")) == (8, 0)
        assert asyncio.run(b.adouble("k")) == 0
        assert a.client.double("k") == 8
