"""``copy`` moves a site's entries to another cache as they are, and ``compare`` says whether they
are there."""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.cache import caches

from django_redis_core.cache import RedisCache
from django_redis_core.management.moving import structures, walking
from django_redis_core.management.moving.sides import Clock
from django_redis_core.testing.cluster import cluster
from django_redis_core.testing.servers import Server
from django_redis_core.testing.topologies import shards

from .conftest import Ran

FAST = ("--rate", "1000000")
COPY = ("copy", "--to", "new", "--json", *FAST)
COMPARE = ("compare", "--with", "new", "--json", *FAST)

Sites = Callable[..., tuple[RedisCache, RedisCache]]


@pytest.fixture
def sites(site: Callable[..., RedisCache], own_server: Server) -> Sites:
    """``sites(new, old)``: two caches of these OPTIONS on two servers, aliases "default" and
    "new"."""

    def make(
        new: dict[str, Any] | None = None, old: dict[str, Any] | None = None, **entry: Any
    ) -> tuple[RedisCache, RedisCache]:
        entry.setdefault("LOCATION", own_server.url)
        first = site(
            default={"OPTIONS": dict(old or {})}, new={"OPTIONS": dict(new or {}), **entry}
        )
        return first, caches["new"]

    return make


def fill(cache: RedisCache) -> dict[str, Any]:
    """Entries of all kinds; the plain values among them."""
    values = {f"k{number}": {"number": number, "text": "x" * 100} for number in range(250)}
    cache.set_many(values, 500)
    cache.set("forever", ["long " * 100], None)
    cache.set("versioned", "value", 500, version=7)
    cache.set("count", 12, 500)
    cache.hset("hash", "field", {"a": 1})
    cache.expire("hash", 300)
    cache.rpush("list", "one", 2, "one")
    cache.sadd("set", "a", "b", 3)
    cache.zadd("zset", {"low": 1.5, "high": float("inf")})
    cache.lock("lock", timeout=100).acquire()
    return values


def has_all(cache: RedisCache, values: dict[str, Any]) -> None:
    assert cache.get_many(values) == values
    assert all(490 < cache.pttl(key) / 1000 <= 500 for key in values)
    assert (cache.get("forever"), cache.ttl("forever")) == (["long " * 100], None)
    assert cache.get("versioned", version=7) == "value"
    assert cache.incr("count") == 13
    assert cache.hgetall("hash") == {"field": {"a": 1}}
    assert 290 < cache.ttl("hash") <= 300
    assert cache.lrange("list", 0, -1) == ["one", 2, "one"]
    assert cache.smembers("set") == {"a", "b", 3}
    assert cache.zrange("zset", 0, -1, withscores=True) == [("low", 1.5), ("high", float("inf"))]
    assert cache.ttl("list") is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({}, {}),
        ({}, {"SERIALIZER": "json", "COMPRESSOR": "zlib"}),
        ({"SERIALIZER": "msgpack"}, {"SERIALIZER": "msgpack", "SEALER": "signed"}),
        ({"SEALER": "signed"}, {"SEALER": "signed", "COMPRESSOR": "zlib"}),
        ({"CLIENT": "herd"}, {}),
        ({}, {"CLIENT": "herd", "SERIALIZER": "json"}),
        ({}, {"CLIENT": "near"}),
    ],
)
def test_all_is_there_in_the_formats_of_the_other_cache(
    sites: Sites, manage: Callable[..., Ran], own_server: Server, old: Any, new: Any
) -> None:
    """Also under another prefix, to which sealed values are bound."""
    first, _ = sites(new, old, KEY_PREFIX="other", VERSION=3)
    values = fill(first)
    report = manage(*COPY).json
    assert report["complete"] is True
    assert (report["keys"], report["copied"], report["structures"]) == (258, 257, 4)
    assert (report["locks"], report["unreadable"], report["refused"]) == (1, 0, 0)
    assert report["decoded"] is (new not in (old, {"CLIENT": "near"}))
    compared = manage(*COMPARE)
    assert (compared.code, compared.json["same"], compared.json["locks"]) == (0, 257, 1)
    again = manage(*COPY).json
    assert (again["copied"], again["existing"]) == (0, 257)
    # The version of each entry is kept, whatever VERSION of the other cache is.
    has_all(RedisCache(own_server.url, {"KEY_PREFIX": "other", "OPTIONS": dict(new)}), values)


