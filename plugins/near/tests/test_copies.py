"""What is kept, for how long, and how much of it. The server counts what it was asked."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from django_redis_core.cache import RedisCache
from django_redis_core.commands import SET, Operation
from django_redis_core.interfaces import Client, always, operation
from django_redis_core.testing.clients import wait_until
from django_redis_core.testing.servers import Server
from django_redis_core_near.client import NearClient

from .conftest import Make, kept, reads, told


class Asked:
    """How many reads of values a server was asked for since the last look."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.server.cli("CONFIG", "RESETSTAT")

    def __call__(self) -> int:
        counted = self.server.info("commandstats")
        self.server.cli("CONFIG", "RESETSTAT")
        names = ("cmdstat_get", "cmdstat_mget", "cmdstat_exists")
        return sum(int(counted[name]["calls"]) for name in names if name in counted)


@pytest.fixture
def asked(redis_server: Server, cache: RedisCache) -> Asked:
    return Asked(redis_server)


@pytest.fixture
def keep(cache: RedisCache) -> Callable[[dict[str, Any]], None]:
    """``keep(values)``: stores them, and returns when the cache has copies of all."""

    def keep(values: dict[str, Any]) -> None:
        cache.set_many(values, None)
        wait_until(lambda: all(kept(cache, key) for key in values), "copies of all")

    return keep


Keep = Callable[[dict[str, Any]], None]

VALUES = {
    "text": "déjà vu",
    "bytes": b"\x00\x01",
    "int": 5,
    "float": 1.5,
    "true": True,
    "nothing": None,
    "list": [1, {"deep": [2]}],
    "tuple": (1, [2]),
}


def test_a_copy_answers_without_the_server(cache: RedisCache, keep: Keep, asked: Asked) -> None:
    keep(VALUES)
    asked()
    for key, value in VALUES.items():
        assert cache.get(key, "default") == value
        assert type(cache.get(key)) is type(value)
        assert cache.has_key(key)
    assert cache.get_many([*VALUES]) == VALUES
    with cache.pipeline() as queue:
        one, many = queue.get("text"), queue.get_many(["int", "list"])
    assert (one.value, many.value) == ("déjà vu", {"int": 5, "list": VALUES["list"]})
    assert cache.get_or_set("text", "other") == "déjà vu"
    assert asked() == 0
    info = cache.client.near_info()
    assert info.hits >= 3 * len(VALUES)
    assert info.misses > 0
    numbers = {number.name: number.value for number in cache.numbers()}
    assert numbers["near_hits"] == info.hits
    assert numbers["near_entries"] == info.entries


def test_asyncio_is_answered_without_waiting(cache: RedisCache, keep: Keep, asked: Asked) -> None:
    """Not even for an event loop: there is none."""
    keep({"a": "1", "b": [2]})
    asked()
    for coroutine, value in [
        (cache.aget("a"), "1"),
        (cache.aget_many(["a", "b"]), {"a": "1", "b": [2]}),
        (cache.ahas_key("b"), True),
    ]:
        with pytest.raises(StopIteration) as stopped:
            coroutine.send(None)
        assert stopped.value.value == value
    assert asked() == 0


def test_of_many_only_those_without_a_copy_are_asked_for(
    cache: RedisCache, keep: Keep, asked: Asked
) -> None:
    keep({"a": 1, "b": [2]})
    cache.set("c", 3)
    asked()
    assert cache.get_many(["a", "none", "b", "c"]) == {"a": 1, "b": [2], "c": 3}
    assert asked() == 1
    assert cache.get_many(["a", "b"]) == {"a": 1, "b": [2]}
    assert asked() == 0


def test_keys_that_are_one_as_stored_are_all_answered(cache: RedisCache) -> None:
    cache.set("1", "value")
    cache.set("2", [2])
    wanted = {1: "value", "1": "value", 2: [2], "2": [2]}
    told(cache)
    for _ in range(3):
        assert cache.get_many([1, "1", 2, "2"]) == wanted
    assert kept(cache, "1", read=False)
    cache.client.near_clear()
    cache.get("1")
    assert cache.get_many([1, "1", 2, "2"]) == wanted


