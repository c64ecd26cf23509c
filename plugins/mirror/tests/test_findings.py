"""What ``doctor`` and ``stats`` say of a move: how far it is, who disagrees, what is to be done."""

from __future__ import annotations

import io
import json
import os
import time
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from django_redis_core.cache import RedisCache
from django_redis_core.management.commands.redis_cache import Command
from django_redis_core.testing.clients import PATIENCE
from django_redis_core.testing.servers import Server
from django_redis_core_mirror.client import MirrorClient
from django_redis_core_mirror.findings import LONG, PASSING
from django_redis_core_mirror.phases import Phase, Record

from .conftest import MakeCache, add

OURS = "django-redis-core-mirror"


@pytest.fixture
def phase() -> Phase:
    return Phase.OLD


@pytest.fixture
def cache(make_cache: MakeCache, there: Server, here: Server) -> RedisCache:
    add("away", {"LOCATION": there.url, "OPTIONS": PATIENCE})
    mirror = {"CLIENT": "mirror", "MIRROR_OF": "away", "MIRROR_AGE": 0.01, **PATIENCE}
    add("moves", {"LOCATION": here.url, "KEY_PREFIX": "moves", "OPTIONS": mirror})
    return make_cache(mirror, LOCATION=here.url, KEY_PREFIX="moves")


@pytest.fixture
def client(cache: RedisCache) -> MirrorClient:
    return cache.built.part(MirrorClient)


def report(*arguments: str) -> Any:
    out = io.StringIO()
    try:
        call_command(
            Command(), *arguments, "--alias=moves", "--json", stdout=out, stderr=io.StringIO()
        )
    except CommandError:
        assert arguments[0] in ("doctor", "stats"), "which say so in their exit code"
    return json.loads(out.getvalue())["reports"][0]


def findings() -> dict[str, list[str]]:
    """What ``doctor`` has of this plugin, by level."""
    found: dict[str, list[str]] = {}
    for one in report("doctor")["findings"]:
        if one.get("plugin") == OURS:
            found.setdefault(one["level"], []).append(one["text"])
    return found


def column() -> Any:
    [server] = report("stats")["servers"]
    return server["columns"][OURS]["from old"]


def go(cache: RedisCache, phase: Phase) -> None:
    cache.built.run(cache.built.part(MirrorClient).move_to(phase, 0))


def look(cache: RedisCache) -> None:
    """Has this process look at the phase, and tell of itself what it knew before."""
    cache.built.run(cache.built.part(MirrorClient).look_for_phase())


@pytest.mark.parametrize(
    ("phase", "words"),
    [
        (Phase.OLD, "begin: `manage.py redis_cache mirror both --alias moves`"),
        (Phase.BOTH, "Next: `manage.py redis_cache mirror new --alias moves`"),
        (Phase.NEW, "answers nothing any more: `manage.py redis_cache mirror alone --alias moves`"),
        (Phase.ALONE, "without the client 'mirror', and turn 'away' off"),
    ],
)
def test_each_phase_has_a_next_step(cache: RedisCache, phase: Phase, words: str) -> None:
    told = findings()
    assert set(told) == {"note"}
    assert told["note"][0].startswith(f"The move from 'away' stands in \"{phase.title}\": ")
    assert words in told["note"][0]


def test_how_much_the_old_cache_answers(cache: RedisCache, client: MirrorClient) -> None:
    assert column() == "100.0%"
    go(cache, Phase.BOTH)
    assert column() is None, "nothing was read"
    assert "Nothing was read in the last 5 minutes." in findings()["note"]
    from django.core.cache import caches

    caches["away"].set("k", 1)
    assert [cache.get("k") for _ in range(4)] == [1, 1, 1, 1]
    look(cache)
    assert column() == "25.0%"
    said = "In the last 5 minutes the old cache has answered 25.0% of all reads."
    assert said in findings()["note"]
    go(cache, Phase.ALONE)
    assert column() == "0.0%"


def test_stats_goes_on_where_nobody_can_be_asked(cache: RedisCache, here: Server) -> None:
    go(cache, Phase.BOTH)
    here.kill()
    told = report("stats")
    assert told.get("plugin_faults", []) == []