def test_what_is_there_already_stays_unless_asked_for(
    sites: Sites, manage: Callable[..., Ran]
) -> None:
    first, second = sites()
    first.set_many({"a": "old", "b": "old"}, 500)
    first.rpush("list", "old")
    second.set("a", "newer", 50)
    second.rpush("list", "newer")
    report = manage(*COPY).json
    assert (report["copied"], report["existing"]) == (1, 2)
    assert (second.get("a"), second.get("b")) == ("newer", "old")
    assert second.ttl("a") <= 50
    assert second.lrange("list", 0, -1) == ["newer"]

    asked = manage(*COPY, "--replace", answer="n\n")
    assert (asked.code, asked.error) == (1, "Nothing was copied.")
    assert "Write over the entries of the cache 'new' that 'default' has too?" in asked.err
    report = manage(*COPY, "--replace", answer="y\n").json
    assert (report["copied"], report["existing"]) == (3, 0)
    assert second.get("a") == "old"
    assert second.ttl("a") > 490
    assert second.lrange("list", 0, -1) == ["old"]


def test_a_structure_goes_without_the_server_s_dump(
    sites: Sites, manage: Callable[..., Ran]
) -> None:
    """Where a server refuses it, as an older one does of a newer one's; and a long one."""
    with Server(users={"site": "on >secret ~* +@all -restore"}) as other:
        url = other.url.replace("redis://", "redis://site:secret@")
        first, second = sites(LOCATION=url)
        first.rpush("list", *range(9_000))
        first.expire("list", 100)
        first.zadd("zset", {f"m{number}": number / 8 for number in range(5_000)})
        assert manage(*COPY).json["structures"] == 2
        assert second.lrange("list", 0, -1) == [*range(9_000)]
        assert 90 < second.ttl("list") <= 100
        assert second.zscore("zset", "m4999") == 4999 / 8
        assert manage(*COMPARE).json["same"] == 2
        assert manage(*COPY).json["existing"] == 2


def test_what_ends_on_the_way_is_not_copied_for_ever(
    sites: Sites, manage: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    """RESTORE takes 0 milliseconds for no expiry."""
    first, second = sites()
    first.set("k", 1, 100)
    for key in ("list", "other"):
        first.rpush(key, 1)
        first.expire(key, 100)
    monkeypatch.setattr(Clock, "left", lambda clock, left: None if left is None else 0)
    assert (manage(*COPY).json["gone"], second.keys("*")) == (3, [])
    monkeypatch.setattr(structures, "dumped", lambda *args: None)
    assert (manage(*COPY).json["gone"], second.keys("*")) == (3, [])


def test_what_cannot_go_is_counted_and_named(
    sites: Sites, manage: Callable[..., Ran], redis_server: Server
) -> None:
    first, second = sites({"SERIALIZER": "json"})
    first.set("bytes", b"\x00")
    first.set("good", [1, 2], 100)
    first.sadd("set", b"\x00")
    with redis_server.client() as client:
        client.set(first.make_key("garbage"), b"\xff\xfegarbage")
        client.xadd(first.make_key("stream"), {"field": "value"})
    ran = manage(*COPY, "-v", "2")
    assert (ran.json["copied"], ran.json["refused"], ran.json["unreadable"]) == (1, 2, 1)
    assert ran.json["other_types"] == 1
    assert f"'{first.make_key('garbage')}' is unreadable: " in ran.err
    assert second.get("good") == [1, 2]
    text = manage("copy", "--to", "new").out
    assert "2  cannot be stored in the other cache" in text


def test_entries_of_herd_keep_their_logical_expiry(
    sites: Sites, manage: Callable[..., Ran]
) -> None:
    first, second = sites({"CLIENT": "herd", "SERIALIZER": "json"}, {"CLIENT": "herd"})
    first.set("k", "value", 500)
    first.set("expired", "value", 0.01)
    time.sleep(0.02)
    report = manage(*COPY).json
    assert (report["copied"], report["gone"]) == (1, 1)
    assert abs(second.pttl("k") - first.pttl("k")) < 1000
    assert manage(*COMPARE).code == 0


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"SEALER": "encrypted"}, {"SEALER": "encrypted"}),
        ({"CLIENT": "herd", "HERD_FORMAT": "django-redis"}, {"CLIENT": "herd"}),
    ],
)
def test_what_never_has_the_same_bytes_twice(
    sites: Sites, manage: Callable[..., Ran], old: Any, new: Any
) -> None:
    first, second = sites(new, old, KEY_PREFIX="other")
    first.set("k", {"a": 1}, 500)
    first.set("count", 5, 500)
    first.rpush("list", 1, "a")
    assert manage(*COPY).json["copied"] == 3
    assert manage(*COMPARE).json["same"] == 3
    assert (second.get("k"), second.incr("count")) == ({"a": 1}, 6)
    assert second.lrange("list", 0, -1) == [1, "a"]


