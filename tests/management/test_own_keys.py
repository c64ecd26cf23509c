"""The commands name entries as a subclass of the backend does that makes keys itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django_redis_core.cache import RedisCache

from .conftest import Ran


class TenantCache(RedisCache):
    tenant = "a"

    def make_key(self, key: Any, version: Any = None) -> str:
        return super().make_key(f"{self.tenant}:{key}", version)

    def make_pattern(self, pattern: str, version: Any = None) -> str:
        return super().make_pattern(f"{self.tenant}:{pattern}", version)


def test_commands_have_the_keys_of_the_backend(
    site: Callable[..., Any], manage: Callable[..., Ran]
) -> None:
    cache = site(default={"BACKEND": f"{__name__}.TenantCache"})
    prefix = cache.key_prefix
    other = TenantCache(cache._engine.options.locations[0], {"KEY_PREFIX": prefix})
    other.tenant = "b"
    cache.set("k", "of a", 100)
    other.set("k", "of b", 100)
    assert manage("get", "k", "--json").json["value"] == "of a"
    assert manage("ttl", "k", "--json").json["stored_as"] == f"{prefix}:1:a:k"
    assert manage("delete", "k", "--no-input").code == 0
    assert (cache.get("k"), other.get("k")) == (None, "of b")
    cache.set_many({"x1": 1, "x2": 2})
    other.set("x1", 1)
    assert manage("delete", "--pattern", "x*", "--no-input").code == 0
    assert (cache.get_many(["x1", "x2"]), other.get("x1")) == ({}, 1)
    assert manage("stats", "--json").json
