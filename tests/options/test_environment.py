"""URLs of an environment, by the packages that make entries of them: what docs/options.md says
works, and what means nothing is refused with what to write."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import django_cache_url
import environ
import pytest

from django_redis_core.testing.fixtures import MakeCache

from .conftest import At, mistakes

BACKEND = "django_redis_core.cache.RedisCache"

Entry = dict[str, Any]


def by_environ(url: str) -> Entry:
    env = environ.Env()
    env.ENVIRON = {"CACHE_URL": url}
    return env.cache_url("CACHE_URL", backend=BACKEND)


def by_cache_url(url: str) -> Entry:
    """What docs/options.md says to write."""
    return {**django_cache_url.parse(url), "BACKEND": BACKEND}


URLS: dict[str, tuple[Callable[[str], Entry], Callable[[At], str]]] = {
    "environ": (by_environ, lambda at: at.url(1)),
    "environ, rediscache": (by_environ, lambda at: at.url(1).replace("redis:", "rediscache:")),
    "environ, a password": (by_environ, lambda at: at.with_password(1)),
    "environ, options": (
        by_environ,
        lambda at: (
            f"{at.url(1)}?client_class=django_redis.client.DefaultClient&ignore_exceptions=true&socket_timeout=5"
            "&key_prefix=shop&timeout=60"
        ),
    ),
    "environ, what redis-py takes": (
        by_environ,
        lambda at: f"{at.url(1)}?connection_pool_kwargs={{'max_connections':50}}",
    ),
    "cache-url": (by_cache_url, lambda at: at.url(1)),
    "cache-url, a password": (by_cache_url, lambda at: at.with_password(1)),
    "cache-url, beside": (by_cache_url, lambda at: f"{at.url(1)}?key_prefix=shop&timeout=60"),
}


@pytest.mark.parametrize("case", URLS)
def test_a_url_of_an_environment_by_a_package(case: str, at: At, make_cache: MakeCache) -> None:
    read, url = URLS[case]
    entry = read(url(at))
    assert entry.pop("BACKEND") == BACKEND
    cache = make_cache(entry.pop("OPTIONS", None), **entry)
    assert cache.set("k", "v")
    assert cache.get("k") == "v"
    if "timeout" in url(at).partition("key_prefix")[2]:
        assert (cache.key_prefix, cache.default_timeout) == ("shop", 60)
        assert 50 < cache.ttl("k") <= 60


@pytest.mark.parametrize(
    ("read", "url", "words"),
    [
        (
            by_environ,
            "rediss://h:1/1?max_connections=50&ssl_cert_reqs=none",
            [
                "Write it as 'max_connections'",
                "Write it as 'ssl_cert_reqs' in CONNECTION_POOL_KWARGS.",
            ],
        ),
        (
            by_environ,
            "rediscache:///run/redis.sock?db=1",
            ["Write the database into LOCATION: redis://localhost:6379/1."],
        ),
        (by_cache_url, "hiredis://h:1/1?key_prefix=shop", ["PARSER_CLASS must be left out"]),
        (
            by_cache_url,
            "redis://h:1/1?lib=redis-cache&max_connections=5",
            ["Write CONNECTION_POOL_KWARGS."],
        ),
    ],
)
def test_what_a_package_makes_of_a_url_and_means_nothing(
    read: Callable[[str], Entry], url: str, words: list[str]
) -> None:
    lines = mistakes(read(url))
    assert len(lines) == len(words), lines
    for word in words:
        assert any(word in line for line in lines), (word, lines)