class TestCompare:
    def test_what_differs(self, sites: Sites, manage: Callable[..., Ran]) -> None:
        first, second = sites({"SERIALIZER": "json"})
        first.set_many({f"k{number}": (number,) for number in range(20)}, 500)
        first.rpush("list", 1, 2)
        first.sadd("set", 1, 2)
        manage(*COPY)
        assert manage(*COMPARE).json["same"] == 22, "a tuple is what the format makes of it"
        second.delete("k1")
        second.set("k2", "other", 500)
        second.expire("k3", 400)
        second.persist("k4")
        second.expire("k5", 499.5)
        second.rpush("list", 3)
        second.srem("set", 2)
        ran = manage("compare", "--with", "new", "-v", "2", *FAST)
        assert ran.code == 1
        assert ran.error == "6 entries of 'default' are not the same in 'new'."
        assert f"'{first.make_key('k1')}' is missing" in ran.err
        assert f"'{first.make_key('k4')}' is there for another time: " in ran.err
        assert "no expiry there" in ran.err
        report = manage(*COMPARE).json
        found = {name: report[name] for name in ("missing", "differing", "ttl_differing")}
        assert found == {"missing": 1, "differing": 3, "ttl_differing": 2}
        assert manage(*COMPARE, "--tolerance", "101").json["ttl_differing"] == 1

    def test_a_sample(self, sites: Sites, manage: Callable[..., Ran]) -> None:
        first, _ = sites()
        first.set_many({f"k{number}": number for number in range(300)})
        ran = manage(*COMPARE, "--sample", "40")
        assert (ran.code, ran.json["keys"], ran.json["missing"]) == (1, 40, 40)

    def test_values_that_pickle_otherwise_are_the_same(
        self, sites: Sites, manage: Callable[..., Ran], redis_server: Server, own_server: Server
    ) -> None:
        first, second = sites()
        with redis_server.client() as ours, own_server.client() as theirs:
            ours.set(first.make_key("k"), pickle.dumps({"a"}, protocol=0))
            theirs.set(second.make_key("k"), pickle.dumps({"a"}))
        assert manage(*COMPARE).json["same"] == 1


@pytest.fixture
def clustered() -> Iterator[dict[str, Any]]:
    with cluster(3, replicas=0) as group:
        yield {
            "LOCATION": [node.url for node in group.nodes],
            "OPTIONS": {"CONNECTION_FACTORY": "cluster"},
        }


def test_from_shards_to_a_cluster_and_back(
    site: Callable[..., Any], manage: Callable[..., Ran], clustered: dict[str, Any]
) -> None:
    with shards(2) as servers, Server() as last:
        cache = site(
            default={
                "LOCATION": [one.url for one in servers],
                "OPTIONS": {"CLIENT": "shard", "SERIALIZER": "json"},
            },
            new=clustered,
            last={"LOCATION": last.url},
        )
        values = fill(cache)
        assert manage(*COPY).json["copied"] == 257
        assert manage(*COMPARE).json["same"] == 257
        assert manage("copy", "--alias", "new", "--to", "last", *FAST).code == 0
        has_all(caches["last"], values)