def test_processes_sign_the_roll(cache: RedisCache, client: MirrorClient) -> None:
    """Before the move too: an operator waits until all have the new settings."""
    look(cache)
    look(cache)
    [(name, record)] = cache.built.run(client.roll()).items()
    assert name.endswith(f":{os.getpid()}")
    assert record.phase is Phase.OLD
    go(cache, Phase.BOTH)
    look(cache)
    look(cache)
    assert [one.phase for one in cache.built.run(client.roll()).values()] == [Phase.BOTH]
    assert "told of themselves within two minutes: 1." in findings()["note"][0]
    out = io.StringIO()
    call_command(Command(), "mirror", "--alias=moves", stdout=out)
    assert "told within two minutes that they go by both: 1" in out.getvalue()


def rewrite(cache: RedisCache, phase: Phase, change: int, age: int) -> None:
    """Has both caches say that ``phase`` is so old."""
    from django.core.cache import caches

    client = cache.built.part(MirrorClient)
    written = Record(change, phase, int(time.time()) - age).written()
    cache.raw_client().set(client._phase_key(), written)
    caches["away"].raw_client().set(client._old_phase_key(), written)


def test_a_process_that_goes_by_an_older_phase(cache: RedisCache, client: MirrorClient) -> None:
    rewrite(cache, Phase.BOTH, 2, 5 * PASSING)
    assert "problem" not in findings()
    minute = int(time.time()) // 60
    line = Record(1, Phase.PREPARE, int(time.time())).written()
    cache.raw_client().hset(client.roll_key(minute), "web-3:4711", line)
    [text] = findings()["problem"]
    assert 'web-3:4711 ("prepare")' in text
    # One that has only not looked since is no trouble.
    line = Record(1, Phase.PREPARE, int(time.time()) - 5 * PASSING).written()
    cache.raw_client().hset(client.roll_key(minute), "web-3:4711", line)
    assert "problem" not in findings()


def test_a_move_that_stands_still(cache: RedisCache) -> None:
    rewrite(cache, Phase.HANDOVER, 3, 0)
    assert "problem" not in findings(), "it is being changed"
    rewrite(cache, Phase.HANDOVER, 3, 5 * PASSING)
    [text] = findings()["problem"]
    assert 'stands in "handover" for 5.0 minutes' in text
    assert "Go on (`manage.py redis_cache mirror new --alias moves`)" in text
    assert "back (`manage.py redis_cache mirror both --alias moves`)" in text
    rewrite(cache, Phase.BOTH, 4, 2 * LONG)
    told = findings()
    assert "problem" not in told
    assert 'stands in "both" for 28.0 days' in told["advice"][0]


def test_records_that_differ(cache: RedisCache, client: MirrorClient) -> None:
    go(cache, Phase.BOTH)
    cache.raw_client().set(client._phase_key(), Record(1, Phase.PREPARE, 1).written())
    [text] = findings()["advice"]
    assert 'the new one "prepare", \'away\' "both"' in text
    assert 'the later one, "both"' in text
    go(cache, Phase.BOTH)
    assert "advice" not in findings()


@pytest.mark.parametrize(
    ("end", "level"),
    [(Phase.OLD, "problem"), (Phase.NEW, "problem"), (Phase.ALONE, None)],
)
def test_the_old_side_does_not_answer(
    cache: RedisCache, there: Server, end: Phase, level: str | None
) -> None:
    go(cache, end)
    there.kill()
    told = findings()
    assert told["note"][0].startswith(f"The move from 'away' stands in \"{end.title}\"")
    if level is None:
        assert set(told) == {"note"}
    else:
        assert "The old cache 'away' does not answer" in told[level][0]


@pytest.mark.parametrize(("end", "level"), [(Phase.OLD, "advice"), (Phase.BOTH, "problem")])
def test_the_new_side_does_not_answer(
    cache: RedisCache, here: Server, end: Phase, level: str
) -> None:
    go(cache, end)
    here.kill()
    told = findings()
    assert told["note"][0].startswith(f"The move from 'away' stands in \"{end.title}\"")
    assert told[level][0].startswith("The new cache does not answer")