def test_readers_of_one_key_do_not_keep_each_other_from_a_copy(cache: RedisCache) -> None:
    """A key that is asked for again before each reply is here is the one that copies are for."""
    cache.set("k", "value")
    told(cache)
    cache.get("k")
    first = cache._engine.client.get("k")
    reply = cache._driver.execute(first.send(None))
    others = [cache._engine.client.get("k") for _ in range(3)]
    requests = [other.send(None) for other in others]
    with pytest.raises(StopIteration):
        first.send(reply)
    assert kept(cache, "k", read=False)
    for other, request in zip(others, requests, strict=True):
        with pytest.raises(StopIteration) as stopped:
            other.send(cache._driver.execute(request))
        assert stopped.value.value == "value"
    assert kept(cache, "k", read=False)


def test_a_reader_that_gave_up_leaves_the_copy_to_others(cache: RedisCache) -> None:
    cache.set("k", "value")
    told(cache)
    cache.get("k")
    abandoned = cache._engine.client.get("k")
    abandoned.send(None)
    abandoned.close()
    wait_until(lambda: kept(cache, "k"), "a copy")


def test_what_can_be_changed_is_never_shared(cache: RedisCache, keep: Keep) -> None:
    keep({"list": [1]})
    cache.get("list").append(2)
    cache.get_many(["list"])["list"].append(3)
    assert cache.get("list") == [1]


def test_a_first_read_keeps_nothing(cache: RedisCache, asked: Asked) -> None:
    cache.set("k", "value")
    told(cache)
    asked()
    before = cache.client.near_info()
    assert cache.get("k") == "value"
    after = cache.client.near_info()
    assert (after.hits, after.misses) == (before.hits, before.misses + 1)
    assert not kept(cache, "k", read=False)
    assert cache.get("k") == "value"
    assert kept(cache, "k", read=False)
    assert asked() == 2


def test_a_miss_is_not_kept(cache: RedisCache, make_near: Make) -> None:
    for _ in range(3):
        assert cache.get("none") is None
        assert cache.get_many(["none"]) == {}
        assert not cache.has_key("none")
    cache.raw_client().set(cache.make_key("none"), 1)
    assert cache.get("none") == 1


def test_an_unreadable_value_is_not_kept(cache: RedisCache, unreadable: list[Any]) -> None:
    cache.raw_client().set(cache.make_key("broken"), b"\x80garbage")
    for _ in range(3):
        assert cache.get("broken") is None
    assert len(unreadable) == 3
    assert not kept(cache, "broken", read=False)


# For how long


def test_a_copy_ends_after_near_ttl(make_near: Make, redis_server: Server) -> None:
    cache = make_near({"NEAR_TTL": 0.05})
    cache.set("k", 1, None)
    wait_until(lambda: kept(cache, "k"), "a copy")
    copy = cache._engine.client._copies[cache.make_key("k")]
    assert copy.until <= time.monotonic() + 0.05
    asked = Asked(redis_server)
    time.sleep(0.06)
    assert cache.get("k") == 1
    assert asked() == 1


def test_a_copy_never_outlives_the_entry(cache: RedisCache) -> None:
    """Also where the server is late to remove what has expired, or does not at all."""
    server = cache.raw_client()
    server.config_set("maxmemory-policy", "noeviction")
    server.execute_command("DEBUG", "SET-ACTIVE-EXPIRE", "0")
    try:
        began = time.monotonic()
        cache.set("one", "value", 0.4)
        cache.set("many", "value", 0.4)
        stored = time.monotonic()
        while time.monotonic() < began + 0.3:
            assert cache.get("one") == "value" or time.monotonic() > began + 0.39
            cache.get_many(["many"])
        time.sleep(max(stored + 0.45 - time.monotonic(), 0))
        assert cache.get("one") is None
        assert cache.get_many(["many"]) == {}
        assert not cache.has_key("one")
    finally:
        server.execute_command("DEBUG", "SET-ACTIVE-EXPIRE", "1")


