"""The example of the README: its classes in the module that its settings name."""

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest
from django.core.cache import caches
from django.test import override_settings

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
CLASSES, SETTINGS = re.findall(r"^```python\n(.*?)^```", README, re.M | re.S)


@pytest.fixture
def shop_cache(monkeypatch):
    module = ModuleType("shop.cache")
    exec(CLASSES, vars(module))
    monkeypatch.setitem(sys.modules, "shop", ModuleType("shop"))
    monkeypatch.setitem(sys.modules, "shop.cache", module)
    return module


@pytest.mark.parametrize("backend", ["django_redis_core.cache", "django_redis.cache"])
def test_the_example_works(backend, shop_cache, redis_server):
    namespace = {}
    exec(SETTINGS, namespace)
    entry = namespace["CACHES"]["default"]
    entry = {**entry, "BACKEND": f"{backend}.RedisCache", "LOCATION": redis_server.url}
    with override_settings(CACHES={"default": entry}):
        cache = caches["default"]
        assert cache.set("key", {"b": 1, "a": 2}) is True
        assert cache.get("KEY") == {"b": 1, "a": 2}
        assert cache.raw_client().get(":1:KEY") == b'{"a": 2, "b": 1}'
        assert cache.delete("key") is True