def test_a_run_that_was_stopped_goes_on(
    sites: Sites, manage: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = sites()
    values = {f"k{number}": number for number in range(1_500)}
    first.set_many(values, 500)
    monkeypatch.setattr(walking, "_PAGE", 100)
    slept = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 4:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(walking, "time", SimpleNamespace(sleep=sleep))
        ran = manage("copy", "--to", "new", *FAST)
    assert ran.code == 130
    assert "and nothing is half done. Go on with:\n  manage.py redis_cache copy" in ran.error
    command = ran.error.rpartition("redis_cache ")[2].split()
    assert command[:5] == ["copy", "--alias", "default", "--to", "new"]
    assert 0 < len(second.get_many(values)) < len(values)
    report = manage(*command, "--json").json
    assert report["keys"] < len(values), "it goes on, and does not begin again"
    assert second.get_many(values) == values
    assert manage(*COMPARE).json["same"] == len(values)


def test_a_target_that_is_full_ends_the_run_in_words(
    sites: Sites, manage: Callable[..., Ran], own_server: Server
) -> None:
    first, _ = sites()
    first.set_many({f"k{number}": "x" * 10_000 for number in range(300)}, 500)
    own_server.cli("CONFIG", "SET", "maxmemory", "3mb")
    ran = manage("copy", "--to", "new", *FAST)
    assert ran.code == 1
    assert ran.error.startswith("The cache 'new': ")
    assert "Go on with:\n  manage.py redis_cache copy --alias default --to new" in ran.error
    own_server.cli("CONFIG", "SET", "maxmemory", "0")
    assert manage(*COPY).json["complete"] is True
    assert manage(*COMPARE).json["same"] == 300


def test_the_rate_is_kept(
    sites: Sites, manage: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = sites()
    first.set_many({f"k{number}": number for number in range(50)}, 500)
    slept: list[float] = []
    monkeypatch.setattr(walking, "time", SimpleNamespace(sleep=slept.append))
    manage("copy", "--to", "new", "--rate", "100")
    assert len(slept) >= 5
    assert 0.4 < max(slept) <= 0.5, "no step is taken before its time"


def key_of_a_site(key: Any, prefix: str, version: Any) -> str:
    return f"{prefix}/{version}/{key}"


def name_of_a_site(key: str) -> str:
    return key.split("/", 2)[2]


def test_between_key_functions(
    site: Callable[..., Any], manage: Callable[..., Ran], own_server: Server
) -> None:
    functions = {
        "KEY_FUNCTION": f"{__name__}.key_of_a_site",
        "REVERSE_KEY_FUNCTION": f"{__name__}.name_of_a_site",
    }
    own = {**functions, "LOCATION": own_server.url}
    with Server() as third:
        first = site(default={}, new=own, back={"LOCATION": third.url})
        first.set("k", "value", 100)
        first.set("k", "second", 100, version=2)
        assert manage(*COPY).json["copied"] == 2
        assert caches["new"].get_many(["k"]) == {"k": "value"}
        assert caches["new"].get("k", version=2) == "second"
        report = manage("copy", "--alias", "new", "--to", "back", "--json").json
        assert (report["copied"], report["versions"]) == (1, "own")
        assert caches["back"].get("k") == "value"


def test_what_cannot_be_meant(
    site: Callable[..., Any], manage: Callable[..., Ran], own_server: Server
) -> None:
    cache = site(
        default={"KEY_PREFIX": "a"},
        twin={"KEY_PREFIX": "a"},
        inner={"KEY_PREFIX": "a:1"},
        hashing={"KEY_FUNCTION": f"{__name__}.key_of_a_site", "LOCATION": own_server.url},
    )
    cache.set("k", 1, 5)
    ran = manage("copy", "--to", "default")
    assert (ran.code, ran.error) == (
        2,
        "--alias and --to both name 'default': write the alias of another cache.",
    )
    ran = manage("compare", "--with", "nobody")
    assert ran.code == 2
    assert ran.error.startswith("'nobody' is no cache of this package in CACHES")
    assert "have the same keys in the same database" in manage("copy", "--to", "twin").error
    assert "begins as that of 'default'" in manage("copy", "--to", "inner").error
    assert "KEY_FUNCTION" in manage("copy", "--alias", "hashing", "--to", "default").error
