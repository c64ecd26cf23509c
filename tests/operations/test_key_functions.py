"""A KEY_FUNCTION of the site's: what of it can be turned into a pattern, and what is refused.

A site's function is called with keys of callers and the cache's prefix and version, and with
nothing else to see what becomes of it.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, unquote

import pytest
from django.core.exceptions import ImproperlyConfigured

from django_redis_core.testing.fixtures import MakeCache
from django_redis_core.testing.servers import Server

KEYS = ["Secret/Stock", "b" * 50, "x:y"]

called_with: list[tuple[Any, Any, Any]] = []


def watched(function: Callable[..., str]) -> Callable[..., str]:
    def made(key: Any, prefix: Any, version: Any) -> str:
        called_with.append((key, prefix, version))
        return function(key, prefix, version)

    return made


def hashed(key: str, prefix: str, version: int) -> str:
    return f"{prefix}:{version}:{hashlib.md5(key.encode()).hexdigest()}"


def all_hashed(key: str, prefix: str, version: int) -> str:
    return hashlib.md5(f"{prefix}:{version}:{key}".encode()).hexdigest()


def long_hashed(key: str, prefix: str, version: int) -> str:
    """As sites have it that came from memcached."""
    full = f"{prefix}:{version}:{key}"
    return full if len(full) < 40 else hashed(key, prefix, version)


def padded(key: str, prefix: str, version: int) -> str:
    return f"{prefix}:{version:03d}:{key}"


def percent(key: str, prefix: str, version: int) -> str:
    return "%s:%03d:%s" % (prefix, version, key)  # noqa: UP031


def lower(key: str, prefix: str, version: int) -> str:
    return f"{prefix}:{version}:{key.lower()}"


def quoted(key: str, prefix: str, version: int) -> str:
    return f"{prefix}:{version}:{quote(key)}"


def base_64(key: str, prefix: str, version: int) -> str:
    return f"{prefix}:{version}:{base64.urlsafe_b64encode(key.encode()).decode()}"


FUNCTIONS = [hashed, all_hashed, long_hashed, padded, percent, lower, quoted, base_64]

#: Those that can be undone.
REVERSES: dict[Callable[..., str], Callable[[str], str]] = {
    padded: lambda key: key.split(":", 2)[2],
    quoted: lambda key: unquote(key.split(":", 2)[2]),
    base_64: lambda key: base64.urlsafe_b64decode(key.split(":", 2)[2]).decode(),
}


@pytest.fixture
def own_server() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture(autouse=True)
def nothing_made_up() -> Iterator[None]:
    """Every argument was a key of a test's, and a prefix and version as they are."""
    called_with.clear()
    yield
    for key, prefix, version in called_with:
        assert key in {*KEYS, "1:anything"}  # what the reverse makes of a neighbour's key
        assert "\\" not in prefix
        assert prefix != "*"
        assert type(version) is int


PLACES: list[Callable[[Any], Any]] = [
    lambda cache: cache.clear(),
    lambda cache: cache.delete_pattern("*"),
    lambda cache: cache.keys("*"),
    lambda cache: list(cache.iter_keys("*")),
]


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("place", PLACES, ids=["clear", "delete_pattern", "keys", "iter_keys"])
def test_without_a_word_on_patterns_it_is_refused(
    make_cache: MakeCache, function: Any, place: Any
) -> None:
    cache = make_cache(KEY_FUNCTION=watched(function))
    cache.set_many(dict.fromkeys(KEYS, 1))
    with pytest.raises(ImproperlyConfigured, match=r"CACHES\['.*KEY_FUNCTION.*KEY_PATTERN_FUNCT"):
        place(cache)
    assert cache.get_many(KEYS) == dict.fromkeys(KEYS, 1)
    cache.delete_many(KEYS)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_database_of_its_own_is_emptied_all_the_same(
    make_cache: MakeCache, own_server: Server, function: Any
) -> None:
    for entry, options in (({"KEY_PREFIX": ""}, {}), ({}, {"CLEAR": "flushdb"})):
        cache = make_cache(
            options, KEY_FUNCTION=watched(function), LOCATION=own_server.url, **entry
        )
        cache.set_many(dict.fromkeys(KEYS, 1))
        assert cache.clear() is True
        assert cache.get_many(KEYS) == {}


