"""How a ring is written in settings, and what is said of one that is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import caches
from django.core.exceptions import ImproperlyConfigured

from django_redis_core import get_redis_connection
from django_redis_core.cache import RedisCache
from django_redis_core.connections import SingleServer
from django_redis_core.exceptions import CrossNodeError
from django_redis_core.testing.servers import Server

CacheOn = Callable[..., RedisCache]
ShardOf = Callable[[RedisCache, str], int]

URLS = ["redis://:old@a:6379/0", "redis://:old@b:6379/0", "redis://:old@c:6379/0"]
CHANGED = ["redis://:new@a:6379/0", "redis://:new@elsewhere:7000/1", "redis://:new@c:6379/0"]
KEYS = [f"key{number}" for number in range(300)]


def places(cache: RedisCache, shard_of: ShardOf) -> list[int]:
    return [shard_of(cache, key) for key in KEYS]


def test_named_shards_keep_their_keys_when_password_and_address_change(
    cache_on: CacheOn, shard_of: ShardOf
) -> None:
    names = ["a", "b", "c"]
    before = cache_on(URLS, SHARD_NAMES=names)
    after = cache_on(CHANGED, SHARD_NAMES=names)
    assert places(before, shard_of) == places(after, shard_of)


def test_unnamed_shards_are_named_by_their_locations(cache_on: CacheOn, shard_of: ShardOf) -> None:
    as_written = cache_on(URLS)
    assert places(as_written, shard_of) == places(cache_on(URLS, SHARD_NAMES=URLS), shard_of)
    # So a changed password moves keys, unless the old location is written as the name.
    assert places(as_written, shard_of) != places(cache_on(CHANGED), shard_of)
    assert places(as_written, shard_of) == places(cache_on(CHANGED, SHARD_NAMES=URLS), shard_of)


def test_a_location_as_text_with_commas_is_a_ring_too(cache_on: CacheOn, shard_of: ShardOf) -> None:
    assert places(cache_on(",".join(URLS)), shard_of) == places(cache_on(URLS), shard_of)


def test_names_may_stand_with_the_client(cache_on: CacheOn, shard_of: ShardOf) -> None:
    names = ["a", "b", "c"]
    client = {"NAME": "shard", "OPTIONS": {"shard_names": names}}
    assert places(cache_on(URLS, CLIENT=client), shard_of) == places(
        cache_on(URLS, SHARD_NAMES=names), shard_of
    )


@pytest.mark.parametrize(
    "path", ["django_redis.client.ShardClient", "django_redis.client.sharded.ShardClient"]
)
def test_settings_of_django_redis_give_the_ring(
    cache_on: CacheOn, shard_of: ShardOf, path: str
) -> None:
    old = RedisCache(URLS, {"OPTIONS": {"CLIENT_CLASS": path}})
    assert places(old, shard_of) == places(cache_on(URLS), shard_of)


@pytest.mark.parametrize(
    ("written", "words"),
    [
        (["a", "b"], "SHARD_NAMES has 2 names, and LOCATION 3 servers"),
        (["a", "b", "b"], "SHARD_NAMES must be a list of different names"),
        (["a", "b", ""], "SHARD_NAMES must be a list of different names"),
        ([], "SHARD_NAMES must be a list of different names"),
        ("abc", "SHARD_NAMES must be a list of different names"),
        (["a", "b", 3], "SHARD_NAMES must be a list of different names"),
    ],
)
def test_wrong_names_are_refused(cache_on: CacheOn, written: Any, words: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=words):
        cache_on(URLS, SHARD_NAMES=written)


def test_one_location_twice_is_refused_without_its_password(cache_on: CacheOn) -> None:
    with pytest.raises(ImproperlyConfigured, match="LOCATION names 'a:6379/0' 2 times") as caught:
        cache_on([*URLS, URLS[0]])
    assert "old" not in str(caught.value)


def test_an_unknown_option_is_refused_with_the_nearest(cache_on: CacheOn) -> None:
    with pytest.raises(ImproperlyConfigured, match="Did you mean 'SHARD_NAMES'"):
        cache_on(URLS, SHARDNAMES=["a", "b", "c"])


def test_one_location_is_a_cache_without_a_ring(servers: list[Server], cache_on: CacheOn) -> None:
    cache = cache_on(servers[0].url, SHARD_NAMES=["only"])
    assert isinstance(cache._engine.topology, SingleServer)
    assert cache.set_many({"a": 1, "b": 2}) == []
    assert cache.get_many(["a", "b"]) == {"a": 1, "b": 2}
    assert cache.incr_version("a") == 2
    assert cache.get("a", version=2) == 1


def test_two_places_on_one_server_are_looked_through_once(
    servers: list[Server], cache_on: CacheOn
) -> None:
    """A server twice as large as the others may have two names."""
    urls = [servers[0].url, servers[0].url, servers[1].url]
    cache = cache_on(urls, SHARD_NAMES=["big-1", "big-2", "small"])
    cache.set_many(dict.fromkeys(KEYS, 1))
    assert sorted(cache.iter_keys("*")) == sorted(KEYS)
    assert cache.delete_pattern("*") == len(KEYS)


def test_a_ring_has_no_one_connection_to_give(cache: RedisCache, settings_caches: str) -> None:
    with pytest.raises(CrossNodeError, match="spreads its keys over 4 shards"):
        cache.raw_client()
    with pytest.raises(CrossNodeError, match="spreads its keys over 4 shards"):
        get_redis_connection(settings_caches)


def test_a_key_says_which_shard_is_meant(cache: RedisCache, settings_caches: str) -> None:
    for number in range(20):
        caches[settings_caches].set(f"key{number}", number)
        raw = get_redis_connection(settings_caches, key=f"key{number}")
        assert raw.get(f":1:key{number}") == b"%d" % number


@pytest.fixture
def settings_caches(servers: list[Server]) -> Any:
    """The alias of a ring that stands in CACHES."""
    from django.test import override_settings

    entry = {
        "BACKEND": "django_redis_core.cache.RedisCache",
        "LOCATION": [server.url for server in servers],
        "OPTIONS": {"CLIENT": "shard"},
    }
    with override_settings(CACHES={"default": entry}):
        yield "default"
