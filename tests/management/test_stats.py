"""``stats`` tells what a cache holds, from a bounded sample."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from django_redis_core.testing.servers import Server

from .conftest import Ran


def families(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {family["family"]: family for family in report["families"]}


def test_families_bytes_and_times(site: Callable[..., Any], manage: Callable[..., Ran]) -> None:
    cache = site(default={}, neighbour={"KEY_PREFIX": "neighbour"})
    cache.set_many({f"user:{number}:profile": "x" * 1000 for number in range(30)}, 30)
    cache.set_many({f"user:{number}:cart": [number] for number in range(20)}, 3_000)
    cache.set_many({f"template.cache.menu.{number}": "x" for number in range(10)}, None)
    cache.set("alone", 1, 10 * 86_400)
    cache.set("user:1:profile", "other version", 30, version=2)
    cache.get("alone")
    ran = manage("stats", "--json", "--alias", "default", "--lookups")
    [report] = ran.json
    assert (report["keys"], report["keys_error"], report["bytes_error"]) == (62, 0, 0)
    assert report["sample"] == {
        "keys": 62,
        "complete": True,
        "interrupted": False,
        "weighed": True,
        "servers": 1,
        "lookups": 62,
    }
    found = families(report)
    assert {name: family["keys"] for name, family in found.items()} == {
        "user": 51,
        "template": 10,
        "(single keys)": 1,
    }
    assert report["families"][0]["family"] == "user", "the largest comes first"
    assert 30_000 < found["user"]["bytes"] < 60_000
    assert report["ttl"] == {
        "no expiry": 10,
        "under a minute": 31,
        "under an hour": 20,
        "under a day": 0,
        "under a week": 0,
        "a week or more": 1,
    }
    [server] = report["servers"]
    assert server["hits"] >= 1
    assert 0 < server["hit_ratio"] <= 1

    [report] = manage(
        "stats", "--json", "--alias", "default", "--depth", "2", "--families", "99"
    ).json
    assert families(report)["user:7"]["keys"] == 2
    assert families(report)["template.cache"]["keys"] == 10
    [report] = manage("stats", "--json", "--alias", "default", "--families", "1").json
    assert [*families(report)] == ["user"]
    assert report["other_families"]["count"] == 2
    assert report["other_families"]["keys"] == 11

    text = manage("stats", "--alias", "default").out
    assert text.startswith("default: 62 keys,")
    assert "\x1b" not in text


def test_the_sample_is_bounded_and_stands_for_all(
    site: Callable[..., Any], manage: Callable[..., Ran], own_server: Server
) -> None:
    cache = site(
        default={"LOCATION": own_server.url},
        rare={"LOCATION": own_server.url, "KEY_PREFIX": "rare"},
    )
    with cache.pipeline() as pipeline:
        for number in range(20_000):
            pipeline.set(f"{'many' if number % 4 else 'few'}:{number}", "x" * 100, None)
    own_server.cli("CONFIG", "RESETSTAT")
    [report] = manage("stats", "--json", "--alias", "default", "--sample", "2000").json
    calls = own_server.info("commandstats")
    assert calls["cmdstat_memory|usage"]["calls"] <= 3_000
    assert calls["cmdstat_scan"]["calls"] <= 10
    assert report["sample"]["complete"] is False
    assert report["keys"] == pytest.approx(20_000, rel=0.15)
    assert families(report)["many"]["keys"] == pytest.approx(15_000, rel=0.2)
    assert report["bytes"] == pytest.approx(20_000 * 160, rel=0.4)
    assert families(report)["many"]["keys_error"] == pytest.approx(360, rel=0.2)

    # Where few of the keys are this cache's, it does not look at all of them either.
    own_server.cli("CONFIG", "RESETSTAT")
    [report] = manage("stats", "--json", "--alias", "rare", "--sample", "100").json
    assert report["keys"] == 0
    assert own_server.info("commandstats")["cmdstat_scan"]["calls"] <= 3


def test_a_server_without_memory_usage(
    site: Callable[..., Any], manage: Callable[..., Ran]
) -> None:
    with Server(users={"shop": "on >shop ~* +@all -memory"}) as server:
        cache = site(default={"LOCATION": f"redis://shop:shop@127.0.0.1:{server.port}/0"})
        cache.set_many({f"k:{number}": number for number in range(5)})
        [report] = manage("stats", "--json").json
        assert (report["keys"], report["sample"]["weighed"]) == (5, False)
        assert "MEMORY USAGE is refused" in manage("stats").out


def test_a_dead_server(
    site: Callable[..., Any], manage: Callable[..., Ran], own_server: Server
) -> None:
    site(dead={"LOCATION": own_server.url}, alive={})
    own_server.kill()
    ran = manage("stats", "--json")
    dead, alive = ran.json
    assert "Connection refused" in dead["servers"][0]["error"]
    assert alive["keys"] == 0
    assert ran.code == 1


def test_a_server_that_tells_little_of_itself(
    site: Callable[..., Any], manage: Callable[..., Ran]
) -> None:
    with Server(users={"shop": "on >shop ~* +@all -info -dbsize"}) as server:
        cache = site(default={"LOCATION": f"redis://shop:shop@127.0.0.1:{server.port}/0"})
        cache.set_many({f"k:{number}": number for number in range(2_000)})
        ran = manage("stats", "--json")
        [report] = ran.json
        assert (ran.code, report["keys"]) == (0, 2_000)
        assert families(report)["k"]["keys"] == 2_000
        text = manage("stats").out
        assert "refuses INFO: its hits and memory are not known" in text
        assert "refuses DBSIZE" in text
        [report] = manage("stats", "--json", "--sample", "500").json
        assert 500 <= report["keys"] < 2_000
        assert report["sample"]["complete"] is False


def test_nothing_is_not_said_to_be_about_0_keys(
    site: Callable[..., Any], manage: Callable[..., Ran]
) -> None:
    with Server(users={"shop": "on >shop ~* +@all -scan"}) as server:
        cache = site(default={"LOCATION": f"redis://shop:shop@127.0.0.1:{server.port}/0"})
        cache.set("k", 1)
        ran = manage("stats")
        assert ran.code == 1
        assert ran.out.startswith("default: nothing could be counted\n")
        assert "NOPERM" in ran.out
        server.kill()
        text = manage("stats").out
        assert "about 0" not in text
        assert text.count(f"redis://127.0.0.1:{server.port}/0") == 1, "a server is named once"


def test_a_replica_counts_for_no_primary(
    site: Callable[..., Any], manage: Callable[..., Ran], own_server: Server, redis_server: Server
) -> None:
    site(default={"LOCATION": [own_server.url, redis_server.url]})
    own_server.kill()
    assert manage("stats").out.startswith("default: nothing could be counted\n")


def test_a_dead_shard_beside_an_empty_one(
    site: Callable[..., Any], manage: Callable[..., Ran], own_server: Server, redis_server: Server
) -> None:
    urls = [own_server.url, redis_server.url]
    site(default={"LOCATION": urls, "OPTIONS": {"CLIENT": "shard"}})
    own_server.kill()
    ran = manage("stats")
    assert ran.code == 1
    assert ran.out.startswith("default: no keys on the servers that could be asked\n")


def test_a_key_function_of_the_sites_own(
    site: Callable[..., Any], manage: Callable[..., Ran]
) -> None:
    def shout(key: str, prefix: str, version: Any) -> str:
        return f"{prefix}!{version}!{key}"

    cache = site(default={"KEY_FUNCTION": shout, "KEY_PATTERN_FUNCTION": shout})
    cache.set_many({f"user:{number}": number for number in range(5)})
    assert families(manage("stats", "--json").json[0])["user"]["keys"] == 5
