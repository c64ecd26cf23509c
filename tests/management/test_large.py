"""Data structures that are too large for one command go from cache to cache in pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.cache import caches

from django_redis_core.cache import RedisCache
from django_redis_core.management.moving import large
from django_redis_core.testing.cluster import cluster
from django_redis_core.testing.servers import Server
from django_redis_core.testing.topologies import shards

from .conftest import Ran

FAST = ("--rate", "1000000")
COPY = ("copy", "--to", "new", "--json", *FAST)
COMPARE = ("compare", "--with", "new", "--json", *FAST)
#: What takes a server as long as there are elements.
AT_ONCE = ("dump", "restore", "hgetall", "smembers", "zrange")

Site = Callable[..., RedisCache]
Manage = Callable[..., Ran]


@pytest.fixture(autouse=True)
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large, "ELEMENTS", 100)
    monkeypatch.setattr(large, "_PAGE_ELEMENTS", 60)


@pytest.fixture
def other() -> Iterator[Server]:
    with Server() as server:
        yield server


def fill(cache: RedisCache, count: int = 700) -> None:
    """700 is more than a hash or a set is kept of in one piece, which no page divides."""
    cache.hset("hash", mapping={f"field {number}": {"number": number} for number in range(count)})
    cache.rpush("list", *(f"item {number % 50}" for number in range(count)))
    cache.sadd("set", *(f"member {number}" for number in range(count)))
    cache.zadd("zset", {f"member {number}": number / 8 for number in range(count)})
    cache.zadd("zset", {"first": float("-inf")})
    cache.expire("list", 300)


def has_all(cache: RedisCache, of: RedisCache) -> None:
    for read in ("hgetall", "smembers"):
        key = {"hgetall": "hash", "smembers": "set"}[read]
        assert len(getattr(cache, read)(key)) == 700
        assert getattr(cache, read)(key) == getattr(of, read)(key)
    assert cache.lrange("list", 0, -1) == of.lrange("list", 0, -1)
    assert cache.zrange("zset", 0, -1, withscores=True) == of.zrange("zset", 0, -1, withscores=True)
    assert 290 < cache.ttl("list") <= 300
    assert cache.ttl("hash") is None


@pytest.mark.parametrize("options", [{}, {"SERIALIZER": "json"}], ids=["as it is", "json"])
def test_no_command_has_all_of_it(
    site: Site, manage: Manage, own_server: Server, other: Server, options: dict[str, Any]
) -> None:
    first = site(
        default={"LOCATION": own_server.url},
        new={"LOCATION": other.url, "KEY_PREFIX": "new", "OPTIONS": options},
    )
    fill(first)
    caches["new"].zadd("zset", {"what was there": 1})
    assert (manage(*COPY).json["copied"], caches["new"].zcard("zset")) == (3, 1)
    report = manage(*COPY, "--replace", "--no-input").json
    assert (report["copied"], report["structures"], report["decoded"]) == (4, 4, bool(options))
    assert manage(*COMPARE).json["same"] == 4
    assert manage(*COPY).json["existing"] == 4
    for server in (own_server, other):
        called = server.info("commandstats")
        assert [name for name in AT_ONCE if f"cmdstat_{name}" in called] == []
    has_all(caches["new"], first)
    assert other.cli("DBSIZE") == 4, "nothing is left of how it was put together"
    caches["new"].hset("hash", "field 7", "another")
    caches["new"].lpop("list")
    assert manage(*COMPARE).json["differing"] == 2


def test_from_shards_to_a_cluster(site: Site, manage: Manage) -> None:
    with shards(2) as servers, cluster(3, replicas=0) as group:
        first = site(
            default={
                "LOCATION": [server.url for server in servers],
                "OPTIONS": {"CLIENT": "shard"},
            },
            new={
                "LOCATION": [node.url for node in group.nodes],
                "OPTIONS": {"CONNECTION_FACTORY": "cluster"},
            },
        )
        fill(first)
        # Keys whose slot is that of their tag, or of a brace that opens none.
        named = ("{tagged}:list", "with}before{", "an{}empty-tag", "{open")
        for key in named:
            first.rpush(key, *range(200))
        assert manage(*COPY).json["copied"] == 8
        has_all(caches["new"], first)
        for key in named:
            assert caches["new"].lrange(key, 0, -1) == [*range(200)], key
        assert sum(node.cli("DBSIZE") for node in group.nodes) == 8
        assert manage(*COMPARE).json["same"] == 8


def test_a_list_that_changes_meanwhile_goes_whole(
    site: Site, manage: Manage, other: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = site(default={}, new={"LOCATION": other.url})
    first.rpush("list", *range(500))
    pages, taken = large.Large.pages, []

    def changing(self: large.Large) -> Iterator[Any]:
        for page in pages(self):
            yield page
            if not taken:
                taken.append(first.lpop("list"))

    monkeypatch.setattr(large.Large, "pages", changing)
    assert manage(*COPY).json["copied"] == 1
    assert taken == [0]
    assert caches["new"].lrange("list", 0, -1) == [*range(1, 500)]
    assert other.cli("DBSIZE") == 1
    taken.clear()
    assert manage(*COMPARE).json["differing"] == 1


def test_what_ends_meanwhile_is_not_there(
    site: Site, manage: Manage, other: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is what becomes of it half of a value."""
    first = site(default={}, new={"LOCATION": other.url})
    first.hset("hash", mapping={f"field {number}": number for number in range(700)})
    pages = large.Large.pages

    def ending(self: large.Large) -> Iterator[Any]:
        for page in pages(self):
            first.delete("hash")
            yield page

    monkeypatch.setattr(large.Large, "pages", ending)
    report = manage(*COPY).json
    assert (report["copied"], report["changed"]) == (0, 1)
    assert other.cli("DBSIZE") == 0


