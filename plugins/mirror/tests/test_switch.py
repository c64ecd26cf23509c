"""The phase: how it is changed, kept and told, and who waits for it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from io import StringIO

import pytest
from django.core.cache import caches
from django.core.management import CommandError, call_command

from django_redis_core.cache import RedisCache
from django_redis_core.management.commands.redis_cache import Command
from django_redis_core.testing.clients import wait_until
from django_redis_core_mirror.client import MirrorClient
from django_redis_core_mirror.phases import Phase

from .conftest import MakeCache, old_of

Run = Callable[..., str]


@pytest.fixture
def phase() -> Phase:
    return Phase.OLD


@pytest.fixture
def cache(make_cache: MakeCache) -> RedisCache:
    return make_cache({"CLIENT": "mirror", "MIRROR_AGE": 0.02})


@pytest.fixture
def run(cache: RedisCache) -> Run:
    """``run("both")``: what ``redis_cache mirror both`` prints."""

    def run(*arguments: str) -> str:
        out = StringIO()
        alias = f"--alias={cache.alias}"
        call_command(Command(), "mirror", *arguments, alias, "--grace=0", stdout=out)
        return out.getvalue()

    return run


def client_of(cache: RedisCache) -> MirrorClient:
    client = cache.built.client
    assert isinstance(client, MirrorClient)
    return client


def test_a_move_there_and_back(cache: RedisCache, run: Run) -> None:
    old, new = old_of(cache), cache.raw_client()
    full = cache.make_key("k")
    old.set("k", "value", 100)
    assert cache.get("k") == "value"
    assert "phase: old" in run()
    assert not new.exists(full)
    assert "went through prepare, both" in run("both")
    assert cache.get("k") == "value"
    assert 0 < new.pttl(full) <= 100_000
    cache.set("k", "both", 100)
    assert old.get("k") == "both"
    assert "went through handover, new" in run("new")
    assert cache.incr("n", ignore_key_check=True) == 1
    assert old.get("n") is None
    assert "went through handover, both" in run("both")
    assert "went through prepare, old" in run("old")
    assert cache.get("k") == "both"
    assert "went through prepare, both, handover, new, leave, alone" in run("alone")
    cache.set("k", "alone")
    assert old.get("k") == "both"


def test_counters_go_there_and_back(cache: RedisCache, run: Run) -> None:
    old = old_of(cache)
    old.set("n", 5, 100)
    run("new")
    assert cache.incr("n") == 6
    assert old.get("n") is None, "the old cache has a count that is not true any more"
    assert 0 < cache.ttl("n") <= 100
    assert cache.get("n") == 6


def test_who_counts_waits_for_the_end_of_a_hand_over(cache: RedisCache) -> None:
    client = client_of(cache)
    old_of(cache).set("n", 5)
    cache.built.run(client.move_to(Phase.HANDOVER, 0))
    counted: list[int] = []
    thread = threading.Thread(target=lambda: counted.append(cache.incr("n")))
    thread.start()
    try:
        assert cache.get("n") == 5, "who reads does not wait"
        assert not counted
    finally:
        cache.built.run(client.move_to(Phase.NEW, 0))
        thread.join(30)
    assert counted == [6]
    assert cache.raw_client().get(cache.make_key("n")) == b"6"


def test_another_process_learns_of_it(cache: RedisCache, make_cache: MakeCache, run: Run) -> None:
    other = make_cache(
        {
            "CLIENT": "mirror",
            "MIRROR_OF": client_of(cache).mirror_of,
            "MIRROR_AGE": 0.02,
            "LOGGER": "another",
        },
        KEY_PREFIX=cache.key_prefix,
    )
    other.set("k", 1)
    run("both")
    other.set("k", 2)
    assert cache.raw_client().exists(other.make_key("k"))


def test_the_phase_outlives_what_empties_a_cache(cache: RedisCache, run: Run) -> None:
    run("new")
    cache.clear()
    client = client_of(cache)
    client._known = None
    assert cache.built.run(client.look_for_phase()) is Phase.NEW
    cache.raw_client().flushall()
    assert cache.get("k") is None
    wait_until(
        lambda: cache.get("k") or cache.raw_client().exists(client._phase_key()), "it is there"
    )
    client._known = None
    assert cache.built.run(client.look_for_phase()) is Phase.NEW


def test_what_is_told(cache: RedisCache, run: Run) -> None:
    old = old_of(cache)
    old.set_many({f"k{number}": number for number in range(10)}, 100)
    old.hset("hash", "field", "value")
    run("both")
    assert cache.get("k0") == 0
    assert cache.get("k0") == 0
    assert cache.get("k1") == 1
    assert cache.get("missing") is None
    wait_until(
        lambda: json.loads(run("--json"))["reports"][0]["report"]["answers"]["old"] == 2,
        "the counts are told",
    )
    assert "50.0% of 4 reads were answered by the old cache (1 by the new one, 1 by none)" in run()
    assert "11 keys of the old cache were read" in run("new", "--take-over")
    full = [cache.make_key(f"k{number}") for number in range(10)]
    assert cache.raw_client().exists(*full, cache.make_key("hash")) == 11
    assert {number.name for number in cache.numbers()} >= {"mirror_phase", "mirror_old"}


def test_a_move_that_stands_still_is_a_problem(cache: RedisCache, run: Run) -> None:
    client = client_of(cache)
    cache.built.run(client.move_to(Phase.PREPARE, 0))
    with pytest.raises(CommandError, match="stands in prepare, where it should not stay"):
        run()


@pytest.mark.parametrize("arguments", [("--grace=-1",), ("--minutes=0",), ("--take-over",)])
def test_bad_arguments_are_refused(cache: RedisCache, run: Run, arguments: tuple[str, ...]) -> None:
    out = StringIO()
    with pytest.raises(CommandError):
        call_command(Command(), "mirror", f"--alias={cache.alias}", *arguments, stdout=out)


def test_the_old_cache_is_left_for_good(cache: RedisCache, run: Run) -> None:
    assert caches[client_of(cache).mirror_of] is not None
    run("alone")
    old_of(cache).set("k", "old")
    assert cache.get("k") is None
    assert cache.delete("k") is False
    assert old_of(cache).get("k") == "old"
