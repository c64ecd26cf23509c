"""The complete example in the docstring of each base class is complete, and works."""

from __future__ import annotations

import inspect
import re
import sys
import textwrap
from types import ModuleType
from typing import Any

import pytest

from django_redis_core._codec.codec import MISSING, Codec
from django_redis_core._plugins.checked import BASES
from django_redis_core._plugins.hookspecs import KINDS
from django_redis_core._plugins.registry import Registry
from django_redis_core._settings import PLUGIN_KEYS
from django_redis_core.cache import RedisCache
from django_redis_core.testing.servers import Server

#: Of each kind, the name of the example and the options of its own that a cache gives it.
EXAMPLES: dict[str, tuple[str, dict[str, Any]]] = {
    "serializer": ("plain", {}),
    "compressor": ("deflate", {"level": 9}),
    "sealer": ("sealed", {"secret": b"s"}),
    "connection_factory": ("consul", {}),
    "client": ("jitter", {}),
    "observer": ("counts", {"slow": 2}),
}


def blocks(docstring: str) -> list[str]:
    return [
        textwrap.dedent(block)
        for block in re.findall(r"::\n\n((?:(?:    .*)?\n)+)", inspect.cleandoc(docstring) + "\n")
    ]


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def example(kind: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The package of the example: its hook in one module, its class in the one that it names."""
    hook, source, *_ = blocks(BASES[kind].__doc__ or "")
    package = ModuleType(f"example_of_{kind}")
    package.__path__ = []
    (file,) = re.findall(r"from \.(\w+) import", hook)
    module = ModuleType(f"{package.__name__}.{file}")
    monkeypatch.setitem(sys.modules, package.__name__, package)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    # What the example leaves to a site of its own.
    vars(module)["look_up"] = lambda location: location.partition("://")[2].split(":")
    vars(package)["__package__"] = package.__name__
    exec(source, vars(module))
    exec(hook, vars(package))
    return package


def test_it_is_a_plugin_that_a_cache_can_use(
    kind: str, example: ModuleType, redis_server: Server
) -> None:
    plugins = Registry(list)
    plugins.register(example)
    name, options = EXAMPLES[kind]
    plugin = plugins.plugin(kind, name, "the example")
    assert f'``{name} = "django_redis_core_{name}"``' in (BASES[kind].__doc__ or "")
    key = next(key for key, (of, _) in PLUGIN_KEYS.items() if of == kind)
    written = {key: {"NAME": plugin, "OPTIONS": options}}
    scheme = "consul" if kind == "connection_factory" else "redis"
    location = f"{scheme}://{redis_server.host}:{redis_server.port}"
    cache = RedisCache(location, {"KEY_PREFIX": kind, "OPTIONS": written})
    value = {"text": "x" * 500, "list": [1, 2.5, None, "y"]}
    cache.set("k", value, 60)
    assert cache.get("k") == value
    with cache.pipeline() as queue:
        again = queue.get("k")
    assert again.value == value
    cache.clear()


def test_the_serializer_refuses_what_others_wrote() -> None:
    (source,) = (block for block in blocks(BASES["serializer"].__doc__ or "") if "json" in block)
    namespace: dict[str, Any] = {"__name__": "example"}
    exec(source, namespace)
    codec = Codec([namespace["PlainSerializer"]()], report=lambda *args: None)
    stored = codec.encode("k", ["a"])
    assert codec.decode("k", stored) == ["a"]
    for other in (b'["a"]', stored[:-1], stored + b"]", b"\x80\x04N."):
        assert codec.decode("k", other) is MISSING
