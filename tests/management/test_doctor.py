"""``doctor`` finds what is wrong, says it within the timeouts, and goes on."""

from __future__ import annotations

import socket
import socketserver
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from django_redis_core.commands import Operation, Sleep
from django_redis_core.interfaces import Client, Finding, Serializer
from django_redis_core.management.advice import on_servers
from django_redis_core.testing.busy import HeldUp
from django_redis_core.testing.clients import PATIENCE
from django_redis_core.testing.cluster import cluster
from django_redis_core.testing.servers import Server
from django_redis_core.testing.topologies import replicated

from .conftest import Ran, advice, one, problems


def test_a_cache_that_is_well(
    site: Callable[..., Any], manage: Callable[..., Ran], redis_server: Server
) -> None:
    cache = site(default={"OPTIONS": {**PATIENCE, "SOCKET_TIMEOUT": 5.7}})
    ran = manage("doctor", "--json", "--pings", "5")
    [report] = ran.json
    assert ran.code == 0
    assert report["ok"] is True
    assert problems(report) == []
    [server] = report["servers"]
    assert server["name"] == f"redis://127.0.0.1:{redis_server.port}/0"
    assert server["role"] == "primary"
    assert 0 < server["round_trip_ms"]["median"] <= server["round_trip_ms"]["worst"]
    assert server["version"]
    assert abs(server["clock_ahead_ms"]) < 500
    assert server["memory"]["used"] > 0
    assert report["timeouts"][0]["operation"] == 5.7
    assert {entry["result"] for entry in report["encoding"]} == {"same"}
    assert report["write"] == "ok"
    assert "Values are pickles" in one(advice(report), "pickle")
    assert cache.keys("*") == [], "the doctor has left something behind"

    text = manage("doctor").out
    assert text.startswith("default: well\n")
    assert "\x1b" not in text


class Troubled(Client):
    """Has something to say of itself."""

    name = "troubled"

    def examine(self) -> Operation[list[Finding]]:
        yield Sleep(0)
        found = yield from super().examine()
        return [*found, *(Finding(level, f"of {level}") for level in ("problem", "advice", "note"))]


class Broken(Client):
    name = "broken"

    def examine(self) -> Operation[list[Finding]]:
        yield from ()
        raise RuntimeError("no idea")


def test_clients_may_say_something_of_themselves(
    site: Callable[..., Any], manage: Callable[..., Ran]
) -> None:
    site(
        troubled={"OPTIONS": {"CLIENT": Troubled}},
        broken={"OPTIONS": {"CLIENT": Broken}},
    )
    troubled, broken = manage("doctor", "--json").json
    assert (troubled["ok"], broken["ok"]) == (False, False)
    for level in ("problem", "advice", "note"):
        assert {"level": level, "text": f"of {level}"} in troubled["findings"]
    assert "no idea" in one(problems(broken), "cannot be examined")
    assert "note      of note\n" in manage("doctor").out


def test_a_dead_server_is_told_and_the_next_cache_is_examined(
    site: Callable[..., Any], manage: Callable[..., Ran], own_server: Server
) -> None:
    site(dead={"LOCATION": own_server.url}, alive={})
    own_server.kill()
    ran = manage("doctor", "--json")
    dead, alive = ran.json
    assert (dead["ok"], alive["ok"]) == (False, True)
    assert "Connection refused" in one(problems(dead), own_server.url)
    assert ran.code == 1
    assert ran.error == "1 cache not well: dead."
    assert "dead: not well" in manage("doctor").out


@pytest.mark.parametrize("ignore", [False, True])
def test_a_server_that_hangs_costs_one_timeout(
    site: Callable[..., Any], manage: Callable[..., Ran], own_server: Server, ignore: bool
) -> None:
    options = {"SOCKET_TIMEOUT": 1.5, "IGNORE_EXCEPTIONS": ignore}
    site(default={"LOCATION": own_server.url, "OPTIONS": options})
    own_server.pause()
    with HeldUp() as held:
        began = time.monotonic()
        ran = manage("doctor", "--json")
        took = time.monotonic() - began
    assert took < 2.9 + held.seconds
    assert ran.code == 1
    assert ran.json[0]["servers"][0]["reachable"] is False
    own_server.resume()