@pytest.mark.parametrize("function", REVERSES)
def test_with_a_reverse_the_names_are_matched(make_cache: MakeCache, function: Any) -> None:
    entry = {"KEY_FUNCTION": watched(function), "REVERSE_KEY_FUNCTION": REVERSES[function]}
    cache, other = make_cache(**entry), make_cache(**entry)
    neighbour = make_cache(KEY_PREFIX="strange*[a]:")
    cache.set_many(dict.fromkeys(KEYS, 1))
    cache.set("x:y", 1, version=2)
    other.set("x:y", 1)
    neighbour.set("anything", 1)
    assert sorted(cache.keys("*")) == sorted(cache.iter_keys("*")) == sorted(KEYS)
    assert cache.keys("Secret/S*") == ["Secret/Stock"]
    assert cache.keys("x:?") == ["x:y"]
    assert cache.keys("X*") == []
    assert cache.delete_pattern("[bx]*") == 2
    assert cache.get_many(KEYS) == {"Secret/Stock": 1}
    assert cache.get("x:y", version=2) == 1
    assert other.get("x:y") == neighbour.get("anything") == 1
    assert cache.delete_pattern("*", version=2) == 1
    assert cache.delete_pattern("*", prefix=other.key_prefix) == 1
    assert cache.delete_pattern("*") == 1


def patterns_of_padded(pattern: str, prefix: str, version: Any) -> str:
    return f"{prefix}:{version if version == '*' else format(version, '03d')}:{pattern}"


def test_a_pattern_function_says_it_for_all(make_cache: MakeCache) -> None:
    cache = make_cache(
        KEY_PREFIX="pre*[fix]",
        KEY_FUNCTION=watched(padded),
        KEY_PATTERN_FUNCTION=patterns_of_padded,
    )
    neighbour = make_cache(KEY_PREFIX="pre-fix")
    cache.set_many(dict.fromkeys(KEYS, 1))
    cache.set("x:y", 1, version=2)
    neighbour.set("x:y", 1)
    assert sorted(cache.keys("*")) == sorted(cache.iter_keys("*")) == sorted(KEYS)
    assert cache.keys("x*", version=2) == ["x:y"]
    assert cache.delete_pattern("b*") == 1
    assert cache.clear() is True
    assert cache.get_many(KEYS) == {}
    assert cache.get("x:y", version=2) is None
    assert neighbour.get("x:y") == 1


def test_a_pattern_that_finds_more_has_no_names(make_cache: MakeCache) -> None:
    cache = make_cache(
        KEY_FUNCTION=watched(hashed),
        KEY_PATTERN_FUNCTION=lambda pattern, prefix, version: f"{prefix}:{version}:[0-9a-f]*",
    )
    cache.set_many(dict.fromkeys(KEYS, 1))
    with pytest.raises(ImproperlyConfigured, match="set REVERSE_KEY_FUNCTION"):
        cache.keys("*")
    assert cache.clear() is True
    assert cache.get_many(KEYS) == {}


def test_another_key_function_of_an_object_has_no_pattern_yet(make_cache: MakeCache) -> None:
    cache = make_cache(KEY_FUNCTION=padded, KEY_PATTERN_FUNCTION=patterns_of_padded)
    cache.key_func = hashed
    with pytest.raises(ImproperlyConfigured, match="KEY_PATTERN_FUNCTION"):
        cache.clear()


@pytest.mark.parametrize("written", ["nowhere.function", 5])
def test_a_pattern_function_that_is_none_is_refused(make_cache: MakeCache, written: Any) -> None:
    with pytest.raises(ImproperlyConfigured, match="KEY_PATTERN_FUNCTION must be"):
        make_cache(KEY_PATTERN_FUNCTION=written)
