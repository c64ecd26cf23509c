"""Herd with each serializer and compressor of this project, fresh and after expiry."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from django_redis_core.cache import RedisCache
from django_redis_core.testing.servers import Server

VALUE = {"id": 4711, "tags": ["new", "sale"] * 30, "price": 1.5, "nothing": None}


@pytest.mark.parametrize("compressor", ["identity", "zlib", "gzip", "lz4", "zstd", "lzma"])
@pytest.mark.parametrize("serializer", ["pickle", "json", "msgpack"])
@pytest.mark.parametrize("client", [["herd"], ["herd", "shard"]], ids="-".join)
def test_every_pair(
    make_cache: Callable[..., RedisCache],
    four_servers: list[Server],
    client: list[str],
    serializer: str,
    compressor: str,
) -> None:
    options: dict[str, Any] = {
        "CLIENT": client,
        "SERIALIZER": serializer,
        "COMPRESSOR": {"NAME": compressor, "OPTIONS": {"min_length": 10}},
    }
    if compressor == "identity":
        options["COMPRESSOR"] = compressor
    urls = [server.url for server in four_servers]
    cache = make_cache(options, LOCATION=urls if "shard" in client else urls[0])
    cache.set_many({"k": VALUE, "n": 5}, 30)
    assert cache.get_many(["k", "n"]) == {"k": VALUE, "n": 5}
    assert cache.incr("n") == 6
    assert cache.pexpire("k", 10) is True
    assert cache.pexpire("n", 10) is True
    time.sleep(0.02)
    assert [cache.get("k") for _ in range(2)] == [None, VALUE]
    assert cache.get_or_set("n", lambda: 7, 30) == 7
    assert cache.get_many(["k", "n"]) == {"k": VALUE, "n": 7}


@pytest.mark.parametrize("compressor", ["identity", "zlib", "gzip", "lz4", "zstd", "lzma"])
def test_tuples_are_compressed_too(make_cache: Callable[..., RedisCache], compressor: str) -> None:
    cache = make_cache({"CLIENT": "herd", "HERD_FORMAT": "django-redis", "COMPRESSOR": compressor})
    cache.set_many({"k": VALUE, "n": 5}, 30)
    assert cache.get_many(["k", "n"]) == {"k": VALUE, "n": 5}
    assert cache.incr("n") == 6
    assert 20 <= cache.ttl("n") <= 30
    assert cache.add("k", 1) is False
    assert cache.touch("k", None) is True
    assert cache.ttl("k") is None
    assert cache.get("k") == VALUE
