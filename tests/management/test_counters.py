"""What ``stats`` shows of hits is what the site and the server have counted, and looking at keys
does not change it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from django_redis_core.commands import PTTL
from django_redis_core.interfaces import EntryColumn
from django_redis_core.testing.servers import Server
from django_redis_core.testing.topologies import shards

from .conftest import Ran

Manage = Callable[..., Ran]
MakeSite = Callable[..., Any]


def counted(server: Server) -> tuple[int, int]:
    """What an exporter sees."""
    info = server.info("stats")
    return int(info["keyspace_hits"]), int(info["keyspace_misses"])


@pytest.mark.parametrize("client", ["default", "herd"])
def test_the_hit_ratio_is_the_sites_own(
    site: MakeSite, manage: Manage, own_server: Server, client: str
) -> None:
    cache = site(default={"LOCATION": own_server.url, "OPTIONS": {"CLIENT": client}})
    cache.set_many({f"k:{number}": number for number in range(3_000)})
    cache.hset("h:1", "field", "of another type")
    own_server.cli("CONFIG", "RESETSTAT")
    found = sum(
        cache.get(f"{'k' if number % 3 else 'no'}:{number}") is not None for number in range(99)
    )
    assert (found, counted(own_server)) == (66, (66, 33))
    for args in ((), ("--sample", "500"), ("--all", "--biggest", "3"), ("--sample", "0")):
        [report] = manage("stats", "--json", *args).json
        [server] = report["servers"]
        assert (server["hits"], server["misses"], server["hit_ratio"]) == (66, 33, 0.6667), args
        assert report["hit_ratio"] == 0.6667
    assert manage("stats", "--interval", "0.01").code == 0
    assert manage("stats").code == 0
    assert counted(own_server) == (66, 33)


def test_look_ups_are_made_on_request_and_told(
    site: MakeSite, manage: Manage, own_server: Server, acting: Callable[..., None]
) -> None:
    long = EntryColumn("long", PTTL, lambda key, reply: 1)
    acting("acme", stats_columns=lambda: [long])
    cache = site(default={"LOCATION": own_server.url})
    cache.set_many({f"k:{number}": number for number in range(200)})
    cache.get("k:1")
    before = counted(own_server)
    assert manage("stats", "--json").json[0]["families"][0].get("columns") is None
    assert counted(own_server) == before
    [report] = manage("stats", "--json", "--lookups").json
    assert (report["servers"][0]["hits"], report["servers"][0]["misses"]) == before
    assert report["families"][0]["columns"] == {"acme": {"long": 200}}
    assert report["sample"]["lookups"] == 400
    assert counted(own_server) == (before[0] + 400, before[1])
    assert "has counted 400 look-ups of this command" in manage("stats", "--lookups").out


def test_times_to_live_without_look_ups(site: MakeSite, manage: Manage, own_server: Server) -> None:
    cache = site(default={"LOCATION": f"{own_server.url[:-1]}3"})
    cache.set_many({f"k:{number}": number for number in range(100)}, None)
    cache.set_many({f"e:{number}": number for number in range(300)}, 7_200)
    for _ in range(100):  # the server finds the mean while it looks for what has expired
        [report] = manage("stats", "--json").json
        if report["servers"][0]["average_ttl"]:
            break
        time.sleep(0.05)
    assert report["ttl"] is None
    assert report["servers"][0]["expiring_keys"] == 300
    assert 6_000 < report["servers"][0]["average_ttl"] <= 7_200
    text = manage("stats").out
    assert "75.0%" in text
    assert "TIME TO LIVE" not in text


def test_rates_of_an_interval(
    site: MakeSite, manage: Manage, own_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = site(default={"LOCATION": own_server.url})
    cache.set("k", 1)
    asked = own_server.info("commandstats")

    def busy(seconds: float) -> None:
        assert seconds == 0.5
        for number in range(40):
            cache.get("k" if number % 4 else "no")

    monkeypatch.setattr(time, "sleep", busy)
    [report] = manage("stats", "--json", "--interval", "0.5").json
    [server] = report["servers"]
    assert (server["hit_ratio"], report["hit_ratio"]) == (0.75, 0.75)
    assert server["hits"] * server["seconds"] == pytest.approx(30, rel=0.01)
    assert server["misses"] * server["seconds"] == pytest.approx(10, rel=0.01)
    assert server["commands"] * server["seconds"] == pytest.approx(41, rel=0.01), "and one INFO"
    assert server["input_bytes"] > 0
    text = manage("stats", "--interval", "0.5").out
    assert "75.0%" in text
    after = own_server.info("commandstats")
    assert "cmdstat_scan" not in after
    assert after["cmdstat_get"]["calls"] - asked.get("cmdstat_get", {}).get("calls", 0) == 80


def test_counters_that_were_reset_make_no_rates(
    site: MakeSite, manage: Manage, own_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = site(default={"LOCATION": own_server.url})
    for number in range(500):
        cache.get(f"{number}")
    monkeypatch.setattr(time, "sleep", lambda _: own_server.cli("CONFIG", "RESETSTAT"))
    ran = manage("stats", "--json", "--interval", "1")
    assert "restarted meanwhile, or its counters were reset" in ran.json[0]["servers"][0]["error"]
    assert ran.code == 1
    monkeypatch.setattr(time, "sleep", lambda _: own_server.kill())
    assert "Connection" in manage("stats", "--interval", "1").out


def test_an_interval_that_is_stopped_shows_its_rates(
    site: MakeSite, manage: Manage, own_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = site(default={"LOCATION": own_server.url}, other={"LOCATION": own_server.url})

    def interrupted(seconds: float) -> None:
        cache.get("no")
        raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", interrupted)
    ran = manage("stats", "--json", "--interval", "60")
    assert ran.code == 130
    [report] = ran.json
    assert report["servers"][0]["misses"] > 0
    assert "Stopped in 'default' before the interval was over" in ran.error
    assert "--alias other" in ran.error


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("--interval", "5", "--all"), "--interval looks at no keys"),
        (("--interval", "5", "--biggest", "3"), "--interval looks at no keys"),
        (("--interval", "5", "--lookups"), "--interval looks at no keys"),
        (("--all", "--sample", "5"), "--all looks at every key: leave --sample out"),
        (("--interval", "0"), "seconds, more than 0"),
        (("--interval", "nan"), "seconds, more than 0"),
        (("--interval", "inf"), "seconds, more than 0"),
        (("--sample", "-1"), "a number of 0 or more"),
    ],
)
def test_what_cannot_be_meant(
    site: MakeSite, manage: Manage, args: tuple[str, ...], words: str
) -> None:
    site(default={})
    assert words in manage("stats", *args).error


def test_a_server_that_refuses_info_has_no_rates(site: MakeSite, manage: Manage) -> None:
    with Server(users={"shop": "on >shop ~* +@all -info"}) as server:
        site(default={"LOCATION": f"redis://shop:shop@127.0.0.1:{server.port}/0"})
        ran = manage("stats", "--interval", "0.01")
        assert ran.out.startswith("default: nothing could be counted\n")
        assert "refuses INFO" in ran.out


@pytest.mark.parametrize("client", ["default", "herd", "near", "shard"])
def test_doctor_reads_its_own_value_and_nothing_else(
    site: MakeSite, manage: Manage, own_server: Server, client: str
) -> None:
    cache = site(default={"LOCATION": own_server.url, "OPTIONS": {"CLIENT": client}})
    cache.set("k", 1)
    hits, misses = counted(own_server)
    assert manage("doctor").code == 0
    assert manage("plugins").code == 0
    assert counted(own_server) == (hits + 1, misses)


def test_of_several_servers_it_is_that_of_all_together(site: MakeSite, manage: Manage) -> None:
    with shards(2) as servers:
        urls = [server.url for server in servers]
        cache = site(default={"LOCATION": urls, "OPTIONS": {"CLIENT": "shard"}})
        cache.set_many({f"k:{number}": number for number in range(100)})
        for server in servers:
            server.cli("CONFIG", "RESETSTAT")
        asked = [f"k:{number}" for number in range(125)]
        found = sum(cache.get(key) is not None for key in asked)
        for _ in range(3):
            [report] = manage("stats", "--json").json
            assert report["hit_ratio"] == found / len(asked) == 0.8
            assert all(server["hits"] < 100 for server in report["servers"])
