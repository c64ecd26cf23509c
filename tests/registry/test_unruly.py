"""Plugins that load and then do what their kind does not: the error says what, and where."""

from __future__ import annotations

import asyncio
import zlib
from typing import Any

import pytest
from django.test import override_settings

from django_redis_core import checks
from django_redis_core._settings import BACKEND
from django_redis_core.cache import RedisCache
from django_redis_core.exceptions import PluginLoadError
from django_redis_core.interfaces import Client, Compressor, ConnectionFactory
from django_redis_core.testing.clients import PATIENCE
from django_redis_core.testing.servers import Server

NOWHERE = "redis://:s3cret@127.0.0.1:1"


class RootlessCompressor(Compressor):
    name = "rootless"
    magic = (b"\x78",)

    def __init__(self, **options: Any) -> None:
        self.level = 5

    def compress(self, data: bytes) -> bytes:
        return zlib.compress(data, self.level)

    def decompress(self, data: bytes) -> bytes:
        return zlib.decompress(data)


class RootlessClient(Client):
    name = "rootless"

    def __init__(self, context: Any) -> None:
        self.alias = context.alias


class Literal(ConnectionFactory):
    name = "literal"

    def topology(self, locations: Any) -> Any:
        return locations[0]


class Plain(Client):
    """Operations that are functions like any other."""

    name = "plain"

    def get(self, key: Any, default: Any = None, version: Any = None) -> Any:
        return 5

    def iter_keys(self, *args: Any, **kwargs: Any) -> Any:
        return super().iter_keys(*args, **kwargs)

    def set(self, *args: Any, **kwargs: Any) -> Any:
        return super().set(*args, **kwargs)

    def ttl(self, key: Any, version: Any = None) -> Any:
        yield from super().ttl(key, version)
        return None.send  # type: ignore[attr-defined]  # a mistake of its own


class Raising(Client):
    name = "raising"

    def build_topology(self, locations: Any, factory: Any) -> Any:
        raise KeyError(locations[0])


SAID: dict[str, tuple[dict[str, Any], str]] = {
    "compressor": (
        {"COMPRESSOR": RootlessCompressor},
        (
            f"COMPRESSOR: rootless: the constructor of {__name__}.RootlessCompressor must call "
            "super().__init__, which sets `min_length`."
        ),
    ),
    "client": (
        {"CLIENT": RootlessClient},
        (
            f"CLIENT: rootless: the constructor of {__name__}.RootlessClient must call "
            "super().__init__, which sets `naming`."
        ),
    ),
    "factory": (
        {"CONNECTION_FACTORY": Literal},
        (
            "CONNECTION_FACTORY: topology() of 'literal' returned a str; it must return a Topology "
            "of django_redis_core.connections, such as SingleServer(self.node(url))."
        ),
    ),
}


@pytest.mark.parametrize(("options", "words"), SAID.values(), ids=SAID)
def test_what_is_missing_is_named(options: dict[str, Any], words: str) -> None:
    with pytest.raises(PluginLoadError) as caught:
        RedisCache(NOWHERE, {"OPTIONS": options})
    assert str(caught.value) == f"CACHES['?']: {words}"


def test_the_check_goes_on_after_a_plugin_that_raises() -> None:
    entry = {"BACKEND": BACKEND, "LOCATION": NOWHERE}
    raising = {**entry, "OPTIONS": {"CLIENT": Raising}}
    wrong = {**entry, "OPTIONS": {"SERIALIZER": "none such"}}
    with override_settings(CACHES={"default": raising, "other": wrong}):
        first, second = checks.check_caches()
    assert first.id == "django_redis_core.E004"
    assert first.msg.startswith(f"CACHES['default']: a plugin raised KeyError in {__file__}, line ")
    assert "caches['default'] in a shell" in str(first.hint)
    assert "s3cret" not in f"{first.msg}{first.hint}"
    assert second.id == "django_redis_core.E002"


def test_an_operation_that_is_no_generator_is_named(redis_server: Server) -> None:
    cache = RedisCache(
        redis_server.url, {"KEY_PREFIX": "plain", "OPTIONS": {**PATIENCE, "CLIENT": Plain}}
    )
    words = (
        r"^CACHES\['\?'\]: get\(\) of the client 'plain' \(.*\.Plain\) returned an int\. An "
        r"operation is a generator: it yields commands, and ends with a value, as in "
        r"`return \(yield from super\(\)\.get\(…\)\)`\.$"
    )
    with pytest.raises(TypeError, match=words):
        cache.get("k")
    with pytest.raises(TypeError, match=words):
        asyncio.run(cache.aget("k"))
    # What hands on the next one's generator is right.
    assert cache.set("k", 1, 60)
    assert list(cache.iter_keys("*")) == ["k"]
    with pytest.raises(AttributeError, match="'NoneType' object has no attribute 'send'"):
        cache.ttl("k")
    cache.clear()