# How much


def test_there_are_never_more_copies_than_allowed(make_near: Make) -> None:
    cache = make_near({"NEAR_MAX_ENTRIES": 100})
    values = {f"k{number}": number for number in range(1000)}
    cache.set_many(values)
    for _ in range(3):
        assert cache.get_many([*values]) == values
        for key, value in values.items():
            assert cache.get(key) == value
            assert cache.client.near_info().entries <= 100


def test_copies_never_take_more_memory_than_allowed(make_near: Make) -> None:
    limit = 256 * 1024
    cache = make_near({"NEAR_MAX_BYTES": limit})
    values = {f"k{number}": "x" * (number * 20) for number in range(500)}
    cache.set_many(values)
    for _ in range(3):
        for key, value in values.items():
            assert cache.get(key) == value
            assert cache.client.near_info().bytes <= limit
    assert cache.client.near_info().bytes > limit / 2
    assert cache.client.near_info().bytes == sum(
        copy.size for copy in cache._engine.client._copies.values()
    )


def test_keys_that_were_read_once_take_no_room(make_near: Make) -> None:
    cache = make_near({"NEAR_TTL": 600})
    cache.set_many(dict.fromkeys([f"k{number}" for number in range(2000)], 1))
    told(cache)
    cache.client.near_clear()
    for number in range(2000):
        cache.get(f"k{number}")
    # One in a thousand may be taken for another key, which was read before.
    assert cache.client.near_info().entries < 20


def test_copies_in_use_stay(make_near: Make) -> None:
    cache = make_near({"NEAR_MAX_ENTRIES": 10, "NEAR_TTL": 600})
    cache.set_many({f"k{number}": number for number in range(200)})
    used = [f"k{number}" for number in range(10)]
    wait_until(lambda: all(kept(cache, key) for key in used), "copies")
    answered = 0
    for number in range(10, 200):
        for _ in range(3):
            cache.get(f"k{number}")
        before = cache.client.near_info().hits
        assert cache.get_many(used) == {f"k{number}": number for number in range(10)}
        answered += cache.client.near_info().hits - before
    # Where the oldest went first, it was half of them.
    assert answered > 0.7 * 190 * 10


def test_copies_that_nobody_uses_give_way(make_near: Make) -> None:
    cache = make_near({"NEAR_MAX_ENTRIES": 10, "NEAR_TTL": 600})
    cache.set_many({f"k{number}": number for number in range(20)})
    wait_until(lambda: all(kept(cache, f"k{number}") for number in range(10)), "copies")
    wanted = [f"k{number}" for number in range(10, 20)]
    wait_until(lambda: [key for key in wanted if kept(cache, key)] == wanted, "other copies")
    assert cache.client.near_info().entries <= 10


def test_of_many_keys_a_part_is_kept_at_a_time(make_near: Make, redis_server: Server) -> None:
    cache = make_near({"NEAR_TTL": 600})
    values = {f"k{number}": number for number in range(200)}
    cache.set_many(values, None)
    told(cache)
    cache.client.near_clear()

    def all_kept() -> bool:
        redis_server.cli("CONFIG", "RESETSTAT")
        assert cache.get_many([*values]) == values
        asked = redis_server.info("commandstats").get("cmdstat_pttl", {"calls": 0})
        assert int(asked["calls"]) <= 20, "of 200 keys"
        return all(kept(cache, key, read=False) for key in values)

    wait_until(all_kept, "copies of all")


