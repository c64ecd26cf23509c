"""The reports as values, for pages and programs: what the commands do not have themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest
from django.core.management.base import CommandError

from django_redis_core.cache import RedisCache
from django_redis_core.management import pages
from django_redis_core.operating import OperatedCache, operated_caches
from django_redis_core.testing.servers import Server
from django_redis_core.testing.topologies import shards

Site = Callable[..., RedisCache]


def every_page(cache: OperatedCache, pattern: str = "*", **more: Any) -> Iterator[dict[str, Any]]:
    page = cache.keys(pattern, **more)
    yield page
    while page["next"]:
        page = cache.keys(pattern, at=page["next"], **more)
        yield page


def names(found: list[dict[str, Any]]) -> list[str]:
    return [key["key"] for page in found for key in page["keys"]]


def test_the_caches_are_those_of_the_setting(site: Site) -> None:
    site(default={}, other={}, theirs={"BACKEND": "django.core.cache.backends.dummy.DummyCache"})
    assert [cache.alias for cache in operated_caches()] == ["default", "other"]
    with pytest.raises(CommandError, match="'theirs' is no cache of this package"):
        OperatedCache("theirs")


def test_pages_have_every_key_once(site: Site) -> None:
    cache = site(default={})
    keys = [f"user:{number}" for number in range(1500)]
    cache.set_many(dict.fromkeys(keys, "x"))
    cache.set("other", 1)
    found = [*every_page(OperatedCache("default"), "user:*")]
    assert sorted(names(found)) == sorted(keys)
    assert max(len(page["keys"]) for page in found) < 300
    assert found[-1]["next"] is None


def test_a_page_ends_where_it_has_looked_at_enough(
    site: Site, own_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = site(default={"LOCATION": own_server.url})
    cache.set_many(dict.fromkeys(map(str, range(9000)), "x"))
    cache.set("needle", 1)
    monkeypatch.setattr(pages, "LOOKS", 2000)
    found = [*every_page(OperatedCache("default"), "needle")]
    assert names(found) == ["needle"]
    assert len(found) > 3
    assert all(page["looked"] < 3500 for page in found)


def test_a_page_without_time_left_goes_on_all_the_same(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = site(default={})
    cache.set_many(dict.fromkeys(map(str, range(30)), "x"))
    monkeypatch.setattr(pages, "SECONDS", -1.0)
    assert len(names([*every_page(OperatedCache("default"))])) == 30


def test_a_page_is_of_one_running_server(site: Site, own_server: Server) -> None:
    cache = site(default={"LOCATION": own_server.url})
    cache.set_many(dict.fromkeys(map(str, range(500)), "x"))
    page = OperatedCache("default").keys("*")
    own_server.restart(keep_data=False)
    with pytest.raises(CommandError, match="search anew"):
        OperatedCache("default").keys("*", at=page["next"])
    for wrong in ("x", "0123456789ab-0", f"0123456789ab-0:{2**64}", "0123456789ab-0:1 "):
        with pytest.raises(CommandError, match="no place where a page"):
            OperatedCache("default").keys("*", at=wrong)


def test_shards_that_are_down_are_told_beside_the_others_keys(site: Site) -> None:
    with shards(2) as servers:
        cache = site(
            default={"LOCATION": [one.url for one in servers], "OPTIONS": {"CLIENT": "shard"}}
        )
        cache.set_many(dict.fromkeys(map(str, range(60)), "x"))
        held = int(servers[1].cli("DBSIZE"))
        servers[0].kill()
        found = [*every_page(OperatedCache("default"))]
        assert len(names(found)) == held
        assert any(str(servers[0].port) in error for page in found for error in page["errors"])
        told = OperatedCache("default").overview()["servers"]
        assert ["error" in server for server in told].count(True) == 1


def test_keys_of_one_type_with_what_is_a_lookup(site: Site, own_server: Server) -> None:
    cache = site(default={"LOCATION": own_server.url})
    cache.set("text", "x", 100)
    cache.sadd("set", 1)
    before = own_server.info("stats")["keyspace_hits"]
    [key] = OperatedCache("default").keys("*", kind="set")["keys"]
    assert (key["key"], key["usable"], "type" in key) == ("set", True, False)
    assert key["bytes"] > 0
    assert own_server.info("stats")["keyspace_hits"] == before
    keys = {key["key"]: key for key in OperatedCache("default").keys("*", lookups=True)["keys"]}
    assert (keys["set"]["type"], keys["set"]["expires"], keys["set"]["ttl"]) == ("set", False, None)
    assert keys["text"]["ttl"] == pytest.approx(100, abs=20)


def test_an_entry_of_each_format_is_told(site: Site) -> None:
    cache = site(
        default={"OPTIONS": {"SERIALIZER": "json", "COMPRESSOR": "zstd", "SEALER": "signed"}}
    )
    cache.set("long", "word " * 1000)
    cache.set("short", "word")
    cache.set("count", 7)
    operated = OperatedCache("default")
    assert operated.entry("long")["format"] == ["json", "zstd", "signed"]
    assert operated.entry("short")["format"] == ["json", "signed"]
    assert operated.entry("count")["format"][0] in ("integer", "json")
    assert operated.entry("nothing")["found"] is False


def test_members_that_may_run_code_are_not_decoded_unless_asked_for(site: Site) -> None:
    cache = site(default={})
    cache.hset("dates", mapping={"leap": date(2024, 2, 29), "word": "x"})
    operated = OperatedCache("default")
    members = {one["field"]: one for one in operated.entry("dates")["members"]}
    assert members["word"]["repr"] == "'x'"
    assert members["leap"]["decoded"] is False
    assert (
        "datetime.date" in members["leap"]["why"]
        or "runs code" in members["leap"]["why"]
        or members["leap"]["why"]
    )
    members = {one["field"]: one for one in operated.entry("dates", decode=True)["members"]}
    assert members["leap"]["repr"] == "datetime.date(2024, 2, 29)"


def test_large_structures_are_told_in_pages(site: Site) -> None:
    cache = site(default={})
    cache.hset("hash", mapping={f"f{number}": "x" * 70 for number in range(900)})
    cache.sadd("set", *(f"member {number} " + "y" * 70 for number in range(900)))
    cache.zadd("zset", {f"m{number}": number for number in range(250)})
    cache.rpush("list", *range(250))
    operated = OperatedCache("default")
    for key, count in (("hash", 900), ("set", 900), ("zset", 250), ("list", 250)):
        told, at = set(), 0
        while at is not None:
            page = operated.entry(key, at=at)
            assert page["length"] == count
            assert len(page["members"]) < 250
            told |= {(one.get("field"), one["repr"]) for one in page["members"]}
            at = page["next"]
        assert len(told) == count, key


def test_stored_keys_have_names_where_these_are_known(site: Site) -> None:
    site(
        default={"KEY_PREFIX": "shop:x"},
        hashed={"KEY_FUNCTION": f"{__name__}.hidden"},
        turned={
            "KEY_FUNCTION": f"{__name__}.turned",
            "REVERSE_KEY_FUNCTION": f"{__name__}.back",
        },
    )
    plain = OperatedCache("default")
    assert plain.named("shop:x:1:user:7") == ("user:7", "")
    assert plain.named("shop:x:2:user:7") == ("user:7", "2")
    assert plain.named("shop") is None
    assert OperatedCache("hashed").named("abc") is None
    assert OperatedCache("turned").named("7:resu@1") == ("user:7", "")
    assert OperatedCache("turned").named("7:resu@2") is None
    assert OperatedCache("turned").named("no key of it") is None


def hidden(key: str, prefix: str, version: Any) -> str:
    return f"{hash(key):x}"


def turned(key: str, prefix: str, version: Any) -> str:
    return f"{key[::-1]}@{version}"


def back(stored: str) -> str:
    name, mark, _ = stored.partition("@")
    if not mark:
        raise ValueError(stored)
    return name[::-1]


def test_changes_say_what_they_did(site: Site) -> None:
    cache = site(default={})
    cache.set_many({"a": 1, "b": 2})
    operated = OperatedCache("default")
    assert operated.expire("a", 50)
    assert 0 < cache.ttl("a") <= 50
    assert operated.expire("a", None)
    assert cache.ttl("a") is None
    assert not operated.expire("nothing", 50)
    report = operated.delete(["a", "b", "nothing"])
    assert (report["deleted"], report["error"]) == (2, None)


@pytest.mark.parametrize("client", ["near", "tags", "herd"])
def test_clients_that_store_or_keep_more_than_the_value(site: Site, client: str) -> None:
    cache = site(default={"OPTIONS": {"CLIENT": client}})
    cache.set("a", {"name": "value"}, 100)
    assert cache.get("a") == {"name": "value"}
    operated = OperatedCache("default")
    assert operated.overview()["plugins"]["client"] == client
    entry = operated.entry("a")
    assert entry["value"] == {"name": "value"}
    assert entry["format"] != []
    assert names([*every_page(operated, "a")]) == ["a"]
    assert operated.delete(["a"])["deleted"] == 1
    assert operated.entry("a")["found"] is False
