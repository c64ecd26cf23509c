"""What may be a key, how it is stored, and what Django lets one change on a cache object."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from django.core.cache.backends.base import CacheKeyWarning

from ..._codec.keys import CacheKey
from ..._operations.declare import Family
from ...exceptions import InvalidCacheKey
from ..caller import Caller
from .suite import Make, Suite

#: Each operation on keys.
ON_KEYS: dict[str, Callable[[Caller, Any], Any]] = {
    "get": lambda cache, key: cache.get(key),
    "set": lambda cache, key: cache.set(key, 1),
    "add": lambda cache, key: cache.add(key, 1),
    "get_or_set": lambda cache, key: cache.get_or_set(key, 1),
    "getdel": lambda cache, key: cache.getdel(key),
    "getex": lambda cache, key: cache.getex(key),
    "delete": lambda cache, key: cache.delete(key),
    "has_key": lambda cache, key: cache.has_key(key),
    "get_many": lambda cache, key: cache.get_many([key]),
    "set_many": lambda cache, key: cache.set_many({key: 1}),
    "delete_many": lambda cache, key: cache.delete_many([key]),
    "incr": lambda cache, key: cache.incr(key),
    "decr": lambda cache, key: cache.decr(key),
    "incr_version": lambda cache, key: cache.incr_version(key),
    "decr_version": lambda cache, key: cache.decr_version(key),
    "touch": lambda cache, key: cache.touch(key),
    "expire": lambda cache, key: cache.expire(key, 10),
    "pexpire": lambda cache, key: cache.pexpire(key, 10_000),
    "expire_at": lambda cache, key: cache.expire_at(key, time.time() + 10),
    "pexpire_at": lambda cache, key: cache.pexpire_at(key, (time.time() + 10) * 1000),
    "persist": lambda cache, key: cache.persist(key),
    "ttl": lambda cache, key: cache.ttl(key),
    "pttl": lambda cache, key: cache.pttl(key),
    "lock": lambda cache, key: cache.lock(key),
}

UNUSUAL = {
    "space": "with space",
    "control": "with\ncontrol\x7f",
    "long": "x" * 300,
}


def each(keys: dict[str, str]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("key", keys.values(), ids=keys)


def shouting(key: str, prefix: str, version: Any) -> str:
    """A KEY_FUNCTION of a site's own."""
    return f"{prefix}!{version}!{key}".upper()


class NamingSuite(Suite):
    covers: ClassVar[type[Family]] = Family

    @pytest.mark.parametrize("use", ON_KEYS.values(), ids=ON_KEYS)
    def test_what_utf8_cannot_encode_is_no_key(
        self, cache: Caller, use: Callable[[Caller, Any], Any]
    ) -> None:
        with pytest.raises(InvalidCacheKey, match="lone surrogate"):
            use(cache, "a\ud800b")

    @each(UNUSUAL)
    @pytest.mark.parametrize("use", ON_KEYS.values(), ids=ON_KEYS)
    def test_what_memcached_would_refuse_is_warned_of_and_works(
        self, cache: Caller, use: Callable[[Caller, Any], Any], key: str
    ) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CacheKeyWarning)
            cache.set(key, 1)
        with pytest.warns(CacheKeyWarning, match="memcached"):
            use(cache, key)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CacheKeyWarning)
            cache.set(key, "value")
            assert cache.get(key) == "value"
            assert cache.keys("*") == [key]

    @pytest.mark.parametrize(
        "key",
        ["", ":", "a:b", "ключ", "🎈", "*", "[a]", "{tag}k", "\\", 'quo"te', 7, 1.5, None, (1,)],
        ids=repr,
    )
    @pytest.mark.filterwarnings("ignore::django.core.cache.backends.base.CacheKeyWarning")
    def test_any_other_key_works(self, cache: Caller, key: Any) -> None:
        cache.set(key, "value")
        cache.set("neighbour", "other")
        assert cache.get(key) == "value"
        assert cache.get_many([key]) == {key: "value"}
        assert cache.delete(key) is True
        assert cache.get("neighbour") == "other"

    def test_the_stored_key_is_prefix_version_key(self, make: Make) -> None:
        cache = make(KEY_PREFIX="test-stored", VERSION=3)
        cache.set("k", 1)
        cache.set("k", 1, version=4)
        assert cache.cache.make_key("k") == "test-stored:3:k"
        for stored in ("test-stored:3:k", "test-stored:4:k"):
            client, full = cache.raw(CacheKey(stored))
            assert full == stored
            assert client.exists(full)

    def test_a_cache_key_is_taken_as_it_is_stored(self, cache: Caller) -> None:
        cache.set("k", 1)
        stored = CacheKey(cache.cache.make_key("k"))
        assert cache.get(stored) == 1
        assert cache.get(stored, version=2) == 1
        assert cache.get_many([stored]) == {stored: 1}
        assert cache.delete(stored) is True

    def test_a_key_function_makes_the_key(self, make: Make) -> None:
        cache = make(KEY_FUNCTION=shouting, KEY_PREFIX="test-shouting")
        cache.set("k", 1)
        client, full = cache.raw("k")
        assert full == "TEST-SHOUTING!1!K"
        assert client.exists(full)
        assert cache.get("K") == 1
        assert cache.delete("k") is True

    def test_a_cache_object_may_be_given_another_key_function(self, cache: Caller) -> None:
        cache.set("k", "before")
        before = cache.cache.key_func
        cache.cache.key_func = shouting
        assert cache.cache.key_func is shouting
        assert cache.get("k") is None
        cache.set("k", "after")
        assert cache.get("K") == "after"
        assert cache.cache.make_key("k").endswith("!1!K")
        cache.delete("k")
        cache.cache.key_func = before
        assert cache.get("k") == "before"

    def test_a_cache_object_may_be_given_another_version(self, cache: Caller) -> None:
        cache.set("k", "one")
        cache.cache.version = 2
        assert cache.cache.version == 2
        assert cache.get("k") is None
        cache.set("k", "two")
        assert cache.get("k", version=1) == "one"
        assert cache.incr_version("k") == 3
        assert cache.get("k", version=3) == "two"

    def test_a_cache_object_may_be_given_another_prefix(self, cache: Caller) -> None:
        prefix = cache.cache.key_prefix
        cache.set("k", "before")
        cache.cache.key_prefix = f"{prefix}-other"
        assert cache.get("k") is None
        cache.set("k", "after")
        assert cache.keys("*") == ["k"]
        cache.clear()
        cache.cache.key_prefix = prefix
        assert cache.get("k") == "before"

    def test_a_cache_object_may_be_given_another_timeout(self, cache: Caller) -> None:
        assert cache.cache.default_timeout == 300
        cache.cache.default_timeout = 10
        cache.set("k", 1)
        assert 0 < cache.ttl("k") <= 10
        cache.cache.default_timeout = None
        cache.set("k", 1)
        assert cache.ttl("k") is None

    def test_what_is_changed_on_one_object_is_not_changed_on_another(
        self, cache: Caller, make: Make
    ) -> None:
        prefix = cache.cache.key_prefix
        twin = make(KEY_PREFIX=prefix)
        cache.cache.version = 2
        cache.set("k", "two")
        assert twin.cache.version == 1
        assert twin.get("k") is None
        assert make(KEY_PREFIX=prefix).get("k", version=2) == "two"