def test_a_large_value_is_not_kept(make_near: Make) -> None:
    cache = make_near({"NEAR_MAX_BYTES": 64 * 1024})
    cache.set_many({"large": "x" * 5000, "small": "x" * 3000})
    wait_until(lambda: kept(cache, "small"), "a copy")
    for _ in range(3):
        assert cache.get("large") == "x" * 5000
    assert not kept(cache, "large", read=False)


def test_near_clear_drops_all(cache: RedisCache, keep: Keep) -> None:
    keep(VALUES)
    cache.client.near_clear()
    assert (cache.client.near_info().entries, cache.client.near_info().bytes) == (0, 0)
    assert cache.get_many([*VALUES]) == VALUES


# Which keys


def test_a_key_that_the_server_does_not_tell_of_is_not_kept(cache: RedisCache) -> None:
    from django_redis_core._codec.keys import CacheKey

    cache.raw_client().set("elsewhere:1:k", 1)
    try:
        for number in range(1, 5):
            cache.raw_client().set("elsewhere:1:k", number)
            assert cache.get(CacheKey("elsewhere:1:k")) == number
    finally:
        cache.raw_client().delete("elsewhere:1:k")


def test_versions_and_a_key_function_of_ones_own(make_near: Make) -> None:
    def backwards(key: str, prefix: str, version: Any) -> str:
        return f"{key}|{version}|{prefix}"

    for entry in ({}, {"KEY_FUNCTION": backwards}):
        cache = make_near({"NEAR_TTL": 600}, **entry)
        cache.set("k", "one", version=1)
        cache.set("k", "two", version=2)
        for version in (1, 2):
            wait_until(partial(kept, cache, "k", version=version), "a copy")
        assert (cache.get("k"), cache.get("k", version=2)) == ("one", "two")
        cache.raw_client().set(cache.make_key("k", 2), 3)
        wait_until(partial(reads, cache, "k", 3, version=2), "the new value")
        assert cache.get("k") == "one"


# Whose connection


def test_a_client_of_the_callers_own_is_always_asked(
    cache: RedisCache, keep: Keep, asked: Asked
) -> None:
    keep({"k": 1})
    raw = cache.raw_client()
    asked()
    assert cache.get("k", client=raw) == 1
    assert cache.get_many(["k"], client=raw) == {"k": 1}
    assert cache.has_key("k", client=raw)
    assert asked() == 3
    cache.set("k", 2, client=raw)
    assert cache.get("k") == 2
    keep({"k": 2})
    queue = raw.pipeline()
    cache.set("k", 3, client=queue)
    queue.execute()
    wait_until(lambda: cache.get("k") == 3, "the new value")


def test_a_get_of_a_sites_own_is_called_for_copies_too(make_near: Make) -> None:
    class Loud(NearClient):
        name = "loud"

        def get(self, key: Any, default: Any = None, version: Any = None) -> Any:
            return str((yield from super().get(key, default, version))).upper()

    cache = make_near({"CLIENT": Loud, "NEAR_TTL": 600})
    cache.set("k", "value")
    wait_until(lambda: kept(cache, "k"), "a copy")
    assert cache.get("k") == "VALUE"


def test_an_operation_of_another_client_is_watched(make_near: Make) -> None:
    """Its writes are seen as every operation's are: by this process before it goes on, not when
    the server tells of them."""

    class Stamping(Client):
        name = "stamping"

        @operation(fallback=always(bool))
        def stamp(self, key: Any) -> Operation[bool]:
            """Overwrites the value under ``key``."""
            return bool((yield SET(self.naming.make(key), b"7")))

    cache = make_near({"CLIENT": ["near", Stamping], "NEAR_TTL": 600})
    cache.set("k", "value")
    wait_until(lambda: kept(cache, "k"), "a copy")
    assert cache.stamp("k") is True
    assert cache.get("k") == 7
    wait_until(lambda: kept(cache, "k"), "a copy")
    with cache.pipeline() as queue:
        queue.stamp("k")
    assert not kept(cache, "k", read=False)
