"""``cache.built``: how a plugin gets at another cache of the site."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from django_redis_core.cache import RedisCache
from django_redis_core.interfaces import BuiltCache, Client

MakeCache = Callable[..., RedisCache]


def test_it_is_the_cache_as_hooks_are_handed_it(make_cache: MakeCache) -> None:
    cache = make_cache()
    built = cache.built
    assert isinstance(built, BuiltCache)
    assert built.alive
    assert built.part(Client) is built.client
    cache.set("k", 1)
    assert built.call("get", "k") == 1


def test_keys_that_the_object_makes_are_nobody_elses(make_cache: MakeCache) -> None:
    class Shouting(RedisCache):
        def make_key(self, key: Any, version: Any = None) -> str:
            return super().make_key(str(key).upper(), version)

    entry = make_cache()._engine.options.locations[0]
    cache = Shouting(entry, {})
    with pytest.raises(ImproperlyConfigured, match="makes keys or times by itself"):
        _ = cache.built
