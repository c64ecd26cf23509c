"""``metrics`` prints OpenMetrics text that a parser of the specification takes."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from django_redis_core.management.metrics import _escaped
from django_redis_core.testing.servers import Server

from .conftest import Ran

_SAMPLE = re.compile(r'([a-z_]+)\{((?:[a-z]+="(?:[^"\\\n]|\\["\\n])*",?)+)\} (\d+)')
_KINDS = {"counter": "_total", "gauge": "", "info": "_info"}


def parsed(text: str) -> dict[str, list[tuple[dict[str, str], int]]]:
    """Samples by their names, after the rules of the specification for these three types."""
    *lines, end, nothing = text.split("\n")
    assert (end, nothing) == ("# EOF", "")
    found: dict[str, list[tuple[dict[str, str], int]]] = {}
    family, kind, stage = "", "", 0
    families = []
    for line in lines:
        if line.startswith("# "):
            word, name, told = line[2:].split(" ", 2)
            if word == "TYPE":
                family, kind, stage = name, told, 0
                families.append(name)
                assert kind in _KINDS
            assert name == family
            order = ("TYPE", "UNIT", "HELP").index(word)
            assert stage <= order, "metadata comes before samples"
            stage = order
            if word == "UNIT":
                assert name.endswith(f"_{told}")
            continue
        stage = 3
        match = _SAMPLE.fullmatch(line)
        assert match, line
        assert match[1] == family + _KINDS[kind], "samples of a family stand together"
        labels = dict(re.findall(r'([a-z]+)="((?:[^"\\]|\\.)*)"', match[2]))
        found.setdefault(match[1], []).append((labels, int(match[3])))
    assert len(set(families)) == len(families)
    for name, samples in found.items():
        assert len({tuple(labels.items()) for labels, _ in samples}) == len(samples), name
    return found


def test_each_server_of_each_cache(
    site: Callable[..., Any], manage: Callable[..., Ran], own_server: Server
) -> None:
    with Server() as second:
        cache = site(
            default={"LOCATION": [own_server.url, second.url], "OPTIONS": {"CLIENT": "shard"}},
            other={"LOCATION": own_server.url},
        )
        cache.set_many({f"k{number}": number for number in range(40)}, 50)
        cache.get_many([f"k{number}" for number in range(45)])
        ran = manage("metrics")
        again = parsed(manage("metrics").out)
    assert ran.code == 0
    found = parsed(ran.out)
    ours = [one for one in found["redis_cache_server_hits_total"] if one[0]["alias"] == "default"]
    assert sum(value for _, value in ours) == 40
    assert again["redis_cache_server_hits_total"] == found["redis_cache_server_hits_total"]
    assert [labels["alias"] for labels, _ in found["redis_cache_server_up"]] == [
        *("default", "default", "other")
    ]
    keys = found["redis_cache_server_keys"]
    assert sum(value for labels, value in keys if labels["alias"] == "default") == 40
    assert found["redis_cache_server_expiring_keys"] == keys
    assert found["redis_cache_server_memory_used_bytes"][0][1] > 0
    assert {labels["role"] for labels, _ in found["redis_cache_server_info"]} == {"primary"}


def test_a_server_that_is_away_is_a_number_too(
    site: Callable[..., Any], manage: Callable[..., Ran]
) -> None:
    site(default={}, away={"LOCATION": "redis://u:secret@127.0.0.1:1/0"})
    ran = manage("metrics", "--doctor")
    assert (ran.code, ran.error) == (1, "Not all servers could be asked: away.")
    assert "secret" not in ran.out
    found = parsed(ran.out)
    assert [value for _, value in found["redis_cache_server_up"]] == [1, 0]
    assert found["redis_cache_well"] == [({"alias": "default"}, 1), ({"alias": "away"}, 0)]
    problems = {
        labels["alias"]: value
        for labels, value in found["redis_cache_findings"]
        if labels["level"] == "problem"
    }
    assert problems["default"] == 0 < problems["away"]


def test_a_server_that_tells_little(site: Callable[..., Any], manage: Callable[..., Ran]) -> None:
    with Server(users={"site": "on >secret ~* +@all -info -dbsize"}) as server:
        site(default={"LOCATION": server.url.replace("redis://", "redis://site:secret@")})
        ran = manage("metrics")
        assert ran.code == 0
        assert [*parsed(ran.out)] == ["redis_cache_server_up"]
        [report] = manage("metrics", "--json").json
        assert report["servers"][0]["server_up"] == 1


def test_labels_are_escaped() -> None:
    assert _escaped('a"b\\c\nd') == 'a\\"b\\\\c\\nd'
