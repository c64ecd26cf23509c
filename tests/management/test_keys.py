"""``keys``, ``set``, ``touch`` and ``expire``: one look and one change at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import caches

from django_redis_core.testing.servers import Server

from .conftest import Ran


class TestKeys:
    def test_by_a_pattern_as_the_site_names_them(
        self, site: Callable[..., Any], manage: Callable[..., Ran], redis_server: Server
    ) -> None:
        cache = site(default={})
        cache.set_many({f"user:{number}": number for number in range(30)})
        cache.set("user:2", "another", version=2)
        with redis_server.client() as client:
            client.set(f"{cache.key_prefix}:1:page\n", "1")
        report = manage("keys", "user:1?", "--json").json
        assert [one["key"] for one in report["keys"]] == [f"user:1{n}" for n in range(10)]
        assert report["keys"][0]["stored_as"] == cache.make_key("user:10")
        assert report["complete"] is True
        assert manage("keys", "page*").out == "page\\n\n"
        assert manage("keys", "*", "--key-version", "2").out == "user:2\n"

    def test_no_more_than_asked_for(
        self, site: Callable[..., Any], manage: Callable[..., Ran]
    ) -> None:
        cache = site(default={})
        cache.set_many({f"k{number}": number for number in range(30)})
        ran = manage("keys", "*", "--limit", "7")
        assert ran.out.splitlines()[7] == "(7 keys, and there are more: --limit)"
        report = manage("keys", "*", "--limit", "30", "--json").json
        assert (len(report["keys"]), report["complete"]) == (30, True)

    def test_none(self, site: Callable[..., Any], manage: Callable[..., Ran]) -> None:
        site(default={})
        ran = manage("keys", "nobody:*")
        assert (ran.code, ran.out) == (1, "")
        assert ran.error == "No key of the cache 'default' matches 'nobody:*'."

    @pytest.mark.parametrize(
        ("pattern", "words"),
        [
            ("", "write '*' for all"),
            ("user:[12", "has a [ without a ]"),
            ("a[1]b[", "has a [ without a ]"),
        ],
    )
    def test_a_pattern_that_cannot_be_meant(
        self, pattern: str, words: str, site: Callable[..., Any], manage: Callable[..., Ran]
    ) -> None:
        site(default={"LOCATION": "redis://127.0.0.1:1/0"})
        ran = manage("keys", pattern)
        assert ran.code == 2
        assert words in ran.error

    def test_brackets_that_can(self, site: Callable[..., Any], manage: Callable[..., Ran]) -> None:
        site(default={}).set_many({"a[": 1, "b1": 2, "b2": 3})
        assert manage("keys", r"a\[").out == "a[\n"
        assert manage("keys", "b[12]").out == "b1\nb2\n"


class TestSet:
    def test_a_text_or_json(self, site: Callable[..., Any], manage: Callable[..., Ran]) -> None:
        cache = site(default={"TIMEOUT": 50})
        assert manage("set", "k", '{"a": 1}').out.startswith("expires in ")
        assert cache.get("k") == '{"a": 1}'
        assert 40 <= cache.ttl("k") <= 50
        report = manage("set", "k", '{"a": [1, null]}', "--json", "--timeout", "7").json
        assert 5 < report["ttl"] <= 7
        assert cache.get("k") == {"a": [1, None]}
        assert manage("set", "k", "5", "--json", "--timeout", "never").json["ttl"] is None
        assert cache.incr("k") == 6
        manage("set", "k", "other", "--key-version", "2")
        assert (cache.get("k"), cache.get("k", version=2)) == (6, "other")

    @pytest.mark.parametrize("value", ["{", "NaN", "text"])
    def test_what_is_no_json(
        self, value: str, site: Callable[..., Any], manage: Callable[..., Ran]
    ) -> None:
        site(default={"LOCATION": "redis://127.0.0.1:1/0"})
        ran = manage("set", "k", value, "--json")
        assert ran.code == 2
        assert ran.error.startswith(f"With --json the value is JSON, and {value!r} is none (")

    def test_what_is_no_time(self, site: Callable[..., Any], manage: Callable[..., Ran]) -> None:
        site(default={"LOCATION": "redis://127.0.0.1:1/0"})
        for wrong in ("0", "-1", "soon", "inf", "1e300"):
            ran = manage("set", "k", "v", f"--timeout={wrong}")
            assert f'seconds, more than 0, or "never", not {wrong!r}' in ran.error

    def test_a_server_that_is_away(
        self, site: Callable[..., Any], manage: Callable[..., Ran]
    ) -> None:
        site(default={"LOCATION": "redis://127.0.0.1:1/0", "OPTIONS": {"IGNORE_EXCEPTIONS": True}})
        ran = manage("set", "k", "v")
        assert (ran.code, ran.out) == (1, "")
        assert ran.error.startswith("The cache 'default': ")


@pytest.mark.parametrize("client", ["default", "herd"])
@pytest.mark.parametrize("command", ["touch", "expire"])
def test_an_entry_lives_for_another_time(
    command: str, client: str, site: Callable[..., Any], manage: Callable[..., Ran]
) -> None:
    cache = site(default={"OPTIONS": {"CLIENT": client}, "TIMEOUT": 90})
    cache.set("k", "value", 500)
    assert manage(command, "k", "20.5").out.startswith("expires in ")
    assert 10 < cache.pttl("k") / 1000 <= 20.5
    assert manage(command, "k", "never", "--json").json["ttl"] is None
    assert cache.ttl("k") is None
    if command == "touch":
        manage("touch", "k")
        assert 80 <= cache.ttl("k") <= 90
    ran = manage(command, "nobody", "5")
    assert (ran.code, ran.out) == (1, "")
    assert ran.error.startswith("There is no ")


class TestSlowlog:
    def test_each_server_tells(
        self, site: Callable[..., Any], manage: Callable[..., Ran], own_server: Server
    ) -> None:
        cache = site(default={"LOCATION": own_server.url})
        own_server.cli("CONFIG", "SET", "slowlog-log-slower-than", "0")
        cache.set("k", "secret value", 5)
        cache.set("count", 1, 5)
        cache.incr("count")
        own_server.cli("CONFIG", "SET", "slowlog-log-slower-than", "1000000")
        ran = manage("slowlog", "--json", "--count", "50")
        [report] = ran.json
        [server] = report["servers"]
        assert (server["threshold_ms"], server["length"]) == (1000.0, len(server["entries"]))
        [_, entry] = [one for one in server["entries"] if one["command"] == "SET"]
        assert (entry["key"], entry["arguments"]) == (cache.make_key("k"), 4)
        assert entry["milliseconds"] < 1000
        assert "secret" not in ran.out
        scripts = [one for one in server["entries"] if one["command"].startswith("EVAL")]
        assert {one["key"] for one in scripts} == {cache.make_key("count")}
        text = manage("slowlog", "--count", "50").out
        assert f"SET      {cache.make_key('k')}" in text

    def test_what_is_refused_or_away(
        self, site: Callable[..., Any], manage: Callable[..., Ran]
    ) -> None:
        with Server(users={"site": "on >secret ~* +@all -slowlog -config"}) as server:
            url = server.url.replace("redis://", "redis://site:secret@")
            site(default={"LOCATION": url}, away={"LOCATION": "redis://127.0.0.1:1/0"})
            assert "refuses SLOWLOG" in manage("slowlog", "--alias", "default").out
            ran = manage("slowlog")
            assert (ran.code, ran.error) == (1, "Not all servers could be asked: away.")
            assert "secret" not in ran.out


def test_on_every_server(site: Callable[..., Any], manage: Callable[..., Ran]) -> None:
    with Server() as first, Server() as second:
        site(default={"LOCATION": [first.url, second.url], "OPTIONS": {"CLIENT": "shard"}})
        caches["default"].set_many({f"k{number}": number for number in range(40)})
        assert len(manage("keys", "*", "--json").json["keys"]) == 40
        assert len(manage("slowlog", "--json").json[0]["servers"]) == 2
