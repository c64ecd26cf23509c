"""A move that is taken back, and one that is begun again: nothing is lost, nothing old is shown."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from django_redis_core.cache import RedisCache
from django_redis_core.exceptions import SerializationError
from django_redis_core.testing.contracts.client import Deflate
from django_redis_core_mirror.client import MirrorClient
from django_redis_core_mirror.phases import Phase

from .conftest import MakeCache, old_of

NAMES = ["n", "once", "{tagged}:n"]


@pytest.fixture
def phase() -> Phase:
    return Phase.OLD


@pytest.fixture
def cache(make_cache: MakeCache) -> RedisCache:
    return make_cache({"CLIENT": "mirror", "MIRROR_AGE": 0.01})


def go(cache: RedisCache, phase: Phase, *, force: bool = False) -> None:
    cache.built.run(cache.built.part(MirrorClient).move_to(phase, 0, force=force))


def fill(cache: Any) -> Any:
    """Counts, stores and locks where the new cache alone does so; the lock."""
    assert cache.incr("n", 5, ignore_key_check=True) == 5
    assert cache.incr("{tagged}:n", 7, ignore_key_check=True, timeout=300) == 7
    assert cache.add("once", {"a": 1}, 300) is True
    cache.hset("hash", "field", "value")
    cache.zadd("scores", {"a": 1.5})
    lock = cache.lock("lock", timeout=300)
    assert lock.acquire(blocking=False)
    return lock


def there_still(cache: Any, lock: Any) -> None:
    assert cache.get("n") == 5
    assert cache.hgetall("hash") == {"field": "value"}
    assert cache.incr("n") == 6
    assert cache.incr("{tagged}:n") == 8
    assert 0 < cache.ttl("{tagged}:n") <= 300
    assert cache.add("once", 2) is False
    assert cache.get("once") == {"a": 1}
    assert cache.hset("hash", "field", "other") == 0
    assert cache.hget("hash", "field") == "other"
    assert cache.zincrby("scores", 1, "a") == 2.5
    other = cache.lock("lock", timeout=300)
    assert not other.acquire(blocking=False), "it is held"
    lock.release()
    assert other.acquire(blocking=False)


def test_counters_locks_and_structures_come_back_as_they_are_used(cache: RedisCache) -> None:
    go(cache, Phase.NEW)
    lock = fill(cache)
    go(cache, Phase.BOTH)
    there_still(cache, lock)
    assert old_of(cache).get("n") == 6


def test_what_nobody_used_comes_back_before_the_new_cache_is_left(cache: RedisCache) -> None:
    go(cache, Phase.NEW)
    lock = fill(cache)
    cache.set("value", 1, 300)
    go(cache, Phase.OLD)
    there_still(cache, lock)
    assert cache.get("value") == 1


def test_what_the_new_cache_removed_stays_removed(cache: RedisCache) -> None:
    old_of(cache).set_many({"n": 1, "once": "token"})
    go(cache, Phase.NEW)
    assert cache.getdel("once") == "token"
    assert cache.incr("n") == 2
    cache.delete("n")
    go(cache, Phase.OLD)
    assert cache.get_many(NAMES) == {}


def test_a_move_that_is_begun_again_shows_nothing_of_the_first_one(cache: RedisCache) -> None:
    go(cache, Phase.BOTH)
    cache.set_many({"written": "before", "deleted": "before", "left": "same"}, 300)
    cache.set("version", "before", 300, version=2)
    go(cache, Phase.OLD)
    cache.set("written", "after", 300)
    cache.delete("deleted")
    cache.delete("version", version=2)
    go(cache, Phase.BOTH)
    assert cache.get_many(["written", "deleted", "left"]) == {"written": "after", "left": "same"}
    assert cache.get("version", version=2) is None


def test_the_old_cache_below_the_new_ones_prefix_is_not_emptied(make_cache: MakeCache) -> None:
    from .conftest import add

    parent = make_cache({"CLIENT": "mirror", "MIRROR_AGE": 0.01})  # for a prefix of its own
    prefix = f"{parent.key_prefix}-below"
    entry = {"LOCATION": parent.built.options.locations[0]}
    add(f"{prefix}-old", {**entry, "KEY_PREFIX": f"{prefix}:v1"})
    cache = make_cache(
        {"CLIENT": "mirror", "MIRROR_OF": f"{prefix}-old", "MIRROR_AGE": 0.01},
        KEY_PREFIX=prefix,
        **entry,
    )
    old_of(cache).set("k", "of the old one", version="x")
    go(cache, Phase.BOTH)
    assert old_of(cache).get("k", version="x") == "of the old one"


def own_key(key: str, prefix: str, version: Any) -> str:
    return f"{prefix}/{version}/{key}"


def test_leftovers_under_keys_that_nobody_can_find_are_refused(make_cache: MakeCache) -> None:
    cache = make_cache({"CLIENT": "mirror", "MIRROR_AGE": 0.01}, KEY_FUNCTION=f"{__name__}.own_key")
    cache.raw_client().flushdb()
    go(cache, Phase.BOTH)  # there is nothing
    go(cache, Phase.PREPARE, force=True)
    cache.raw_client().set("anybody's", "value")
    with pytest.raises(ImproperlyConfigured, match="KEY_PATTERN_FUNCTION"):
        go(cache, Phase.BOTH)
    cache.raw_client().flushdb()
    go(cache, Phase.BOTH)


def test_structures_that_the_old_format_does_not_have_are_named(make_cache: MakeCache) -> None:
    from .conftest import add

    first = make_cache({"CLIENT": "mirror"})  # for a prefix and an old server of its own
    alias = f"{first.key_prefix}-json"
    old = old_of(first)
    add(alias, {"LOCATION": old.built.options.locations[0], "KEY_PREFIX": alias})
    cache = make_cache(
        {"CLIENT": "mirror", "MIRROR_OF": alias, "MIRROR_AGE": 0.01, "COMPRESSOR": Deflate},
        KEY_PREFIX=alias,
    )
    go(cache, Phase.NEW)
    cache.hset("hash", "field", "value")
    go(cache, Phase.BOTH)
    with pytest.raises(SerializationError, match="cannot be given back"):
        cache.hset("hash", "field", "other")