def test_something_else_at_the_address(
    site: Callable[..., Any], manage: Callable[..., Ran]
) -> None:
    class Web(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(1024)
            self.request.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Web) as web:
        threading.Thread(target=web.serve_forever, daemon=True).start()
        site(default={"LOCATION": f"redis://127.0.0.1:{web.server_address[1]}/0"})
        ran = manage("doctor", "--json")
        web.shutdown()
    assert ran.code == 1
    assert len(problems(ran.json[0])) == 1


def test_settings_that_are_refused_are_a_problem_of_their_cache(
    site: Callable[..., Any], manage: Callable[..., Ran]
) -> None:
    site(default={}, typo={"OPTIONS": {"SERIALISER": "json"}})
    ran = manage("doctor", "--json")
    well, typo = ran.json
    assert well["ok"] is True
    assert "Did you mean 'SERIALIZER'" in problems(typo)[0]
    assert ran.code == 1


def test_memory_without_eviction(
    site: Callable[..., Any], manage: Callable[..., Ran], own_server: Server
) -> None:
    site(default={"LOCATION": own_server.url})
    assert one(advice(manage("doctor", "--json").json[0]), "has no maxmemory")
    own_server.cli("CONFIG", "SET", "maxmemory", "1gb")
    own_server.cli("CONFIG", "SET", "maxmemory-policy", "noeviction")
    ran = manage("doctor", "--json")
    assert one(advice(ran.json[0]), "noeviction")
    assert ran.code == 0
    own_server.cli("CONFIG", "SET", "maxmemory", own_server.info("memory")["used_memory"])
    ran = manage("doctor", "--json")
    assert one(problems(ran.json[0]), "noeviction")
    assert ran.code == 1
    own_server.cli("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    assert not [text for text in advice(manage("doctor", "--json").json[0]) if "memory" in text]


def test_replicas_are_examined_too(site: Callable[..., Any], manage: Callable[..., Ran]) -> None:
    with replicated(1) as group:
        site(
            default={"LOCATION": group.urls},
            swapped={"LOCATION": list(reversed(group.urls)), "KEY_PREFIX": "swapped"},
        )
        default, swapped = manage("doctor", "--json").json
        assert default["ok"] is True
        assert [server["role"] for server in default["servers"]] == ["primary", "replica"]
        assert default["servers"][0]["replication"]["replicas"][0]["state"] == "online"
        assert one(problems(swapped), "is taken for a primary and is a replica")
        assert one(problems(swapped), "is taken for a replica and is a primary")
        assert one(problems(swapped), "cannot be written")

        # What is told of a dead replica is not what another server answered in its place.
        group.replicas[0].kill()
        [default] = manage("doctor", "--json", "--alias", "default").json
        assert one(problems(default), f":{group.replicas[0].port}/0")
        assert [server["reachable"] for server in default["servers"]] == [True, False]

        group.replicas[0].start()
        group.wait_in_sync()
        group.primary.kill()
        time.sleep(1.1)  # the breaker's interval
        [default] = manage("doctor", "--json", "--alias", "default").json
        assert [server["reachable"] for server in default["servers"]] == [False, True]
        assert one(problems(default), "has lost its primary")


def test_a_format_that_loses_values_is_a_problem(
    site: Callable[..., Any], manage: Callable[..., Ran]
) -> None:
    class Repr(Serializer):
        name = "repr"

        def dumps(self, value: Any) -> bytes:
            return repr(value).encode()

        def loads(self, data: bytes) -> Any:
            return data.decode()

    site(default={"OPTIONS": {"SERIALIZER": Repr}})
    ran = manage("doctor", "--json")
    assert one(problems(ran.json[0]), "A dict is not what it was after encoding")
    assert ran.code == 1


def test_what_a_format_changes_is_told_and_no_problem(
    site: Callable[..., Any], manage: Callable[..., Ran]
) -> None:
    site(default={"OPTIONS": {"SERIALIZER": "json"}})
    ran = manage("doctor", "--json")
    results = {entry["type"]: entry["result"] for entry in ran.json[0]["encoding"]}
    assert results["tuple"] == "comes back as list"
    assert results["bytes"] == "refused"
    assert ran.code == 0
    assert not [text for text in advice(ran.json[0]) if "pickle" in text]


def test_what_settings_leave_open_is_advice(
    site: Callable[..., Any], manage: Callable[..., Ran]
) -> None:
    site(
        default={
            "OPTIONS": {
                "CONNECTION_POOL_KWARGS": {"socket_timeout": None},
                "BREAKER_FAILURES": 0,
                "IGNORE_EXCEPTIONS": True,
            }
        },
        twin={},
    )
    found = advice(manage("doctor", "--json").json[0])
    assert one(found, "no SOCKET_TIMEOUT")
    assert one(found, "BREAKER_FAILURES is 0")
    assert one(found, "outages leave no trace")
    assert one(found, "share a database and a KEY_PREFIX")


def test_packages_that_an_outage_is_an_error_page_for_are_advice(
    site: Callable[..., Any],
    manage: Callable[..., Ran],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ignoring = {"IGNORE_EXCEPTIONS": True}
    all_but_one = {**ignoring, "IGNORE_EXCEPTIONS_FOR": ["add"]}
    caches = {"closed": ignoring, "asked": all_but_one, "raising": {}}
    site(**{name: {"OPTIONS": options, "KEY_PREFIX": name} for name, options in caches.items()})
    before = [advice(report) for report in manage("doctor", "--json").json]
    assert not [text for found in before for text in found if "ratelimit" in text]
    (tmp_path / "django_ratelimit.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    closed, asked, raising = [advice(report) for report in manage("doctor", "--json").json]
    words = one(closed, "django-ratelimit calls add and incr, which raise")
    assert "\"IGNORE_EXCEPTIONS_FOR\": ['add', 'incr']" in words
    assert not [text for text in (*asked, *raising) if "ratelimit" in text]


def test_what_a_user_may_not_is_advice(
    site: Callable[..., Any], manage: Callable[..., Ran]
) -> None:
    with Server(users={"shop": "on >shop ~* +@all -scan -eval"}) as server:
        site(default={"LOCATION": f"redis://shop:shop@127.0.0.1:{server.port}/0"})
        ran = manage("doctor", "--json")
        [report] = ran.json
        assert ran.code == 0
        assert "delete_pattern()" in one(advice(report), "refuses SCAN")
        assert "lock()" in one(advice(report), "refuses EVAL")


def test_no_password_is_shown(site: Callable[..., Any], manage: Callable[..., Ran]) -> None:
    users = {"shop": "on >s3cret-of-shop ~* +@all -info -memory"}
    with Server(password="s3cret-of-all", users=users) as server:
        place = f"127.0.0.1:{server.port}/0"
        site(
            right={"LOCATION": f"redis://shop:s3cret-of-shop@{place}"},
            wrong={"LOCATION": f"redis://shop:s3cret-wrong@{place}"},
            option={"LOCATION": f"redis://{place}", "OPTIONS": {"PASSWORD": "s3cret-wrong"}},
        )
        ran = manage("doctor", "--json")
        right, wrong, option = ran.json
        assert right["ok"] is True
        assert one(advice(right), "refuses INFO")
        assert one(problems(wrong), "invalid username-password")
        assert problems(option)
        commands = (
            ["get", "k"],
            ["stats"],
            ["recode"],
            ["plugins"],
            ["clear", "--no-input"],
            ["clear", "--prefix", "--no-input"],
            ["delete", "k", "--no-input"],
        )
        said = [ran, manage("doctor")]
        said += [
            manage(*command, "--alias", alias)
            for alias in ("right", "wrong", "option")
            for command in commands
        ]
        for heard in said:
            assert "s3cret" not in heard.out + heard.err + heard.error


def facts(**changed: Any) -> dict[str, Any]:
    """What a server tells that is well; of a dict in ``changed`` its names alone are others."""
    told: dict[str, Any] = {
        "name": "redis://cache/0",
        "reachable": True,
        "expected_role": "primary",
        "role": "primary",
        "product": "Valkey",
        "version": "8.0.1",
        "round_trip_ms": {"median": 0.1, "worst": 0.2},
        "clock_ahead_ms": 3,
        "clients": {"connected": 10, "max": 10_000, "blocked": 0, "rejected": 0},
        "memory": {
            "used": 1,
            "max": 100,
            "policy": "allkeys-lru",
            "evicted_keys": 0,
            "fragmentation": 1.1,
            "fragmentation_bytes": 1024**3,
        },
        "keys": {"total": 10_000, "expiring": 2_000},
        "slowlog": {"threshold_ms": 10.0, "length": 2, "entries": [slow(minutes=90), slow(ms=20)]},
        "replication": {"replicas": []},
    }
    for name, value in changed.items():
        told[name] = told[name] | value if isinstance(told.get(name), dict) else value
    return told


def slow(*, minutes: float = 5, ms: float = 900.0) -> dict[str, Any]:
    at = datetime.now(UTC) - timedelta(minutes=minutes)
    return {"at": at.isoformat("T", "seconds"), "milliseconds": ms, "command": "KEYS"}


@pytest.mark.parametrize(
    ("changed", "level", "words"),
    [
        ({"product": "Redis", "version": "6.0.16"}, "problem", "oldest that is supported is 6.2"),
        ({"clock_ahead_ms": -3_000}, "advice", "3.0 s behind"),
        ({"clients": {"connected": 9_500, "max": 10_000}}, "advice", "9500 of at most 10000"),
        ({"round_trip_ms": {"median": 12.0, "worst": 30.0}}, "advice", "12.0 ms"),
        ({"memory": {"used": 1, "max": 100, "policy": "volatile-lru"}}, "advice", "TIMEOUT None"),
        (
            {
                "replication": {
                    "replicas": [
                        {
                            "address": "a:1",
                            "state": "online",
                            "lag_seconds": 60,
                            "lag_bytes": 2048,
                        }
                    ]
                }
            },
            "advice",
            "60 s, 2.0 KiB",
        ),
        (
            {"memory": {"fragmentation": 1.8}},
            "advice",
            "takes 1.8 times the memory that it uses from its host, 1.0 GiB more",
        ),
        ({"memory": {"fragmentation_bytes": -(1024**3)}}, "advice", "swapped out"),
        (
            {"slowlog": {"entries": [slow(), slow(ms=70)]}},
            "advice",
            "2 commands of more than 50 ms",
        ),
        (
            {"cluster": {"state": "fail", "slots_uncovered": 5_461}},
            "problem",
            "5,461 of the 16,384 slots",
        ),
        ({"cluster": {"state": "fail", "slots_uncovered": 0}}, "problem", "is 'fail', says redis:"),
    ],
)
def test_what_is_made_of_the_facts(changed: dict[str, Any], level: str, words: str) -> None:
    """Conditions that no server can be brought into within a test."""
    assert list(on_servers([facts()])) == []
    finding, *_ = on_servers([facts(**changed)])
    assert finding.level == level
    assert words in finding.text


def test_all_that_never_expires_and_is_never_evicted() -> None:
    found = [one.text for one in on_servers([facts(memory={"max": 0})])]
    assert one(found, "80.0% of the keys of redis://cache/0 have no expiry")
    few = facts(memory={"max": 0}, keys={"total": 900})
    assert not [text for text in (one.text for one in on_servers([few])) if "expiry" in text]


def test_clients_that_wait_or_were_turned_away(
    site: Callable[..., Any], manage: Callable[..., Ran], own_server: Server
) -> None:
    site(default={"LOCATION": own_server.url})
    with own_server.client() as client, own_server.client() as waiting:
        connection = waiting.connection_pool.get_connection()
        connection.send_command("BLPOP", "queue", 30)
        client.config_set("maxclients", len(client.client_list()))
        with socket.create_connection((own_server.host, own_server.port), 5) as refused:
            assert b"max number of clients" in refused.recv(100)
        client.config_set("maxclients", 1000)
        [report] = manage("doctor", "--json").json
        connection.disconnect()
    assert report["servers"][0]["clients"]["blocked"] == 1
    assert "1 client in blocking commands" in one(advice(report), "queue")
    assert one(advice(report), "turned 1 connection away since its start")


def test_slots_that_nobody_has(site: Callable[..., Any], manage: Callable[..., Ran]) -> None:
    with cluster(3, replicas=0) as group:
        urls = [node.url for node in group.nodes]
        site(default={"LOCATION": urls, "OPTIONS": {"CONNECTION_FACTORY": "cluster"}})
        [report] = manage("doctor", "--json").json
        assert report["ok"] is True
        told = report["servers"][0]["cluster"]
        assert told == {"state": "ok", "nodes": 3, "slots_ok": 16_384, "slots_uncovered": 0}
        for node in group.nodes:
            node.cli("CLUSTER", "DELSLOTS", "7")
        ran = manage("doctor", "--json")
        assert ran.code == 1
        text = one(problems(ran.json[0]), "1 of the 16,384 slots of the cluster")
        assert all(f":{node.port}" in text for node in group.nodes)
