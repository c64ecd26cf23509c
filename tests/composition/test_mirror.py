"""Entries that the two caches store otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from typing import Any

import pytest
from django.core.cache import caches
from django.test import override_settings

from django_redis_core.cache import RedisCache
from django_redis_core.exceptions import SerializationError
from django_redis_core.testing.clients import PATIENCE
from django_redis_core.testing.servers import Server
from django_redis_core.testing.topologies import shards
from django_redis_core_mirror import switch
from django_redis_core_mirror.phases import Phase

VALUES: dict[str, Any] = {
    "text": "x" * 500,
    "digits": "12",
    "int": 12,
    "float": 1.5,
    "nothing": None,
    "nested": {"a": [1, "b", None], "c": {"d": 2.5}},
}


MakeCache = Callable[..., RedisCache]

BACKEND = "django_redis_core.cache.RedisCache"

Make = Callable[[Mapping[str, Any], Mapping[str, Any]], tuple[Any, Any]]


@pytest.fixture
def caches_of_two_formats(
    phase: Phase, redis_server: Server, make_cache: MakeCache, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Make]:
    """``make(old, new)``: an old cache and a mirror of it, by their OPTIONS, in ``phase``."""
    monkeypatch.setattr(switch, "FIRST", phase)
    with ExitStack() as stack:

        def make(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[Any, Any]:
            entry = {"BACKEND": BACKEND, "LOCATION": redis_server.url, "KEY_PREFIX": "formats"}
            entries = {"default": entry, "plain": {**entry, "OPTIONS": old}}
            stack.enter_context(override_settings(CACHES=entries))
            stack.callback(caches["plain"].clear)
            return caches["plain"], make_cache({"CLIENT": "mirror", "MIRROR_OF": "plain", **new})

        yield make


@pytest.mark.parametrize("phase", [Phase.BOTH, Phase.NEW])
def test_a_change_of_format(caches_of_two_formats: Any, phase: Phase) -> None:
    old, new = caches_of_two_formats(
        {"COMPRESSOR": "zlib"},
        {"SERIALIZER": "json", "SEALER": "signed", "CLIENT": ["mirror", "herd"]},
    )
    old.set_many(VALUES, 100)
    assert new.get_many(VALUES) == VALUES
    assert new.get("int") == 12
    for key in VALUES:
        assert new.raw_client().exists(new.make_key(key)), "it was taken over"
        assert 0 < new.ttl(key) <= 100
    assert new.incr("int") == 13
    assert new.get("int") == 13
    new.set("written", [1, "two"], 100)
    assert old.get("written") == new.get("written") == [1, "two"]


@pytest.mark.parametrize("phase", [Phase.BOTH])
def test_what_the_old_format_cannot_store_is_stored_nowhere(
    caches_of_two_formats: Any, phase: Phase
) -> None:
    old, new = caches_of_two_formats({"SERIALIZER": "json"}, {})
    for call in (lambda: new.set("k", object), lambda: new.set_many({"k": object})):
        with pytest.raises(SerializationError):
            call()
    assert not new.raw_client().exists(new.make_key("k"))
    assert old.get("k") is None


@pytest.mark.parametrize("phase", [Phase.NEW])
def test_structures(caches_of_two_formats: Any, phase: Phase) -> None:
    old, new = caches_of_two_formats({}, {})
    old.hset("hash", "field", {"a": 1})
    old.zadd("scores", {"a": 1, "b": 2})
    old.expire("scores", 100)
    assert new.hget("hash", "field") == {"a": 1}
    assert new.zadd("scores", {"c": 3}) == 1
    assert new.zrange("scores", 0, -1) == ["a", "b", "c"]
    assert 0 < new.ttl("scores") <= 100
    assert old.zcard("scores") == 0, "the old cache has one that is not true any more"


@pytest.mark.parametrize("phase", [Phase.NEW])
def test_structures_of_another_format_are_refused_in_words(
    caches_of_two_formats: Any, phase: Phase
) -> None:
    old, new = caches_of_two_formats({}, {"SERIALIZER": "json"})
    old.hset("hash", "field", 1)
    with pytest.raises(SerializationError, match="copy structures before"):
        new.hset("hash", "other", 2)
    assert old.hgetall("hash") == {"field": 1}
    new.hset("new", "field", 1)
    assert new.hgetall("new") == {"field": 1}


@pytest.mark.parametrize("phase", [Phase.BOTH, Phase.NEW])
def test_one_of_several_new_servers_is_down(
    phase: Phase, redis_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its keys fail and no others, as without a mirror."""
    monkeypatch.setattr(switch, "FIRST", phase)
    data = {f"k{number}": number for number in range(40)}
    with shards(2) as servers:
        new = {"BACKEND": BACKEND, "LOCATION": [server.url for server in servers]}
        mirror = {"CLIENT": ["mirror", "shard"], "MIRROR_OF": "old", **PATIENCE}
        entries = {
            "default": {**new, "OPTIONS": mirror},
            "plain": {**new, "OPTIONS": {"CLIENT": "shard", **PATIENCE}},
            "old": {"BACKEND": BACKEND, "LOCATION": redis_server.url, "KEY_PREFIX": "one-down"},
        }
        with override_settings(CACHES=entries):
            caches["default"].set_many(data, 600)
            servers[0].kill()
            found = caches["default"].get_many([*data, "missing"])
            assert 0 < len(found) < len(data)
            assert found == caches["plain"].get_many([*data, "missing"])
            caches["old"].clear()


@pytest.mark.parametrize("factory", ["cluster", "sentinel"])
def test_new_servers_that_cannot_be_found_out_before_anything_has_begun(
    redis_server: Server, make_cache: MakeCache, monkeypatch: pytest.MonkeyPatch, factory: str
) -> None:
    """The old cache answers, and nobody looks for the new servers."""
    monkeypatch.setattr(switch, "FIRST", Phase.OLD)
    entry = {"BACKEND": BACKEND, "LOCATION": redis_server.url, "KEY_PREFIX": "goes"}
    old = {**entry, "OPTIONS": PATIENCE}
    nobody: dict[str, Any] = {"CLIENT": "mirror", "MIRROR_OF": "goes"}
    nobody["CONNECTION_FACTORY"] = factory
    location = "redis://127.0.0.1:1"
    if factory == "sentinel":
        nobody["SENTINELS"], location = [("127.0.0.1", 1)], "redis://service/0"
    with override_settings(CACHES={"default": old, "goes": old}):
        caches["goes"].clear()
        cache: Any = make_cache(nobody, LOCATION=location)
        assert cache.set("k", "new", 100) is True
        assert cache.get("k") == "new"
        assert cache.get("missing", "default") == "default"
        assert cache.set_many({"a": 1, "b": 2}) == []
        assert cache.get_many(["k", "a", "missing"]) == {"k": "new", "a": 1}
        assert cache.has_key("missing") is False
        assert cache.touch("a", 50) is True
        assert cache.delete("b") is True
        with cache.pipeline() as pipeline:
            result = pipeline.get("a")
            pipeline.set("c", 3)
        assert (result.value, cache.get("c")) == (1, 3)
        assert cache.incr("n", ignore_key_check=True) == 1
        assert sorted(cache.keys("*")) == ["a", "c", "k", "n"]
        assert cache.clear() is True