def test_an_interrupted_run_leaves_no_half(
    site: Site, manage: Manage, other: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = site(default={}, new={"LOCATION": other.url})
    fill(first)
    pages = large.Large.pages

    def stopped(self: large.Large) -> Iterator[Any]:
        for page in pages(self):
            yield page
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(large.Large, "pages", stopped)
        assert manage(*COPY).code == 130
    assert caches["new"].keys("*") == []
    [left] = other.cli("KEYS", "*")
    assert 0 < other.cli("PTTL", left) <= 60_000, "it goes by itself"
    assert manage(*COPY).json["copied"] == 4
    has_all(caches["new"], first)


def test_where_no_other_name_is_allowed_it_goes_whole(site: Site, manage: Manage) -> None:
    with Server(users={"site": "on >secret ~only:* +@all"}) as other:
        url = other.url.replace("redis://", "redis://site:secret@")
        first = site(default={}, new={"LOCATION": url, "KEY_PREFIX": "only"})
        fill(first)
        assert manage(*COPY).json["copied"] == 4
        has_all(caches["new"], first)


def test_fields_of_a_hash_keep_their_own_expiry(
    site: Site, manage: Manage, own_server: Server, other: Server
) -> None:
    first = site(default={"LOCATION": own_server.url}, new={"LOCATION": other.url})
    first.hset("hash", mapping={f"field {number}": number for number in range(700)})
    full = first.make_key("hash")
    known = own_server.supports("HPEXPIRE")
    if known:
        own_server.cli("HPEXPIRE", full, 50_000, "FIELDS", 1, "field 7")
    assert manage(*COPY).json["copied"] == 1
    assert caches["new"].hlen("hash") == 700
    if known:
        [left] = other.cli("HPTTL", full, "FIELDS", 1, "field 7")
        assert 20_000 < left <= 50_000
        assert other.cli("HPTTL", full, "FIELDS", 1, "field 8") == [-1]
